import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite("Jobs that are changed, drained and looked into") struct LifecycleTests {
    private static let aggregates = #"{"n": "count()", "s": "sum(v)"}"#

    private func definition(_ changes: [String: String] = [:]) throws -> JobDefinition {
        try JobBench.job(["aggregates": Self.aggregates].merging(changes) { $1 })
    }

    private func line(_ ts: Int, _ value: String = "1") -> String {
        "{\"ts\":\(ts),\"k\":\"a\",\"v\":\(value)}\n"
    }

    /// Runs over as much of a text as has been written, and stops there; with `blocks`, after so many.
    @discardableResult
    private func run(
        _ bench: JobBench, _ job: JobDefinition, _ store: TableStore, _ text: String,
        stops: Bool = true, blocks limit: Int = 1,
        _ change: (inout JobRunner.Options) -> Void = { _ in }
    ) throws -> JobSummary {
        var options = bench.options
        options.checkpointBytes = 1
        change(&options)
        var blocks = 0
        return try JobRunner(
            store: store, job: job,
            input: JobInput(path: "in", files: MemoryInputFiles(["in": Array(text.utf8)])),
            clock: bench.clock, options: options
        ).run(
            progress: { _ in blocks += 1 }, isCancelled: { stops && blocks >= limit })
    }

    @Test(
        "open windows are shown as of the newest checkpoint; nothing is shown once all are written")
    func openWindows() throws {
        let bench = JobBench()
        let store = try bench.open()
        let job = try definition()
        #expect(throws: SiltstoneError.self) { _ = try OpenWindows(job, in: store, limit: 9) }
        let text = line(1000) + line(13_000, "5") + line(14_000, "7")
        try run(bench, job, store, text)
        let open = try OpenWindows(job, in: store, limit: 9)
        #expect(open.watermark == 11_999)
        #expect(open.windows.map { "\($0.row) \($0.name) \($0.end)" } == ["a#10000 w 20000"])
        #expect(
            open.windows.first?.values.map { "\($0.qualifier)=\($0.value)" } == ["n=2", "s=12"])
        #expect(try OpenWindows(job, in: store, prefix: "b", limit: 9).windows.isEmpty)
        #expect(try OpenWindows(job, in: store, limit: 0).isCut)
        try run(bench, job, store, text, stops: false)
        #expect(try OpenWindows(job, in: store, limit: 9).windows.isEmpty)
    }

    @Test("a drained job writes what is open and reads no more")
    func drains() throws {
        let bench = JobBench()
        let store = try bench.open()
        let job = try definition()
        try run(bench, job, store, line(1000) + line(2000))
        let text = line(1000) + line(2000) + line(3000)
        let summary = try run(bench, job, store, text, blocks: 0) { $0.drains = { true } }
        #expect(summary.outcome == .completed && summary.records == 2)
        #expect(try JobBench.dump(store, "t").contains("a#0 w:n@9999=2"))
    }

    @Test(
        "a changed job goes on with its open windows where it can, and says what keeps it where not"
    )
    func replaces() throws {
        let bench = JobBench()
        let store = try bench.open()
        try run(bench, try definition(), store, line(1000) + line(2000))
        let text = line(1000) + line(2000) + line(3000, "-1") + line(4000)
        for (changes, obstacles) in [
            (["windows": #"[{"name": "w", "tumble": "20s"}]"#], "windows"),
            (["aggregates": #"{"n": "count()"}"#], "aggregates"),
            (["time": #"{"field": "ts", "out_of_order": "3s"}"#], "time.out_of_order"),
            (["late": "\"merge\""], "late"),
            (
                ["key": #"["v"]"#, "aggregates": #"{"n": "count()"}"#],
                "aggregates, key"
            ),
        ] {
            let error = #expect(throws: SiltstoneError.self) {
                try run(bench, try definition(changes), store, text) { $0.takesChanges = true }
            }
            #expect(error?.code == .conflict)
            #expect(error?.message.contains("differs in \(obstacles),") == true, "\(obstacles)")
        }
        let changed = try definition(["where": "\"v > 0\"", "into": #"{"table": "u"}"#])
        let refused = #expect(throws: SiltstoneError.self) { try run(bench, changed, store, text) }
        #expect(refused?.message.contains("--replace") == true)
        let summary = try run(bench, changed, store, text, stops: false) { $0.takesChanges = true }
        #expect(summary.outcome == .completed && summary.isResumed)
        #expect(try JobBench.dump(store, "u").contains("a#0 w:n@9999=3"))
        // From then on it is the job.
        #expect(try run(bench, changed, store, text).outcome == .alreadyCompleted)
    }

    @Test(
        "bad records count when the job is mended: in open windows, written ones, and once",
        arguments: [false, true])
    func replay(isComplete: Bool) throws {
        let bench = JobBench()
        let store = try bench.open()
        let changes = [
            "late": "\"merge\"", "bad_records": #"{"table": "bad"}"#,
            "map": #"{"w": "v"}"#, "aggregates": #"{"n": "count()", "s": "sum(w)"}"#,
        ]
        let broken = try definition(changes)
        let text =
            line(1000) + line(2000, "2") + line(3000, "\"x\"") + "garbage\n"
            + line(15_000, "\"y\"") + line(16_000)
        try run(bench, broken, store, text, stops: !isComplete)
        let bad = try JobBench.dump(store, "bad").filter { $0.contains("e:reason") }.count
        #expect(bad == 3)
        var mended = changes
        mended["map"] = #"{"w": "if(text(v) = 'x' or text(v) = 'y', 10, v)"}"#
        let job = try definition(mended)
        let outcome = try BadRecordReplay(store: store, job: job, clock: bench.clock).run()
        #expect(outcome.replayed == 2 && outcome.stillBad == 1, "\(outcome)")
        let again = try BadRecordReplay(store: store, job: job, clock: bench.clock).run()
        #expect(again.replayed == 0 && again.stillBad == 1)
        try run(bench, job, store, text, stops: false)
        let rows = try JobBench.dump(store, "t")
        #expect(rows.contains { $0.hasPrefix("a#0 w:n") && $0.hasSuffix("=3") }, "\(rows)")
        #expect(rows.contains { $0.hasPrefix("a#0 w:s") && $0.hasSuffix("=13") })
        #expect(rows.contains { $0.hasPrefix("a#10000 w:n") && $0.hasSuffix("=2") })
        let refused = #expect(throws: SiltstoneError.self) {
            _ = try BadRecordReplay(
                store: store, job: try definition(), clock: bench.clock
            ).run()
        }
        #expect(refused?.message.contains("late: merge") == true)
    }

    @Test("a backfill writes the windows within its range from all events, and no others")
    func backfill() throws {
        let bench = JobBench()
        let store = try bench.open()
        let job = try definition(["late": "\"drop\"", "time": #"{"field": "ts"}"#])
        let text = line(1000) + line(12_000) + line(2000, "5") + line(35_000) + line(13_000)
        try run(bench, job, store, text, stops: false)
        #expect(try JobBench.dump(store, "t").contains("a#0 w:n@9999=1"))
        let filling = try job.backfilling(from: 0, to: 20_000)
        let summary = try run(bench, filling, store, text, stops: false)
        #expect(summary.rows == 2 && summary.late == 0)
        let rows = try JobBench.dump(store, "t")
        #expect(rows.contains("a#0 w:n@9999=2") && rows.contains("a#0 w:s@9999=6"))
        #expect(rows.contains("a#10000 w:n@19999=2") && rows.contains("a#30000 w:n@39999=1"))
        #expect(try run(bench, filling, store, text).outcome == .alreadyCompleted)
        #expect(try run(bench, job, store, text).outcome == .alreadyCompleted)
        // Of windows that lie half within, the range has not all events.
        let half = try job.backfilling(from: 5000, to: 15_000)
        #expect(try run(bench, half, store, text, stops: false).rows == 0)
        #expect(try JobBench.dump(store, "t") == rows)
        #expect(throws: SiltstoneError.self) { _ = try job.backfilling(from: 5, to: 5) }
    }
}
