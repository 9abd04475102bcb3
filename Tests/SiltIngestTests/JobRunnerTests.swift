import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

/// Runs jobs over memory and shows tables as text.
struct JobBench {
    var disk = MemoryDisk()
    let clock = ManualClock()
    var options = JobRunner.Options()

    /// Opens the store as another process would, with other random numbers.
    func open(seed: UInt64 = 1) throws -> TableStore {
        var engine = EngineOptions()
        engine.logSegmentBytes = 1 << 20
        engine.runsMaintenance = false
        return try TableStore.open(.memory(disk: disk, clock: clock, seed: seed), engine)
    }

    static func job(_ changes: [String: String] = [:]) throws -> JobDefinition {
        var parts = [
            "job": "\"j\"", "source": #"{"file": "in", "format": "ndjson"}"#,
            "time": #"{"field": "ts", "out_of_order": "2s"}"#,
            "key": #"["k"]"#, "windows": #"[{"name": "w", "tumble": "10s"}]"#,
            "aggregates":
                #"{"n": "count()", "s": "sum(v)", "lo": "min(v)", "hi": "max(v)", "mean": "avg(v)", "f": "first(v)", "l": "last(v)"}"#,
            "into": #"{"table": "t", "row": "{key}#{window.start}", "family": "{window.name}"}"#,
            "late": #"{"table": "late"}"#, "bad_records": #"{"table": "bad"}"#,
        ]
        for (key, value) in changes { parts[key] = value.isEmpty ? nil : value }
        let json =
            "{"
            + parts.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(
                separator: ", ") + "}"
        do {
            return try JobDefinition(DocumentNode(json: Array(json.utf8)))
        } catch {
            Issue.record("\(error)")
            throw error
        }
    }

    func run(
        _ job: JobDefinition, _ input: [UInt8], store: TableStore, isCancelled: (() -> Bool)? = nil
    ) throws -> JobSummary {
        let source = try JobInput(path: "in", files: MemoryInputFiles(["in": input]))
        return try JobRunner(store: store, job: job, input: source, clock: clock, options: options)
            .run(isCancelled: isCancelled)
    }

    /// Every cell of a table: `row family:qualifier@timestamp=value`.
    static func dump(_ store: TableStore, _ table: String) throws -> [String] {
        var lines: [String] = []
        let scanner = try store.table(table).scan(.all, Projection(maxVersions: 10))
        while let row = try scanner.next() {
            for cell in row.cells {
                lines.append("\(row.key) \(cell.column)@\(cell.timestamp)=\(cell.value)")
            }
        }
        return lines
    }

    static func dumpAll(_ store: TableStore) throws -> [String] {
        try ["t", "late", "bad"].flatMap { try dump(store, $0) }
    }
}

@Suite struct JobRunnerTests {
    static let events = """
        {"ts":1000,"k":"a","v":1}
        {"ts":2000,"k":"b","v":1.5}
        garbage
        {"ts":9999,"k":"a","v":5}
        {"k":"a","v":5}
        {"ts":"x","k":"a","v":5}
        {"ts":12001,"k":"a","v":"no"}
        {"ts":13000,"k":"a","v":null}
        {"ts":9000,"k":"a","v":100}

        {"ts":11000,"k":"a","v":2}
        {"ts":-1,"k":"old","v":3}
        """

