import Foundation
import SiltBytes
import SiltIO
import SiltIngest
import SiltLSM
import SiltModel
import SiltTable
import Testing

@testable import SiltWebHDFS

/// A process that speaks WebHDFS over a folder of its own.
private final class HDFS {
    let folder: URL
    let url: String
    private let process = Process()

    init(faults: Double = 0, seed: Int = 1, _ arguments: String...) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "silt-hdfs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        process.executableURL = root.appendingPathComponent("scripts/webhdfs-server")
        process.arguments =
            [folder.path, "--faults", "\(faults)", "--seed", "\(seed)"] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var line = ""
        while !line.hasSuffix("\n") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { throw SiltstoneError(.unavailable, "no server: \(line)") }
            line += String(decoding: data, as: UTF8.self)
        }
        url = String(line.dropLast().split(separator: " ").last ?? "")
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ name: String, _ text: String) throws {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: place)
    }

    func text(_ name: String) -> String? {
        try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    func settings(_ path: String) -> WebHDFSSettings {
        var settings = WebHDFSSettings(urls: [url], path: path)
        settings.retryMilliseconds = 20_000
        return settings
    }
}

@Suite("Files of HDFS", .serialized) struct WebHDFSTests {
    private let clock = SystemClock()

    private func files(_ settings: WebHDFSSettings, readAhead: Int = 0) throws(SiltstoneError)
        -> WebHDFSFiles
    {
        try WebHDFSFiles(
            settings, readAheadBytes: readAhead, clock: clock, random: SystemRandom())
    }

