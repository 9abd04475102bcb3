import Foundation
import Testing

/// Kills `silt job run` over a server process that speaks WebHDFS and does much wrong, and starts it again.
///
/// `SILT_KILLS` says how often, `SILT_SEED` when and what goes wrong.
@Suite("A killed job over WebHDFS")
struct KillHDFSTests {
    private let scratch = Scratch()

    /// The server over `folder`, and its URL.
    private func serve(_ folder: URL, faults: Double, seed: Int) throws -> (Process, String) {
        let scratch = scratch
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = Program.root.appendingPathComponent("scripts/webhdfs-server")
        process.arguments = [folder.path, "--faults", "\(faults)", "--seed", "\(seed)"]
        process.standardOutput = try scratch.create("server")
        try process.run()
        let deadline = Date().addingTimeInterval(20)
        while !scratch.text("server").contains("\n") {
            guard process.isRunning, Date() < deadline else {
                throw ServerFailure(text: "no server of WebHDFS")
            }
            usleep(10_000)
        }
        return (process, String(scratch.text("server").dropLast().split(separator: " ").last ?? ""))
    }

    private func jobFile(_ name: String, source: String, sinks: String) throws -> String {
        let text = """
            job: flights
            source: \(source)
            time: {field: ts, out_of_order: 6h}
            key: [origin]
            windows: [{name: day, tumble: 1d}]
            aggregates: {n: count(), delay: avg(dep_delay), far: max(distance)}
            into: {table: totals}
            late: drop
            \(sinks)

            """
        try Data(text.utf8).write(to: scratch.url(name))
        return scratch.path(name)
    }

    private func dump(_ data: String) throws -> [String] {
        try Program.succeed(
            "scan", "totals", "--versions", "3", "--format", "ndjson", "--data", data
        ).lines
    }

    @Test("leaves the same table, and each row once in the files it writes")
    func kills() throws {
        let kills = Program.number("SILT_KILLS", default: 4)
        let seed = Program.number("SILT_SEED", default: 11)
        print("kill -9 of a job over WebHDFS: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        let root = scratch.url("hdfs")
        let input = root.appendingPathComponent("in")
        try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
        let sample = try String(
            contentsOf: Program.root.appendingPathComponent("data/samples/flights.ndjson"),
            encoding: .utf8)
        let lines = sample.split(separator: "\n")
        for part in 0..<4 {
            let slice = lines[(lines.count * part / 4)..<(lines.count * (part + 1) / 4)]
            try Data((slice.joined(separator: "\n") + "\n").utf8).write(
                to: input.appendingPathComponent("part-\(part)"))
        }
        let calm = try jobFile("calm.yaml", source: "{file: \(input.path)/part-*}", sinks: "")
        try Program.succeed("job", "run", calm, "--data", scratch.path("calm"))
        let (server, url) = try serve(root, faults: 0.15, seed: seed)
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        let job = try jobFile(
            "job.yaml", source: "{webhdfs: {url: \"\(url)\", path: \"/in/part-*\"}}",
            sinks: "sinks: [{webhdfs: {url: \"\(url)\", path: /out}}]")
        var left = kills
        var resumed = 0
        while true {
            let process = try Program.start(
                Program.silt,
                [
                    "job", "run", job, "--data", scratch.path("data"), "--block-bytes", "50000",
                    "--checkpoint-bytes", "100000",
                ], scratch)
            if left > 0 {
                Thread.sleep(forTimeInterval: 0.1 + Double(random.next() % 1000) / 1000)
                kill(process.processIdentifier, SIGKILL)
            }
            process.waitUntilExit()
            left -= 1
            guard process.terminationReason == .exit else { continue }
            #expect(process.terminationStatus == 0, "\(scratch.text("errors"))")
            resumed += scratch.text("output").contains("resumed") ? 1 : 0
            break
        }
        let expected = try dump(scratch.path("calm"))
        #expect(expected.count > 10)
        #expect(try dump(scratch.path("data")) == expected, "seed=\(seed)")
        try check(root.appendingPathComponent("out"), rows: expected.count)
        print("kill -9 of a job over WebHDFS: \(kills) kills, resumed \(resumed) times")
    }

    /// Each row stands in one of the files, once.
    private func check(_ folder: URL, rows: Int) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            !$0.hasPrefix("_")
        }
        #expect(names.count > 0)
        var seen: Set<String> = []
        var count = 0
        for name in names {
            let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
                let row = (value as? [String: Any])?["row"] as? String
                #expect(row != nil)
                seen.insert(row ?? "")
                count += 1
            }
        }
        #expect(count == rows)
        #expect(seen.count == rows)
    }
}
