import SiltIO
import SiltModel
import SiltTable

@testable import SiltIngest

/// A tailing job over files in memory, whose runs are stopped and begun anew at will.
final class TailBench {
    let bench: JobBench
    let job: JobDefinition
    let store: TableStore
    let files: MemoryInputFiles
    var habits = TailRunner.Habits()
    var blockBytes = 1 << 20

    init(_ changes: [String: String] = [:]) throws {
        bench = JobBench()
        files = MemoryInputFiles(clock: bench.clock)
        job = try JobBench.job(
            [
                "source": #"{"file": "d/app*", "format": "ndjson", "tail": true}"#,
                "aggregates": #"{"n": "count()", "s": "sum(v)"}"#,
                "time": #"{"field": "ts", "out_of_order": "0s"}"#,
            ].merging(changes) { $1 })
        store = try bench.open()
        habits.settleMilliseconds = 5000
    }

    /// Runs until there was nothing to read for `polls` looks; `steps` are done one after each such look.
    @discardableResult
    func run(polls: Int = 3, _ steps: [() -> Void] = [], stopAfterBlocks: Int = .max) throws
        -> JobSummary
    {
        var options = JobRunner.Options()
        options.blockBytes = blockBytes
        options.checkpointBytes = 1
        var left = polls
        var steps = steps
        var blocks = stopAfterBlocks
        var last = bench.clock.monotonicNanoseconds
        return try TailRunner(
            store: store, job: job, pattern: "d/app*", files: files, clock: bench.clock,
            options: options, habits: habits
        ).run(
            progress: { _ in blocks -= 1 },
            isCancelled: {
                if blocks <= 0 { return true }
                // Only waiting moves the clock.
                guard self.bench.clock.monotonicNanoseconds > last else { return false }
                last = self.bench.clock.monotonicNanoseconds
                if !steps.isEmpty {
                    steps.removeFirst()()
                    left = polls
                    return false
                }
                left -= 1
                return left < 0
            })
    }

    func rows() throws -> [String] {
        try JobBench.dump(store, "t").filter { $0.contains(":n@") || $0.contains(":s@") }
    }

    func line(_ ts: Int, _ key: String = "a", _ value: Int = 1) -> [UInt8] {
        Array("{\"ts\":\(ts),\"k\":\"\(key)\",\"v\":\(value)}\n".utf8)
    }

    /// All windows as one: how many events were counted, bad and late ones too.
    func counted() throws -> Int {
        try rows().filter { $0.contains(":n@") }.reduce(0) {
            $0 + (Int($1.split(separator: "=").last ?? "") ?? 0)
        }
    }
}