    @Test(
        "windows, late events and bad records stand in their tables with the cells of the contract")
    func cells() throws {
        let bench = JobBench()
        let store = try bench.open()
        let summary = try bench.run(try JobBench.job(), Array(Self.events.utf8), store: store)
        #expect(summary.outcome == .completed)
        #expect(summary.records == 11)
        #expect(summary.bad == 4)
        #expect(summary.late == 2)
        #expect(summary.windows == 3)
        #expect(
            try JobBench.dump(store, "t") == [
                "a#0 w:_end@9999=10000", "a#0 w:_start@9999=0", "a#0 w:f@9999=1", "a#0 w:hi@9999=5",
                "a#0 w:l@9999=5", "a#0 w:lo@9999=1",
                "a#0 w:mean@9999=3.0", "a#0 w:n@9999=2", "a#0 w:s@9999=6",
                "a#10000 w:_end@19999=20000", "a#10000 w:_start@19999=10000", "a#10000 w:f@19999=2",
                "a#10000 w:hi@19999=2",
                "a#10000 w:lo@19999=2", "a#10000 w:mean@19999=2.0", "a#10000 w:n@19999=2",
                "a#10000 w:s@19999=2",
                "b#0 w:_end@9999=10000", "b#0 w:_start@9999=0", "b#0 w:f@9999=1.5",
                "b#0 w:hi@9999=1.5", "b#0 w:l@9999=1.5", "b#0 w:lo@9999=1.5",
                "b#0 w:mean@9999=1.5", "b#0 w:n@9999=1", "b#0 w:s@9999=1.5",
            ])
        let late = try JobBench.dump(store, "late")
        #expect(late.count == 8)
        #expect(
            late[1] == "j#in#00000000000000000189 e:raw@9000={\"ts\":9000,\"k\":\"a\",\"v\":100}")
        #expect(
            late[2]
                == "j#in#00000000000000000189 e:reason@9000=late: event time 9000, watermark 10999")
        #expect(late[3] == "j#in#00000000000000000189 e:source@9000=in")
        #expect(late[0] == "j#in#00000000000000000189 e:offset@9000=189")
        let reasons = try JobBench.dump(store, "bad").filter { $0.contains("e:reason") }.map {
            $0.split(separator: "=")[1]
        }
        #expect(
            reasons == [
                "line is not a JSON object at byte 0", "event time ts is missing",
                "event time ts is not a number",
                "aggregate mean: operand has the wrong type at column 1",
            ])
    }

    @Test(
        "a completed job says so and changes nothing; fresh runs again; other definitions and inputs are refused"
    )
    func completed() throws {
        var bench = JobBench()
        let store = try bench.open()
        let input = Array(Self.events.utf8)
        _ = try bench.run(try JobBench.job(), input, store: store)
        let before = try JobBench.dumpAll(store)
        #expect(try bench.run(try JobBench.job(), input, store: store).outcome == .alreadyCompleted)
        #expect(try JobBench.dumpAll(store) == before)
        let other = try JobBench.job(["windows": #"[{"name": "w", "tumble": "20s"}]"#])
        let refusal = #expect(throws: SiltstoneError.self) {
            try bench.run(other, input, store: store)
        }
        #expect(refusal?.code == .conflict)
        #expect(refusal?.message.contains("--fresh") == true)
        let changed = #expect(throws: SiltstoneError.self) {
            try bench.run(try JobBench.job(), input + [0x0a], store: store)
        }
        #expect(changed?.message.contains("--fresh") == true)
        bench.options.isFresh = true
        #expect(try bench.run(try JobBench.job(), input, store: store).outcome == .completed)
        #expect(try JobBench.dumpAll(store) == before)
    }

    @Test("a job that begins anew merges late events into rows of its own, not into nothing")
    func freshMerges() throws {
        var bench = JobBench()
        bench.options.checkpointBytes = 1024
        bench.options.blockBytes = 256
        let store = try bench.open()
        let job = try JobBench.job(["late": #""merge""#])
        let input = Self.randomInput(seed: 8, count: 400)
        #expect(try bench.run(job, input, store: store).rows > 40)
        let before = try JobBench.dump(store, "t")
        bench.options.isFresh = true
        #expect(try bench.run(job, input, store: store).outcome == .completed)
        #expect(try JobBench.dump(store, "t") == before)
    }

    /// Lines of random events, some out of order, late, bad or of other types.
    static func randomInput(seed: UInt64, count: Int) -> [UInt8] {
        var random = SplitMix(seed: seed)
        var text = ""
        var time: Int64 = 1_000_000
        for _ in 0..<count {
            time += Int64(random.next() % 2000)
            let late =
                random.next() % 10 == 0
                ? Int64(random.next() % 60_000) : Int64(random.next() % 2000)
            let key = "key\(random.next() % 5)"
            switch random.next() % 20 {
            case 0: text += "{\"ts\":\(time)\n"
            case 1: text += "{\"ts\":\(time - late),\"k\":\"\(key)\",\"v\":null}\n"
            case 2: text += "{\"ts\":\(time - late),\"k\":\"é\\n\(key)\",\"v\":0.1}\n"
            case 3: text += "\n"
            default:
                text += "{\"ts\":\(time - late),\"k\":\"\(key)\",\"v\":\(random.next() % 1000)}\n"
            }
        }
        return Array(text.utf8)
    }

    static let shapes: [[String: String]] = [
        [:],
        [
            "windows":
                #"[{"name": "w", "tumble": "10s"}, {"name": "h", "hop": {"size": "25s", "every": "10s"}}]"#,
            "time": #"{"field": "ts", "out_of_order": "2s", "allowed_lateness": "20s"}"#,
        ],
        [
            "windows": #"[{"name": "w", "hop": {"size": "30s", "every": "10s"}}]"#,
            "late": #""merge""#,
        ],
        ["windows": #"[{"name": "w", "session": {"gap": "3s"}}]"#, "late": #"{"merge": true}"#],
        [
            "windows": #"[{"name": "w", "session": {"gap": "3s"}}]"#,
            "time": #"{"field": "ts", "out_of_order": "2s", "allowed_lateness": "20s"}"#,
        ],
        [
            "where": #""v > 500 or v is null""#, "map": #"{"k": "upper(k)"}"#,
            "windows": #"[{"name": "w", "cumulate": {"size": "20s", "step": "5s"}}]"#,
        ],
    ]

    private func dump(_ store: TableStore) throws -> [String] {
        var lines: [String] = []
        for table in store.tables() {
            lines +=
                ["== \(table.definition.name)"] + (try JobBench.dump(store, table.definition.name))
        }
        return lines
    }

    @Test(
        "block sizes, checkpoints and write-ahead do not change a byte of the tables",
        arguments: shapes.indices)
    func batchSizes(shape: Int) throws {
        let job = try JobBench.job(Self.shapes[shape])
        let input = Self.randomInput(seed: 3, count: 800)
        var wanted: [String] = []
        for (block, checkpoint, pending) in [
            (1 << 20, 1 << 20, 1 << 20), (100, 1000, 1 << 20), (4096, 1, 200), (777, 5000, 1),
        ] {
            var bench = JobBench()
            bench.options.blockBytes = block
            bench.options.checkpointBytes = checkpoint
            bench.options.pendingBytesMax = pending
            let store = try bench.open()
            let summary = try bench.run(job, input, store: store)
            #expect(summary.outcome == .completed)
            let got = try dump(store)
            if wanted.isEmpty { wanted = got } else { #expect(got == wanted, "block \(block)") }
        }
        #expect(wanted.count > 100)
    }

    @Test(
        "a job abandoned at any checkpoint goes on from a fresh store to the same bytes",
        arguments: shapes.indices)
    func killAndResume(shape: Int) throws {
        let job = try JobBench.job(Self.shapes[shape])
        let input = Self.randomInput(seed: 5, count: 500)
        let reference = JobBench()
        let store = try reference.open()
        let undisturbed = try reference.run(job, input, store: store)
        let wanted = try dump(store)
        for stop in [1, 4] {
            var bench = JobBench()
            bench.options.blockBytes = 512
            bench.options.checkpointBytes = 1024
            bench.options.pendingBytesMax = 4096
            var blocks = 0
            var runs = 0
            var summary = JobSummary()
            repeat {
                // The store is opened anew each time over what the one before left, as after a kill.
                runs += 1
                let store = try bench.open(seed: UInt64(runs))
                blocks = 0
                summary = try bench.run(job, input, store: store) {
                    blocks += 1
                    return blocks > stop * 7
                }
                bench.disk = bench.disk.crashed(
                    keeping: .mixed, random: SeededRandom(seed: UInt64(runs)))
            } while summary.outcome == .stopped
            #expect(runs > 1)
            #expect(try dump(bench.open(seed: 999)) == wanted, "stop \(stop)")
            #expect(summary.records == undisturbed.records)
            #expect(summary.bad == undisturbed.bad)
            #expect(summary.bytes == undisturbed.bytes)
            #expect(summary.bytes == input.count)
            #expect(summary.late == undisturbed.late)
        }
    }
}
