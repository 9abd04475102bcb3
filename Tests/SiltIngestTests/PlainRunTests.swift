import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite struct PlainRunTests {
    private func parse(_ text: String) -> Datum? {
        let bytes = Array(text.utf8) + Array("9.9,\n-9999999999".utf8)
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return nil }
            return unsafe PlainNumber.parse(base, count: text.utf8.count)
        }
    }

    @Test("numbers are those that the careful parser reads, or left to it")
    func numbers() {
        var texts = [
            "", "0", "7", "00", "007", "12345678", "123456789", "1735689600000", "9999999999999999",
            "12345678901234567", "342.5000", "0.1", ".5", "5.", ".", "1.2.3", "-1", "+1", "1e5",
            "12:45678", "1234567/", "12345678:", "a", "1.", "99999.99", "1234567.", ".1234567",
            "123.45 6", "1234567812:", "\u{0}1",
        ]
        var random: UInt64 = 7
        for _ in 0..<3000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let letters = Array("0123456789012345678901234567890123456789.-e:/")
            texts.append(
                String(
                    (0..<Int(random >> 60)).map {
                        letters[Int(random >> ($0 * 3 + 1)) % letters.count]
                    }))
        }
        for text in texts {
            let careful = NumberText.parse(Array(text.utf8), 0..<text.utf8.count)
            if let plain = parse(text) { #expect(plain == careful, "\(text)") }
        }
        #expect(parse("1735689600000") == Datum(Int64(1_735_689_600_000)))
        #expect(parse("342.5000") == Datum(342.5) && parse("7") == Datum(Int64(7)))
        #expect(parse("1234567812:") == nil && parse("123.45 6") == nil)
    }

    /// Records of which about one in ten needs a closer look.
    private func input(seed: UInt64, count: Int) -> String {
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        var lines = ["k,extra,ts,v"]
        var time = 1000
        for _ in 0..<count {
            time += next(400)
            let at = time - next(5000)
            let value =
                next(12) == 0
                ? ["", "-3.25", "abc", "1e2", "12345678901234567890", "-0.0", "0.0", "1e16"][
                    next(8)]
                : "\(next(1000)).\(next(10_000))"
            let key =
                next(15) == 0
                ? ["", "\"a,b\"", "\"q\"\"q\"", "\u{e9}t\u{e9}"][next(4)]
                : "key-\(next(7))/of-some-length"
            let stamp = next(40) == 0 ? ["", "x", "\(at).5", "\"\(at)\""][next(4)] : "\(at)"
            lines.append(next(50) == 0 ? "too,few" : "\(key),e,\(stamp),\(value)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test(
        "columns at a time give what records one by one give, whatever the blocks",
        arguments: [1, 2, 3])
    func runs(seed: UInt64) throws {
        let text = Array(input(seed: seed, count: 1500).utf8)
        let changes = [
            "source": #"{"file": "in", "format": "csv"}"#,
            "aggregates":
                #"{"n": "count()", "s": "sum(v)", "lo": "min(v)", "hi": "max(v)", "mean": "avg(v)", "f": "first(v)", "l": "last(v)"}"#,
        ]
        let plain = try JobBench.job(changes)
        #expect(JobPlan(plain).isPlain && JobPlan(plain).numberSlots.count == 2)
        let careful = try JobBench.job(
            changes.merging(["where": #""extra is null or extra = 'e'""#]) { $1 })
        #expect(!JobPlan(careful).isPlain)
        var wanted: [String] = []
        for (job, blockBytes) in [(careful, 1 << 20), (plain, 1 << 20), (plain, 4096), (plain, 61)]
        {
            var bench = JobBench()
            bench.options.blockBytes = blockBytes
            let store = try bench.open()
            let summary = try bench.run(job, text, store: store)
            #expect(summary.bad > 0 && summary.late > 0)
            let got = try JobBench.dumpAll(store)
            if wanted.isEmpty { wanted = got }
            #expect(got == wanted && got.count > 100, "block \(blockBytes)")
        }
    }

    @Test("rows are the same whether they are written many at a time or, for an index, one by one")
    func indexed() throws {
        let text = Array(input(seed: 5, count: 800).utf8)
        // Late events are merged into rows that wait for the next checkpoint, or into stored ones.
        let job = try JobBench.job([
            "source": #"{"file": "in", "format": "csv"}"#, "late": "",
            "aggregates": #"{"n": "count()", "s": "sum(v)", "mean": "avg(v)", "l": "last(v)"}"#,
        ])
        var wanted: [String] = []
        for (isIndexed, blockBytes, checkpointBytes) in [
            (false, 1 << 20, 1 << 20), (true, 1 << 20, 1 << 20), (false, 500, 1), (true, 500, 1),
        ] {
            var bench = JobBench()
            bench.options.blockBytes = blockBytes
            bench.options.checkpointBytes = checkpointBytes
            let store = try bench.open()
            _ = try store.createTable(TableDefinition("t", families: [Family("w")]))
            if isIndexed { try store.createIndex("t", ColumnIndex("w:n")) }
            let summary = try bench.run(job, text, store: store)
            #expect(summary.late > 0 && summary.outcome == .completed)
            let got = try JobBench.dump(store, "t")
            if wanted.isEmpty { wanted = got }
            #expect(got == wanted && got.count > 100)
        }
    }
}
