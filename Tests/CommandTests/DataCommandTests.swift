import Testing

@Suite("Data commands")
struct DataCommandTests {
    private let scratch = Scratch()

    private var data: String { scratch.path("data") }

    @Test("what is put is got, scanned, counted and deleted; every format says the same")
    func roundTrip() throws {
        let data = data
        try Program.succeed(
            "table", "create", "t", "-f", "cf:versions=2", "-f", "g", "--split-at", "m", "--data",
            data)
        try Program.succeed("put", "t", "apple", "cf:a=1", "cf:b=x=y", "--data", data)
        try Program.succeed("put", "t", "apple", "cf:a=2", "--ts", "5000000000000", "--data", data)
        try Program.succeed("put", "t", "zebra", "g:q=\"quoted\", and more", "--data", data)
        let got = try Program.succeed(
            "get", "t", "apple", "--versions", "2", "--format", "csv", "--data", data)
        #expect(got.lines.count == 4)
        #expect(got.lines[0] == "row,column,timestamp,value")
        #expect(got.lines[1] == "apple,cf:a,5000000000000,2")
        #expect(got.lines[2].hasPrefix("apple,cf:a,") && got.lines[2].hasSuffix(",1"))
        #expect(got.lines[3].hasSuffix(",x=y"))
        let wide = try Program.succeed(
            "scan", "t", "--columns", "cf:a,g:q", "--format", "csv", "--data", data)
        #expect(wide.output == "row,cf:a,g:q\napple,2,\nzebra,,\"\"\"quoted\"\", and more\"\n")
        let lines = try Program.succeed(
            "scan", "t", "--format", "ndjson", "--reverse", "--data", data)
        #expect(
            lines.lines == [
                #"{"row":"zebra","columns":{"g:q":"\"quoted\", and more"}}"#,
                #"{"row":"apple","columns":{"cf:a":"2","cf:b":"x=y"}}"#,
            ])
        let limited = try Program.succeed(
            "scan", "t", "--prefix", "a", "--limit", "1", "--columns", "cf:b", "--data", data)
        #expect(limited.lines == ["row    cf:b", "apple  x=y"])
        let count = try Program.succeed("count", "t", "--format", "csv", "--data", data)
        #expect(count.output == "rows,cells\n2,3\n")
        try Program.succeed("delete", "t", "apple", "cf:b", "--data", data)
        try Program.succeed("delete", "t", "zebra", "--data", data)
        let rest = try Program.succeed("scan", "t", "--format", "ndjson", "--data", data)
        #expect(rest.lines == [#"{"row":"apple","columns":{"cf:a":"2"}}"#])
        let check = try Program.succeed("check", "--data", data)
        #expect(check.lines.last == "no damage")
    }

    @Test("namespaces and tables with a feed, in a directory and on a server")
    func namespaces() throws {
        func check(_ location: [String]) throws {
            func silt(_ words: String...) throws -> Program.Outcome {
                try Program.run(Program.silt, words + location)
            }
            let early = try silt("table", "create", "shop:t", "-f", "f")
            #expect(early.status == 3 && early.errors.contains("no such namespace namespace=shop"))
            #expect(try silt("namespace", "create", "shop").status == 0)
            #expect(try silt("namespace", "create", "shop").status == 1)
            #expect(try silt("namespace", "create", "a-b").status == 2)
            let made = try silt("table", "create", "shop:t", "-f", "f", "--feed", "7d")
            #expect(made.status == 0)
            #expect(try silt("put", "shop:t", "r", "f:q=1").status == 0)
            let changes = try silt("table", "changes", "shop:t", "--format", "ndjson")
            #expect(changes.lines.count == 1 && changes.output.contains(#""row":"r""#))
            let feed = try silt("table", "feed", "shop:t", "--format", "csv")
            #expect(feed.lines.last?.hasPrefix("7d,") == true)
            let full = try silt("namespace", "drop", "shop")
            #expect(full.status == 1 && full.errors.contains("namespace has tables"))
            let list = try silt("namespace", "list", "--format", "csv")
            #expect(list.lines == ["namespace", "default", "hbase", "shop"])
            #expect(try silt("table", "drop", "shop:t").status == 0)
            #expect(try silt("namespace", "drop", "shop").status == 0)
            #expect(try silt("namespace", "drop", "shop").status == 3)
        }
        try Program.succeed("table", "create", "t", "-f", "f", "--data", data)
        try check(["--data", data])
        let server = try Server(data: data)
        try check(["--server", server.url])
        #expect(server.stop() == 0)
    }

    @Test("hex and base 64 reach every byte")
    func binary() throws {
        let data = data
        try Program.succeed("table", "create", "t", "-f", "cf", "--data", data)
        try Program.succeed("put", "t", "00ff", "cf:01=0a2c", "--hex", "--data", data)
        let hex = try Program.succeed(
            "scan", "t", "--hex", "--columns", "cf:01", "--format", "csv", "--data", data)
        #expect(hex.output == "row,cf:01\n00ff,0a2c\n")
        let base64 = try Program.succeed(
            "get", "t", "AP8=", "--base64", "--format", "ndjson", "--data", data)
        #expect(base64.lines == [#"{"row":"AP8=","columns":{"cf:AQ==":"Ciw="}}"#])
        let text = try Program.succeed(
            "scan", "t", "--columns", "cf", "--format", "ndjson", "--data", data)
        #expect(text.lines == [#"{"row":{"base64":"AP8="},"columns":{"cf:\\x01":"\n,"}}"#])
    }

    @Test("exit codes and words of failures")
    func failures() throws {
        let data = data
        let none = try Program.silt("scan", "t", "--data", data)
        #expect(none.status == 3 && none.output.isEmpty)
        #expect(none.errors.contains("there is no database in the directory"))
        try Program.succeed("table", "create", "t", "-f", "cf", "--data", data)
        let again = try Program.silt("table", "create", "t", "-f", "cf", "--data", data)
        #expect(again.status == 1 && again.errors.contains("exists"))
        let row = try Program.silt("get", "t", "nobody", "--data", data)
        #expect(row.status == 3 && row.output.isEmpty && row.errors.contains("nobody"))
        let table = try Program.silt("get", "u", "x", "--data", data)
        #expect(table.status == 3 && table.errors.contains("silt table list"))
        let family = try Program.silt("put", "t", "x", "nope:a=1", "--data", data)
        #expect(family.status == 3 && family.errors.contains("nope"))
        for wrong in [
            ["put", "t", "x", "--data", data], ["put", "t", "x", "cfa1", "--data", data], ["scan"],
            ["frobnicate"], ["scan", "t", "--limit", "0", "--data", data],
            ["put", "t", "", "cf:a=1", "--data", data], ["get", "t", "0", "--hex", "--data", data],
            ["table", "create", "u", "-f", "cf:colour=red", "--data", data],
            ["scan", "t", "--data", data, "--server", "http://127.0.0.1:1"],
        ] {
            let outcome = try Program.run(Program.silt, wrong)
            #expect(outcome.status == 2, "\(wrong): \(outcome.errors)")
            #expect(outcome.output.isEmpty && !outcome.errors.isEmpty, "\(wrong)")
        }
        let nobody = try Program.silt("scan", "t", "--server", "http://127.0.0.1:1")
        #expect(nobody.status == 1 && nobody.errors.contains("silt serve"))
        #expect(try Program.silt("--help").status == 0)
        #expect(try Program.succeed("--version").output == "0.1.0\n")
    }

    @Test("tables are described as they were made, listed and dropped")
    func tables() throws {
        let data = data
        try Program.succeed(
            "table", "create", "b", "-f",
            "cf:versions=3,ttl=30d,compression=zstd:5,bloomfilter=rowcol",
            "--durability", "sync_wal", "--split-at", "g,p", "--data", data)
        try Program.succeed("table", "create", "a", "-f", "x", "--data", data)
        #expect(try Program.succeed("table", "list", "--data", data).lines == ["a", "b"])
        let words = try Program.succeed("table", "describe", "b", "--data", data)
        #expect(
            words.lines == [
                "table b", "durability SYNC_WAL", "split at g,p",
                "family  settings that differ from the defaults",
                "cf      versions=3,ttl=30d,bloomfilter=rowcol,compression=zstd:5",
            ])
        let regions = try Program.succeed(
            "table", "regions", "b", "--format", "csv", "--data", data)
        let bounds = regions.lines.dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)[1...2].joined(separator: "-")
        }
        #expect(bounds == ["-g", "g-p", "p-"])
        let rule = "maxversions=5 or (maxage=7d and maxversions=1)"
        try Program.succeed(
            "table", "create", "h", "-f", "x:gc=\(rule)", "--hash", "2", "--data", data)
        let hashed = try Program.succeed("table", "describe", "h", "--data", data)
        #expect(hashed.lines.contains("hash 2"))
        #expect(hashed.lines.contains("x       gc=\(rule)"))
        #expect(
            try Program.silt("table", "create", "i", "-f", "x:gc=maxage=1", "--data", data).status
                == 2)
        for row in ["r1", "r3", "r2"] {
            try Program.succeed("put", "h", row, "x:q=v", "--data", data)
        }
        let scan = try Program.succeed("scan", "h", "--format", "csv", "--data", data)
        #expect(scan.lines.dropFirst().map { $0.prefix(2) } == ["r1", "r2", "r3"])
        let buckets = try Program.succeed(
            "table", "regions", "h", "--format", "csv", "--data", data)
        #expect(buckets.lines[0].hasPrefix("region,start,end,bucket,cells"))
        #expect(buckets.lines.count == 3)
        try Program.succeed("check", "--data", data)
        try Program.succeed("table", "drop", "h", "--data", data)
        try Program.succeed("table", "drop", "b", "--data", data)
        #expect(try Program.succeed("table", "list", "--data", data).lines == ["a"])
        #expect(try Program.silt("table", "describe", "b", "--data", data).status == 3)
    }

    @Test("a table's changes are kept, shown in order and gone on with")
    func changes() throws {
        let data = data
        try Program.succeed("table", "create", "t", "-f", "f", "--data", data)
        #expect(try Program.silt("table", "changes", "t", "--data", data).status == 3)
        try Program.succeed("table", "feed", "t", "--retention", "7d", "--data", data)
        for row in ["b", "a"] {
            try Program.succeed("put", "t", row, "f:q=\(row)1", "--data", data)
        }
        try Program.succeed("delete", "t", "b", "--data", data)
        let lines = try Program.succeed(
            "table", "changes", "t", "--format", "csv", "--data", data
        ).lines
        #expect(lines[0] == "position,time,row,change,column,timestamp,value")
        let fields = lines.dropFirst().map { $0.split(separator: ",").map(String.init) }
        #expect(fields.map { $0[2] } == ["b", "a", "b"])
        #expect(fields.map { $0[3] } == ["put", "put", "delete_family"])
        #expect(fields[0].last == "b1")
        let rest = try Program.succeed(
            "table", "changes", "t", "--after", fields[1][0], "--format", "ndjson", "--data", data
        ).lines
        #expect(rest.count == 1 && rest[0].contains(#""type":"delete_family""#))
        let feed = try Program.succeed(
            "table", "feed", "t", "--format", "csv", "--data", data
        ).lines
        #expect(feed.last == "7d,\(fields[2][0])")
        #expect(
            try Program.silt("table", "changes", "t", "--after", "x", "--data", data).status == 2)
        try Program.succeed("table", "feed", "t", "--off", "--data", data)
        #expect(try Program.silt("table", "changes", "t", "--data", data).status == 3)
    }
}
