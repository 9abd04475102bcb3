import Foundation
import Testing

/// Kills a job that tails files while they are written, rotated, cut and compressed.
///
/// `SILT_KILLS` says how often, `SILT_SEED` when and what.
@Suite("A killed job over tailed files")
struct KillTailTests {
    private static let jobFile = """
        job: tailed
        source: {file: "LOGS/app*", tail: true, format: ndjson}
        time: {field: ts, out_of_order: 1s, idle: 1s}
        key: [k]
        windows: [{name: w, tumble: 10s}]
        aggregates: {n: count(), s: sum(v)}
        into: {table: totals}
        bad_records: {table: bad}

        """

    private let scratch = Scratch()

    @Test("loses nothing and counts nothing twice")
    func kills() throws {
        let kills = Program.number("SILT_KILLS", default: 5)
        let seed = Program.number("SILT_SEED", default: 3)
        print("kill -9 of a tailing job: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        let logs = scratch.url("logs")
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
        try Data(Self.jobFile.replacingOccurrences(of: "LOGS", with: logs.path).utf8).write(
            to: scratch.url("job.yaml"))
        var log = LogWriter(folder: logs)
        var process = try begin()
        var left = kills
        while left > 0 {
            let start = Date()
            let life = 0.3 + Double(random.next() % 1500) / 1000
            while Date().timeIntervalSince(start) < life {
                try log.step(&random)
                Thread.sleep(forTimeInterval: 0.005)
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            left -= 1
            for _ in 0..<(random.next() % 20) { try log.step(&random) }
            process = try begin()
        }
        for _ in 0..<50 { try log.step(&random) }
        try log.end()
        let deadline = Date().addingTimeInterval(60)
        var summary = ""
        while Date() < deadline {
            Thread.sleep(forTimeInterval: 4)
            process.terminate()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(scratch.text("errors"))")
            summary = scratch.text("output")
            if try total("n") == log.written { break }
            process = try begin()
        }
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        #expect(try total("n") == log.written, "seed=\(seed) \(summary)")
        #expect(try total("s") == log.sum, "seed=\(seed)")
        print(
            "kill -9 of a tailing job: \(kills) kills, \(log.written) lines, \(log.rotations) rotations, \(log.cuts) cuts"
        )
    }

    private func begin() throws -> Process {
        try Program.start(
            Program.silt,
            [
                "job", "run", scratch.path("job.yaml"), "--data", scratch.path("data"),
                "--checkpoint-interval", "50ms", "--block-bytes", "4096",
            ], scratch)
    }

    private func total(_ column: String) throws -> Int {
        try Program.silt(
            "scan", "totals", "--columns", "w:\(column)", "--format", "csv", "--data",
            scratch.path("data")
        ).lines.filter { !$0.hasPrefix("end") }.reduce(0) {
            $0 + (Int($1.split(separator: ",").last ?? "") ?? 0)
        }
    }
}

/// What an application and logrotate do to a log.
private struct LogWriter {
    let folder: URL
    private(set) var written = 0
    private(set) var sum = 0
    private(set) var rotations = 0
    private(set) var cuts = 0
    private var time = 0
    private var pending = Data()

    private var log: URL { folder.appendingPathComponent("app.log") }

    init(folder: URL) { self.folder = folder }

    private func archive(_ number: Int, _ end: String = "") -> URL {
        folder.appendingPathComponent("app.log.\(number)\(end)")
    }

    mutating func step(_ random: inout SplitMix) throws {
        switch random.next() % 100 {
        case 0: try rotate(compresses: random.next() % 2 == 0)
        case 1: try cut()
        default: try append(Int(random.next() % 30), splits: random.next() % 5 == 0)
        }
    }

    private mutating func append(_ count: Int, splits: Bool) throws {
        for _ in 0..<count {
            time += 37
            let value = written % 11
            pending += Data("{\"ts\":\(time),\"k\":\"k\(written % 5)\",\"v\":\(value)}\n".utf8)
            written += 1
            sum += value
        }
        // A write may end in the middle of a line.
        try write(splits ? pending.count / 2 : pending.count)
    }

    private mutating func write(_ count: Int) throws {
        if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
        let handle = try FileHandle(forWritingTo: log)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: pending.prefix(count))
        pending = Data(pending.dropFirst(count))
    }

    private mutating func rotate(compresses: Bool) throws {
        try write(pending.count)
        rotations += 1
        let name = archive(rotations + cuts)
        try FileManager.default.moveItem(at: log, to: name)
        guard compresses else { return }
        let outcome = try Program.run(URL(fileURLWithPath: "/bin/gzip"), [name.path])
        #expect(outcome.status == 0)
    }

    /// As logrotate's copytruncate does; here nobody writes between the copy and the cut.
    private mutating func cut() throws {
        try write(pending.count)
        cuts += 1
        try FileManager.default.copyItem(at: log, to: archive(rotations + cuts))
        let handle = try FileHandle(forWritingTo: log)
        try handle.truncate(atOffset: 0)
        try handle.close()
    }

    /// Ends the last line, and says in every file that may be read on that time has gone on.
    mutating func end() throws {
        pending += Data("{\"ts\":\(time + 100_000),\"k\":\"end\",\"v\":0}\n".utf8)
        try write(pending.count)
    }
}
