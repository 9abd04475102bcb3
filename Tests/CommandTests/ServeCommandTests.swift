import Foundation
import Synchronization
import Testing

@Suite("serve")
struct ServeCommandTests {
    private let scratch = Scratch()

    @Test("data commands mean the same on a server as on a directory")
    func commands() throws {
        let data = scratch.path("data")
        let server = try Server(data: data)
        let url = server.url
        var remoteAnswers: [([String], String)] = []
        try Program.succeed(
            "table", "create", "t", "-f", "cf:versions=2", "-f", "g", "--split-at", "m", "--server",
            url)
        try Program.succeed("put", "t", "apple", "cf:a=1", "cf:b=größer", "--server", url)
        try Program.succeed("put", "t", "apple", "cf:a=2", "--ts", "5000000000000", "--server", url)
        try Program.succeed("put", "t", "00ff", "g:61=00", "--hex", "--server", url)
        try Program.succeed("put", "t", "zebra", "g:q=1", "--server", url)
        try Program.succeed("delete", "t", "zebra", "--server", url)
        #expect(try Program.silt("get", "t", "zebra", "--server", url).status == 3)
        #expect(try Program.silt("get", "u", "zebra", "--server", url).status == 3)
        #expect(try Program.silt("put", "t", "x", "nope:a=1", "--server", url).status != 0)
        for reading in [
            ["get", "t", "apple", "--versions", "2"], ["scan", "t"],
            ["scan", "t", "--format", "csv"],
            ["scan", "t", "--columns", "cf:b", "--format", "csv"],
            ["scan", "t", "--reverse", "--hex"],
            ["scan", "t", "--prefix", "app"], ["count", "t"], ["table", "list"],
            ["table", "describe", "t"],
            ["scan", "t", "--prefix", "a", "--reverse", "--limit", "5"],
        ] {
            let remote = try Program.run(Program.silt, reading + ["--server", url])
            #expect(remote.status == 0, "\(reading): \(remote.errors)")
            remoteAnswers.append((reading, remote.output))
        }
        // Snapshots and aggregates too.
        try Program.succeed("snapshot", "create", "t", "s", "--server", url)
        try Program.succeed("delete", "t", "apple", "--server", url)
        try Program.succeed("snapshot", "clone", "s", "u", "--server", url)
        #expect(try Program.silt("get", "u", "apple", "--server", url).status == 0)
        try Program.succeed("table", "drop", "u", "--server", url)
        try Program.succeed("snapshot", "restore", "s", "--server", url)
        #expect(try Program.silt("get", "t", "apple", "--server", url).status == 0)
        for reading in [
            ["snapshot", "list"], ["aggregate", "t", "n=count()", "s=sum(cf:a)", "m=max(cf:b)"],
            ["aggregate", "t", "n=count()", "--group-prefix", "1", "--format", "csv"],
        ] {
            let remote = try Program.run(Program.silt, reading + ["--server", url])
            #expect(remote.status == 0, "\(reading): \(remote.errors)")
            remoteAnswers.append((reading, remote.output))
        }
        #expect(server.stop() == 0)
        for (reading, remote) in remoteAnswers {
            let local = try Program.run(Program.silt, reading + ["--data", data])
            #expect(local.output == remote, "\(reading)")
        }
    }

    @Test("statistics of a server and of a directory, as text and as JSON")
    func statistics() throws {
        let data = scratch.path("data")
        let server = try Server(data: data)
        try Program.succeed("table", "create", "t", "-f", "cf", "--server", server.url)
        for row in ["a", "b", "c"] {
            try Program.succeed("put", "t", row, "cf:q=\(row)", "--server", server.url)
        }
        try Program.succeed("table", "flush", "t", "--server", server.url)
        try Program.succeed("get", "t", "b", "--server", server.url)
        #expect(try Program.silt("get", "t", "bb", "--server", server.url).status == 3)
        let text = try Program.succeed("stats", "--server", server.url).output
        for name in [
            "write_amplification", "read_amplification", "space_amplification", "filter_asked",
            "cache_hit_ratio", "stalls_for_memory", "compaction_debt_bytes", "p99 us",
        ] {
            #expect(text.contains(name), "\(name): \(text)")
        }
        let remote = try object(Program.succeed("stats", "--json", "--server", server.url).output)
        #expect((remote["batches"] as? Int ?? 0) >= 3)
        #expect((remote["reads"] as? Int ?? 0) >= 2)
        #expect((remote["filter_asked"] as? Int ?? 0) >= 1)
        #expect((remote["filter_excluded"] as? Int ?? 0) >= 1)
        #expect((remote["gets"] as? [String: Any])?["buckets"] is [Any])
        #expect(server.stop() == 0)
        let local = try object(Program.succeed("stats", "--json", "--data", data).output)
        #expect(Set(local.keys) == Set(remote.keys))
        #expect((local["table_bytes"] as? Int ?? 0) > 0)
        #expect(try Program.silt("stats", "--data", scratch.path("none")).status == 3)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("wrong settings are told with their places, and end with 2")
    func checkConfig() throws {
        let file = scratch.path("silt.yaml")
        try "listen: 127.0.0.1:0\nthreads: 0\ncolor: red\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        let checked = try Program.silt("serve", "--config", file, "--check-config")
        #expect(checked.status == 2)
        #expect(checked.errors.contains("\(file):2:10: threads is a number from 1 to 1024"))
        #expect(checked.errors.contains("\(file):3:1: no such setting name=color"))
        // A server does not start with them; flags take their place.
        #expect(try Program.silt("serve", "--config", file).status == 2)
        try "threads: 0\n".write(toFile: file, atomically: true, encoding: .utf8)
        let mended = try Program.silt(
            "serve", "--config", file, "--threads", "2", "--check-config")
        #expect(mended.status == 0)
        #expect(try Program.silt("serve", "--config", file + ".none").status == 2)
        #expect(
            try Program.silt("serve", "--listen", "0.0.0.0:0", "--check-config").status == 2)
    }

    @Test("each documented setting is a flag")
    func flags() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let help = try Program.silt("serve", "--help").output
        let names = page.matches(of: /(?m)^\| `(\w+)` \|/).map { String($0.1) }
        #expect(names.count > 20)
        for name in names {
            #expect(help.contains("--" + name.replacingOccurrences(of: "_", with: "-")), "\(name)")
        }
    }
}
