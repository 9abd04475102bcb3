import SiltBytes
import SiltIO
import SiltModel
import Testing

@testable import SiltIngest

/// Records that are read into columns give what those give that are read into rows, one by one.
@Suite struct ColumnRunTests {
    /// Random numbers with a seed that failures name.
    private struct Source {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }

        mutating func pick(_ texts: [String]) -> String { texts[next(texts.count)] }
    }

    @Test("the ends of fields are found alike on every machine")
    func fieldEnds() {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        let special: [UInt8] = [0x22, 0x2c, 0x0a, 0x0d, 0x09, 0x7f, 0x80, 0xff, 0x00]
        for round in 0..<3000 {
            let count = round % 50 == 0 ? 4096 : source.next(300)
            let rare = [4, 30, 2000][round % 3]
            let bytes = (0..<count).map { _ -> UInt8 in
                switch source.next(rare) {
                case 0: special[source.next(rare == 2000 ? 9 : 5)]
                case 1: source.next(3) == 0 ? 0x0a : 0x2c
                default: UInt8(0x30 + source.next(10))
                }
            }
            let delimiter: UInt8 = round % 5 == 0 ? 0x09 : 0x2c
            let stop = bytes.firstIndex { $0 == 0x22 || $0 >= 0x80 } ?? count
            let places = bytes[..<stop].indices.filter {
                bytes[$0] == delimiter || bytes[$0] == 0x0a
            }
            let lines = places.count { bytes[$0] == 0x0a }
            for way: Int32 in 0...2 {
                let found = PlainStops.fieldEnds(bytes, delimiter: delimiter, way: way)
                #expect(found.ends == places.map(UInt32.init), "seed \(seed) way \(way)")
                #expect(found.lines == lines, "seed \(seed) way \(way)")
            }
        }
    }

    /// How lines are: mostly plain, and now and then not.
    private struct Shape {
        var keyCount = 40
        /// One line in so many is odd.
        var oddEvery = 40
        var lineEnd = "\n"
    }

    private func key(_ source: inout Source, _ shape: Shape) -> String {
        let number = source.next(shape.keyCount)
        let long = "device-with-a-name-of-some-length-that-no-table-holds"
        return String("\(number)/\(long)".prefix(1 + number * 7 % 45)) + "\(number)"
    }

    private func number(_ source: inout Source) -> String {
        switch source.next(12) {
        case 0: "-\(source.next(1000)).\(source.next(1000))"
        case 1: "\(source.next(100)).\(source.next(1_000_000_000))"
        case 2: "\(source.next(1 << 30))\(source.next(1000))"
        case 3:
            source.pick(["0", "-0.0", "0.0", "7", "-5", "123456789.012345", "0.12345678901234"])
        default: "\(source.next(1000)).\(source.next(10_000))"
        }
    }

    private func csv(_ source: inout Source, _ shape: Shape, count: Int) -> String {
        var text = "k,extra,ts,v,u" + shape.lineEnd
        var time = 1000
        for _ in 0..<count {
            time += source.next(60)
            var fields = [
                key(&source, shape), source.pick(["e", "", "extra"]),
                "\(time - source.next(4000))", number(&source), number(&source),
            ]
            if source.next(shape.oddEvery) == 0 {
                let column = source.next(5)
                fields[column] = source.pick([
                    "", "\"\(fields[column])\"", "a\"b", "é", "x", "1e3", "12345678901234567890",
                    "\r", "+4", "-", ".5", "5.", "1.2.3", "99999999999999", "\"open",
                ])
                if source.next(6) == 0 { fields.removeLast() }
                if source.next(6) == 0 { fields.append("more") }
            }
            text += fields.joined(separator: ",") + shape.lineEnd
            if source.next(shape.oddEvery * 4) == 0 { text += source.pick(["\n", "\r\n", "\r"]) }
        }
        text += "k,e,none,1,1" + shape.lineEnd
        return text
    }

    private func json(_ source: inout Source, _ shape: Shape, count: Int) -> String {
        var text = ""
        var time = 1000
        for _ in 0..<count {
            time += source.next(60)
            var members = [
                "\"k\":\"\(key(&source, shape))\"", "\"ts\":\(time - source.next(4000))",
                "\"extra\":\"e\"", "\"v\":\(number(&source))", "\"u\":\(number(&source))",
            ]
            if source.next(shape.oddEvery) == 0 {
                let index = source.next(5)
                members[index] = source.pick([
                    "\"ts\":\"x\"", "\"v\":null", "\"v\":\"7\"", "\"k\":\"\"", "\"k\":7",
                    "\"k\":\"\\u00e9\"", "\"u\":1e3", "\"u\":true", "\"u\":[1]", "\"ts\":5.5", "x",
                    "\"ts\":99999999999999",
                ])
                if source.next(5) == 0 { members.remove(at: source.next(5)) }
            }
            text += "{" + members.joined(separator: ",") + "}" + shape.lineEnd
        }
        text += "none\n"
        return text
    }

    private func expectAlike(
        _ text: [UInt8], _ format: String, seed: UInt64, blockBytes: [Int]
    ) throws {
        let changes = [
            "source": #"{"file": "in", "format": "\#(format)"}"#,
            "time": #"{"field": "ts", "out_of_order": "2s", "max_future": "1d"}"#,
            "windows": #"[{"name": "w", "tumble": "1s"}]"#,
            "aggregates":
                #"{"n": "count()", "s": "sum(v)", "lo": "min(v)", "hi": "max(u)", "mean": "avg(u)", "f": "first(v)", "m": "max(v)"}"#,
        ]
        let plain = try JobBench.job(changes)
        #expect(JobPlan(plain).columns != nil)
        let careful = try JobBench.job(
            changes.merging(["where": #""extra is null or extra != '~'""#]) { $1 })
        #expect(JobPlan(careful).columns == nil)
        var wanted: [String] = []
        var summaries: Set<[Int64]> = []
        for (job, bytes) in [(careful, 1 << 20)] + blockBytes.map({ (plain, $0) }) {
            var bench = JobBench()
            bench.options.blockBytes = bytes
            let store = try bench.open()
            let summary = try bench.run(job, text, store: store)
            summaries.insert([summary.records, summary.bad, summary.late])
            let got = try JobBench.dumpAll(store)
            if wanted.isEmpty { wanted = got }
            #expect(got == wanted && got.count > 100, "seed \(seed) block \(bytes)")
        }
        #expect(summaries.count == 1, "seed \(seed) \(summaries)")
        #expect(summaries.allSatisfy { $0[1] > 0 && $0[2] > 0 })
    }

    @Test("CSV", arguments: [4, 40, 700])
    func csv(oddEvery: Int) throws {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        for lineEnd in ["\n", "\r\n"] {
            let shape = Shape(oddEvery: oddEvery, lineEnd: lineEnd)
            let text = Array(csv(&source, shape, count: oddEvery == 700 ? 2500 : 700).utf8)
            try expectAlike(text, "csv", seed: seed, blockBytes: [1 << 20, 9000, 300])
        }
    }

    @Test("JSON lines", arguments: [4, 40, 700])
    func json(oddEvery: Int) throws {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        let shape = Shape(oddEvery: oddEvery)
        let text = Array(json(&source, shape, count: oddEvery == 700 ? 2500 : 700).utf8)
        try expectAlike(text, "ndjson", seed: seed, blockBytes: [1 << 20, 9000, 300])
    }

    @Test("more keys than the first table of numbers holds")
    func manyKeys() throws {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        let shape = Shape(keyCount: 1000, oddEvery: 300)
        let text = Array(csv(&source, shape, count: 3000).utf8)
        try expectAlike(text, "csv", seed: seed, blockBytes: [1 << 20, 9000])
    }

    @Test("equal keys have equal numbers, and others none or others, however many there are")
    func numbers() throws {
        let job = try JobBench.job(["source": #"{"file": "in", "format": "csv"}"#])
        let plan = JobPlan(job)
        var decoder = RecordDecoder(
            .csv, paths: plan.fields.paths, columns: ["k", "ts", "v"],
            numberSlots: plan.numberSlots, columnPlan: plan.columns)
        try decoder.beginFile("in", header: nil)
        var batch = RecordBatch(literals: plan.literals, slotCount: plan.fields.slotCount)
        var known: [UInt32: [UInt8]] = [:]
        var seen: Set<[UInt8]> = []
        var generation = 0
        var (numbered, unnumbered, generations) = (0, 0, 1)
        for block in 0..<110 {
            batch.beginBlock(keeping: batch.restStart)
            // All keys are other ones for a while, then they come again.
            let text = (0..<900).map { index -> String in
                let number = block < 80 ? block * 900 + index : index
                return "\(number % 7 == 0 ? "" : "key-")\(number),\(number),1.5\n"
            }.joined()
            batch.texts.bytes.append(contentsOf: text.utf8)
            try decoder.decode(
                &batch, end: batch.texts.bytes.count, isFinal: false, file: "in")
            #expect(batch.count == 900 && batch.slots.isEmpty)
            if batch.columns.generation != generation {
                generation = batch.columns.generation
                generations += 1
                known = [:]
                seen = []
            }
            for run in batch.columns.runs {
                let pairs = zip(batch.columns.numbers(run), batch.columns.places(run))
                for (number, place) in pairs {
                    if number == PlainColumns.noNumber {
                        unnumbered += 1
                        continue
                    }
                    numbered += 1
                    let range = Datum(tag: Datum.Tag.text, bits: place).range
                    let bytes = Array(batch.texts.bytes[range])
                    if let old = known[number] {
                        #expect(old == bytes)
                    } else {
                        #expect(Int(number) == known.count)
                        #expect(seen.insert(bytes).inserted)
                        known[number] = bytes
                    }
                }
            }
        }
        #expect(generations == 2 && numbered > 30_000 && unnumbered > 20_000)
    }
}
