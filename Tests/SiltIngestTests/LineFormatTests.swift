import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite struct LineFormatTests {
    private func decode(
        _ decoder: RecordDecoder, _ text: String, paths: Int, blockBytes: Int = .max
    ) throws -> (rows: [[String]], failures: [String]) {
        var decoder = decoder
        var batch = RecordBatch(literals: TextBuffer(), slotCount: paths)
        var end = batch.blockStart
        var rest = Array(text.utf8)[...]
        var rows: [[String]] = []
        var failures: [String] = []
        while true {
            batch.beginBlock(keeping: end)
            let piece = rest.prefix(blockBytes)
            rest = rest.dropFirst(blockBytes)
            batch.texts.bytes += piece
            end = batch.texts.bytes.count
            try decoder.decode(&batch, end: end, isFinal: piece.isEmpty, file: "f")
            let bad = Set(batch.failures.map(\.record))
            failures += batch.failures.map(\.reason)
            for record in 0..<batch.count where !bad.contains(record) {
                rows.append((0..<paths).map { show(batch.slots[record * paths + $0], batch.texts) })
            }
            if piece.isEmpty { return (rows, failures) }
        }
    }

    private func show(_ value: Datum, _ texts: TextBuffer) -> String {
        switch value.tag {
        case Datum.Tag.null: "null"
        case Datum.Tag.missing: "-"
        case Datum.Tag.int: "\(value.bits)i"
        case Datum.Tag.double: "\(value.double)"
        case Datum.Tag.bool: "\(value.isTrue)"
        default: texts.string(value)
        }
    }

    @Test(
        "line protocol: tags, fields of every type, escapes, comments, missing time stamps",
        arguments: [1, 5, Int.max])
    func lineProtocol(blockBytes: Int) throws {
        let text = #"""
            weather,location=us-midwest temperature=82 1465839830100400200
            # a comment

            weather,location=us\,\ mid\=west,k=2 temperature=-82.5,n=5i,u=7u,ok=t,no=False 12
            wea\ ther temperature=1e3,text="a \"quoted\\ one, = here"
            t,location=x temperature="82"  13
            only
            a,b temperature=1
            a, temperature=1
            a temperature=
            a temperature=x
            a temperature=1i2
            a temperature="open
            a temperature=1 2 3
            a temperature=-1u
            a temperature=1 12.5
            """#
        let paths = [
            ["measurement"], ["location"], ["temperature"], ["n"], ["text"], ["ok"], ["time"],
        ]
        let (rows, failures) = try decode(
            RecordDecoder(.lineProtocol, paths: paths), text, paths: paths.count,
            blockBytes: blockBytes)
        #expect(
            rows == [
                ["weather", "us-midwest", "82.0", "-", "-", "-", "1465839830100400200i"],
                ["weather", "us, mid=west", "-82.5", "5i", "-", "true", "12i"],
                ["wea ther", "-", "1000.0", "-", #"a "quoted\ one, = here"#, "-", "-"],
                ["t", "x", "82", "-", "-", "-", "13i"],
            ])
        #expect(failures.count == 10)
        #expect(failures.first == "fields are missing at byte 4")
        #expect(failures.last == "time stamp is not an integer")
    }

    static let accessPattern =
        #"^(?<ip>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<path>[^ "]*)[^"]*" (?<status>\d{3}) (?<bytes>\d+|-)( "(?<referrer>[^"]*)".*)?$"#

    @Test(
        "logs by named groups; a line that does not fit is a failure", arguments: [1, 7, Int.max])
    func pattern(blockBytes: Int) throws {
        let text =
            #"""
            83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a/b.png?x=1 HTTP/1.1" 200 203023 "http://r/" "Mozilla"
            ::1 - - [17/May/2015:10:05:43 +0000] "POST /\u{e9} HTTP/1.0" 304 -
            nonsense
            """#.replacing("\\u{e9}", with: "\u{e9}") + "\r\n"
        let paths = [["status"], ["path"], ["bytes"], ["referrer"], ["time"]]
        let decoder = RecordDecoder(
            .regex, paths: paths, nullTexts: ["-"], pattern: Self.accessPattern)
        let (rows, failures) = try decode(decoder, text, paths: paths.count, blockBytes: blockBytes)
        #expect(
            rows == [
                ["200", "/a/b.png?x=1", "203023", "http://r/", "17/May/2015:10:05:03 +0000"],
                ["304", "/\u{e9}", "null", "null", "17/May/2015:10:05:43 +0000"],
            ])
        #expect(failures == ["line does not fit the pattern"])
        #expect(
            LinePattern.groupNames(Self.accessPattern)
                == ["ip", "time", "method", "path", "status", "bytes", "referrer"])
    }

    @Test("patterns are checked with the job")
    func checks() throws {
        func problems(_ source: String) throws -> [String] {
            let text = """
                {"job":"j","source":\(source),"time":{"field":"ts"},"key":["k"],
                "windows":[{"name":"w","tumble":"1s"}],"aggregates":{"n":"count()"},"into":{"table":"t"}}
                """
            return JobDefinition.check(try DocumentNode(json: Array(text.utf8))).map(\.message)
        }
        #expect(
            try problems(#"{"file":"f","format":"regex"}"#).first?.contains("needs a pattern")
                == true)
        #expect(
            try problems(#"{"file":"f","format":"regex","pattern":"(?<k>"}"#).first?
                .contains("not a regular expression") == true)
        #expect(
            try problems(#"{"file":"f","format":"regex","pattern":"(?<k>.)"}"#)
                == ["pattern has no group 'ts', which the job reads"])
        #expect(
            try problems(#"{"file":"f","format":"regex","pattern":"(?<k>.)(?P<ts>\\d)"}"#).isEmpty)
        #expect(try problems(#"{"file":"f","format":"ndjson","pattern":"x"}"#).count == 1)
        #expect(try problems(#"{"generator":{"events":5,"keys":0}}"#).count == 1)
    }

    @Test("generated events are the same for every block size and after stops")
    func generator() throws {
        let job = try JobBench.job([
            "source": #"{"generator": {"events": 3000, "seed": 4, "keys": 9, "disorder": "3s"}}"#,
            "key": #"["key"]"#, "aggregates": #"{"n": "count()", "s": "sum(value)"}"#,
        ])
        var wanted: [String] = []
        for (blockBytes, stops) in [(1 << 20, false), (1000, false), (7000, true)] {
            var bench = JobBench()
            bench.options.blockBytes = blockBytes
            bench.options.checkpointBytes = 1
            let store = try bench.open()
            while true {
                var left = stops ? 9 : Int.max
                let summary = try JobRunner(
                    store: store, job: job,
                    input: JobInput(job.source, files: MemoryInputFiles()), clock: bench.clock,
                    options: bench.options
                ).run(isCancelled: {
                    left -= 1
                    return left < 0
                })
                if summary.outcome == .completed {
                    #expect(summary.records == 3000 && summary.bad == 0 && summary.late > 0)
                    break
                }
            }
            let got = try JobBench.dumpAll(store)
            if wanted.isEmpty { wanted = got }
            #expect(got == wanted && got.count > 20)
        }
    }
}