    @Test("directories, patterns and single files are listed; what is not whole is left out")
    func lists() throws {
        let hdfs = try HDFS()
        for name in [
            "in/b.csv", "in/a.csv", "in/a.txt", "in/_SUCCESS", "in/.x", "in/c._COPYING_", "in/d/e",
        ] {
            try hdfs.write(name, name)
        }
        try hdfs.write("in/ä b&?.csv", "x")
        let files = try self.files(hdfs.settings("/in"))
        #expect(
            try files.names(matching: "/in") == [
                "/in/a.csv", "/in/a.txt", "/in/b.csv", "/in/ä b&?.csv",
            ])
        #expect(try files.names(matching: "/in/a*") == ["/in/a.csv", "/in/a.txt"])
        #expect(try files.names(matching: "/in/b.csv") == ["/in/b.csv"])
        #expect(try files.statuses(matching: "/none/*").isEmpty)
        var bytes: [UInt8] = []
        _ = try files.open("/in/ä b&?.csv").read(10, at: 0, into: &bytes)
        #expect(bytes == Array("x".utf8))
        do throws(SiltstoneError) {
            _ = try files.open("/in/none")
            Issue.record("a file that is not there was opened")
        } catch {
            #expect(error.code == .notFound)
        }
    }

    @Test("any part of a file is what it is, with and without redirects, through all faults")
    func reads() throws {
        for seed in 1...3 {
            let hdfs = try HDFS(faults: 0.4, seed: seed)
            let text = (0..<40_000).map { "\($0 * 7919 % 100_003)\n" }.joined()
            try hdfs.write("big", text)
            for namesDataNodes in [false, true] {
                for readAhead in [0, 10_000] {
                    var settings = hdfs.settings("/big")
                    settings.namesDataNodes = namesDataNodes
                    let file = try files(settings, readAhead: readAhead).open("/big")
                    var bytes: [UInt8] = []
                    while try file.read(7001, at: bytes.count, into: &bytes) > 0 {}
                    #expect(bytes == Array(text.utf8), "seed=\(seed)")
                }
            }
        }
    }

    @Test("who may not is told so, and a name node on standby gives way to the next")
    func refusals() throws {
        let hdfs = try HDFS("--user", "ada", "--token", "t&1")
        try hdfs.write("f", "x")
        do throws(SiltstoneError) {
            _ = try files(hdfs.settings("/f")).open("/f")
            Issue.record("opened without a user")
        } catch {
            #expect(error.code == .invalidArgument)
            #expect(error.message.contains("SecurityException"))
        }
        // A token counts instead of a user; this server wants both, so it refuses one.
        let open = try HDFS("--token", "t&1")
        try open.write("f", "x")
        var settings = open.settings("/f")
        settings.token = "t&1"
        settings.urls = ["http://127.0.0.1:1", open.url]
        #expect(try files(settings).open("/f").byteCount() == 1)
        var lost = WebHDFSSettings(urls: ["http://127.0.0.1:1"], path: "/f")
        lost.retryMilliseconds = 300
        do throws(SiltstoneError) {
            _ = try files(lost).open("/f")
            Issue.record("opened on no server")
        } catch {
            #expect(error.code == .unavailable)
        }
    }

    @Test("a job over HDFS gives the table of the same files on disk, however it is stopped")
    func job() throws {
        let hdfs = try HDFS(faults: 0.2, seed: 5)
        var whole = ""
        for part in 0..<5 {
            let text = (0..<2000).map { event -> String in
                let id = part * 2000 + event
                return "{\"ts\":\(id * 10),\"k\":\"k\(id % 7)\",\"v\":\(id % 13)}\n"
            }.joined()
            whole += text
            try hdfs.write("in/part-\(part)", text)
        }
        let json = """
            {"job": "j", "source": {"webhdfs": {"url": "\(hdfs.url)", "path": "/in/part-*"}, "format": "ndjson"},
             "time": {"field": "ts", "out_of_order": "1s"}, "key": ["k"],
             "windows": [{"name": "w", "tumble": "10s"}],
             "aggregates": {"n": "count()", "s": "sum(v)"}, "into": {"table": "t"}}
            """
        let job = try JobDefinition(DocumentNode(json: Array(json.utf8)))
        func table(_ store: TableStore) throws -> [String] {
            var lines: [String] = []
            let scanner = try store.table("t").scan(.all)
            while let row = try scanner.next() {
                lines += row.cells.map { "\(row.key) \($0.column)=\($0.value)" }
            }
            return lines
        }
        let plain = try memoryStore()
        _ = try JobRunner(
            store: plain, job: job,
            input: JobInput(
                path: "in", files: MemoryInputFiles(["in": Array(whole.utf8)]), kind: "webhdfs"),
            clock: clock
        ).run()
        let store = try memoryStore()
        var options = JobRunner.Options()
        options.blockBytes = 10_000
        options.checkpointBytes = 1
        var stops = 0
        while true {
            var blocks = 7
            let summary = try JobRunner(
                store: store, job: job,
                input: JobInput(
                    path: "/in/part-*",
                    files: try files(hdfs.settings("/in/part-*"), readAhead: 30_000),
                    kind: "webhdfs"), clock: clock, options: options
            ).run(isCancelled: {
                blocks -= 1
                return blocks < 0
            })
            if summary.outcome == .completed { break }
            stops += 1
        }
        #expect(stops > 3)
        #expect(try table(store) == table(plain))
    }

    @Test("files that come later are read once each, and removed ones do no harm")
    func tails() throws {
        let hdfs = try HDFS(faults: 0.2, seed: 7)
        let json = """
            {"job": "j", "source": {"webhdfs": {"url": "\(hdfs.url)", "path": "/in/part-*"}, "tail": true},
             "time": {"field": "ts", "idle": "100ms"}, "key": ["k"],
             "windows": [{"name": "w", "tumble": "10s"}],
             "aggregates": {"n": "count()"}, "into": {"table": "t"}}
            """
        let job = try JobDefinition(DocumentNode(json: Array(json.utf8)))
        let store = try memoryStore()
        var habits = TailRunner.Habits()
        habits.pollMilliseconds = 20
        habits.settleMilliseconds = 100
        habits.endsSettled = true
        var records: Int64 = 0
        var expected: Int64 = 0
        for round in 0..<6 {
            // The last line of a file has no newline.
            let lines = (0..<100).map { "{\"ts\":\(round * 10_000 + $0),\"k\":\"a\"}" }
            try hdfs.write("in/part-\(round)", lines.joined(separator: "\n"))
            if round == 3 {
                try FileManager.default.removeItem(
                    at: hdfs.folder.appendingPathComponent("in/part-1"))
            }
            expected += 100
            let deadline = Date().addingTimeInterval(20)
            let summary = try TailRunner(
                store: store, job: job, pattern: "/in/part-*",
                files: try files(hdfs.settings("/in")),
                clock: clock, habits: habits
            ).run(
                progress: { records = $0.records },
                isCancelled: { records >= expected || Date() > deadline })
            #expect(summary.records == expected, "round=\(round)")
            #expect(summary.bad == 0)
        }
    }

    private func memoryStore() throws -> TableStore {
        var engine = EngineOptions()
        engine.logSegmentBytes = 4 << 20
        return try TableStore.open(
            .memory(disk: MemoryDisk(), clock: ManualClock(), seed: 1), engine)
    }
}
