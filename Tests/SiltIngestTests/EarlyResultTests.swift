import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite("Early results") struct EarlyResultTests {
    private static let changes = [
        "aggregates": #"{"n": "count()", "l": "last(v)"}"#, "emit": "\"10s\"",
        "late": "\"merge\"",
        "windows":
            #"[{"name": "w", "tumble": "10s"}, {"name": "h", "hop": {"size": "20s", "every": "5s"}}, {"name": "s", "session": {"gap": "3s"}}]"#,
    ]

    private func line(_ ts: Int, _ value: String = "1") -> String {
        "{\"ts\":\(ts),\"k\":\"a\",\"v\":\(value)}\n"
    }

    /// Runs a line at a time; the clock goes on by `step` milliseconds after each, and `look` sees the store.
    private func run(
        _ text: String, _ job: JobDefinition, step: Int64 = 6000,
        _ look: @escaping (TableStore, Int) throws -> Void = { _, _ in }
    ) throws -> TableStore {
        let bench = JobBench()
        let store = try bench.open()
        let texts = text.split(separator: "\n")
        let longest = texts.map(\.utf8.count).max() ?? 0
        let lines = texts.map { text in
            Array(text.utf8) + [UInt8](repeating: 0x20, count: longest - text.utf8.count) + [0x0a]
        }
        var options = JobRunner.Options()
        options.blockBytes = longest + 1
        var count = 0
        var failure: (any Error)?
        _ = try JobRunner(
            store: store, job: job,
            input: JobInput(
                path: "in", files: MemoryInputFiles(["in": lines.flatMap { $0 }])),
            clock: bench.clock, options: options
        ).run(progress: { summary in
            bench.clock.advance(milliseconds: step)
            count += 1
            do { try look(store, count) } catch { failure = error }
        })
        if let failure { throw failure }
        return store
    }

    @Test("an open window shows what it has, says so, and is replaced by its row")
    func shows() throws {
        let job = try JobBench.job(Self.changes)
        let text = (1...8).map { line($0 * 1000) }.joined() + line(8500, "null")
        var seen: [[String]] = []
        let store = try run(text, job) { store, _ in
            let rows = try JobBench.dump(store, "t").filter { $0.hasPrefix("a#0 w:") }
            if seen.last != rows { seen.append(rows) }
        }
        // Each time by the clock, with more in it; nothing of the sessions.
        #expect(seen.count > 3, "\(seen)")
        let early = seen.dropFirst().dropLast()
        #expect(early.allSatisfy { $0.contains("a#0 w:_early@9999=1") })
        let counts = early.compactMap { rows in rows.first { $0.contains("w:n@") } }
        #expect(counts == counts.sorted() && Set(counts).count > 2)
        let rows = try JobBench.dump(store, "t")
        #expect(rows.contains("a#0 w:n@9999=9") && rows.contains("a#0 w:_early@9999=0"))
        // What was not null when it was early is gone.
        #expect(rows.contains("a#0 w:l@9999="))
        #expect(!rows.contains { $0.contains(":_early") && $0.hasSuffix("=1") })
        #expect(rows.filter { $0.contains(" s:n") } == ["a#1000 s:n@11499=9"])
    }

    @Test("the table ends up the same however often open windows are shown, late events included")
    func same() throws {
        let job = try JobBench.job(Self.changes)
        var random = SplitMix(seed: 3)
        var text = ""
        for index in 0..<120 {
            let behind = Int(random.next() % 9000)
            let value = random.next() % 5 == 0 ? "null" : "\(index)"
            text += line(max(0, index * 700 - behind), value)
        }
        let expected = try JobBench.dump(try run(text, job, step: 0), "t")
        #expect(expected.count > 100)
        for step in [Int64(900), 4000, 11_000] {
            #expect(try JobBench.dump(try run(text, job, step: step), "t") == expected)
        }
    }

    @Test("what cannot be shown early is said")
    func refusals() throws {
        for (changes, message) in [
            (
                ["windows": #"[{"name": "s", "session": {"gap": "3s"}}]"#],
                "a window of fixed bounds"
            ),
            (["aggregates": #"{"t": "topk(v, 3)"}"#], "whose cells come and go"),
            (["emit": "\"0s\""], "emit must be"),
        ] {
            let all = Self.changes.merging(changes) { $1 }
            let parts = [
                "job": "\"j\"", "source": #"{"file": "in", "format": "ndjson"}"#,
                "time": #"{"field": "ts"}"#, "key": #"["k"]"#, "into": #"{"table": "t"}"#,
            ].merging(all) { $1 }
            let json =
                "{" + parts.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
            let found = JobDefinition.check(try DocumentNode(json: Array(json.utf8)))
            #expect(
                found.contains { $0.message.contains(message) }, "\(found.map(\.message))")
        }
    }
}
