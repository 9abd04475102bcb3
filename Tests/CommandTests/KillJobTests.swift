import Foundation
import Testing

/// Kills `silt job run` and starts it again.
///
/// `SILT_KILLS` says how often, `SILT_SEED` when, and `SILT_YEAR` names a file
/// of departures to read instead of some weeks made from the sample.
@Suite("A killed job")
struct KillJobTests {
    private static let jobs = [
        ("flights-origin-hour", "flights_by_hour"), ("flights-carrier-day", "flights_by_carrier"),
    ]

    private let scratch = Scratch()

    @Test("leaves the same table as an undisturbed one, byte for byte")
    func kills() throws {
        let kills = Program.number("SILT_KILLS", default: 6)
        let seed = Program.number("SILT_SEED", default: 5)
        print("kill -9 of a job: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        let input = try makeInput()
        var calm: [(dump: [String], seconds: Double)] = []
        for (index, job) in Self.jobs.enumerated() {
            let data = scratch.path("calm-\(index)")
            let start = Date()
            let process = try begin(job.0, data, input)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let seconds = Date().timeIntervalSince(start)
            calm.append((try dump(job.1, data), seconds))
        }
        #expect(calm.allSatisfy { $0.dump.count > 1000 })
        var done = 0
        var round = 0
        var resumed = 0
        // On a busy machine a kill may come before the first checkpoint or after the end: then a few more.
        while done < kills || resumed == 0 && done < kills * 10 {
            let goal = max(kills, done + 2)
            let job = Self.jobs[round % Self.jobs.count]
            let expected = calm[round % Self.jobs.count]
            let data = scratch.path("killed-\(round)")
            // Killed again and again until it gets to its end once.
            while true {
                let process = try begin(job.0, data, input)
                if done < goal {
                    let moment = Double(random.next() % 1000) / 1000 * expected.seconds * 0.7
                    Thread.sleep(forTimeInterval: moment)
                    kill(process.processIdentifier, SIGKILL)
                }
                process.waitUntilExit()
                if process.terminationReason == .exit {
                    #expect(process.terminationStatus == 0, "\(scratch.text("errors"))")
                    resumed += scratch.text("output").contains("resumed") ? 1 : 0
                    break
                }
                done += 1
            }
            let found = try dump(job.1, data)
            #expect(found == expected.dump, "seed=\(seed) round=\(round) job=\(job.0)")
            try FileManager.default.removeItem(atPath: data)
            round += 1
        }
        print(
            "kill -9 of a job: \(round) runs of \(done) kills, \(resumed) went on from a checkpoint"
        )
        #expect(resumed > 0, "no run was killed between two checkpoints")
    }

    private func begin(_ job: String, _ data: String, _ input: String) throws -> Process {
        let size = try FileManager.default.attributesOfItem(atPath: input)[.size] as? Int ?? 0
        return try Program.start(
            Program.silt,
            [
                "job", "run", "data/jobs/\(job).yaml", "--input", input, "--data", data,
                "--checkpoint-bytes", "\(size / 80)", "--block-bytes", "\(size / 320)",
            ], scratch)
    }

    /// Everything that the job wrote, versions and time stamps included.
    private func dump(_ table: String, _ data: String) throws -> [String] {
        try [table, "flights_late", "flights_bad"].flatMap { table in
            try Program.succeed(
                "scan", table, "--versions", "10", "--format", "ndjson", "--data", data
            ).lines
        }
    }

    /// The year's file, or the sample's week four times in a row.
    private func makeInput() throws -> String {
        if let path = ProcessInfo.processInfo.environment["SILT_YEAR"] { return path }
        let sample = try String(
            contentsOf: Program.root.appendingPathComponent("data/samples/flights.ndjson"),
            encoding: .utf8)
        var text = ""
        for week in 0..<4 {
            for line in sample.split(separator: "\n") {
                // Every line begins with {"ts":MILLISECONDS.
                let end = line.firstIndex(of: ",") ?? line.endIndex
                let time = Int(line[..<end].dropFirst(6)) ?? 0
                text += "{\"ts\":\(time + week * 604_800_000)\(line[end...])\n"
            }
        }
        try Data(text.utf8).write(to: scratch.url("weeks.ndjson"))
        return scratch.path("weeks.ndjson")
    }
}
