import SiltStream
import Testing

/// The rules of the aggregates, each over one window.
@Suite struct AggregateTests {
    static let aggregates = [
        AggregateSpec(name: "n", .count), AggregateSpec(name: "c", .count, column: 0),
        AggregateSpec(name: "s", .sum, column: 0), AggregateSpec(name: "lo", .min, column: 0),
        AggregateSpec(name: "hi", .max, column: 0), AggregateSpec(name: "m", .average, column: 0),
    ]

    /// The values of all aggregates over one window, after checking that order, batches, panes and
    /// the state do not matter.
    static func values(_ arguments: [AggregateValue]) throws -> [AggregateValue] {
        let single = StreamDriver(
            windows: [WindowSpec(name: "w", .tumbling(sizeMilliseconds: 1000))],
            aggregates: aggregates, watermark: .explicit())
        // The same window as ten panes.
        let panes = StreamDriver(
            windows: [
                WindowSpec(name: "w", .hopping(sizeMilliseconds: 1000, slideMilliseconds: 100))
            ], aggregates: aggregates, watermark: .explicit())
        var results: [[AggregateValue]] = []
        for seed in 0..<4 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let order = seed == 0 ? arguments : arguments.shuffled(using: &random)
            let items = order.map { value in
                StreamItem.event(
                    ts: .random(in: 0..<1000, using: &random), key: "k", values: [value])
            }
            for driver in [single, panes] {
                let got = try driver.runEveryWay(items + [.watermark(.max)], limits: [2])
                results += got.rows.filter { $0.start == 0 }.map(\.values)
            }
        }
        let first = try #require(results.first)
        for other in results { #expect(other.map(\.text) == first.map(\.text)) }
        #expect(results.count == 8)
        return first
    }

    static func texts(_ arguments: [AggregateValue]) throws -> [String] {
        try values(arguments).map { $0.text.map { String(decoding: $0, as: UTF8.self) } ?? "null" }
    }

    @Test("nulls are counted as events and skipped by all else")
    func nulls() throws {
        #expect(
            try AggregateTests.texts([.null, .null]) == ["2", "0", "null", "null", "null", "null"])
        #expect(try AggregateTests.texts([.null, .int(4)]) == ["2", "1", "4", "4", "4", "4.0"])
    }

    @Test("integers are exact and an average of them is a double")
    func integers() throws {
        #expect(try AggregateTests.texts([.int(1), .int(2)]) == ["2", "2", "3", "1", "2", "1.5"])
        #expect(try AggregateTests.texts([.int(-1), .int(-2)])[5] == "-1.5")
        let big: [AggregateValue] = [.int(9_007_199_254_740_993), .int(0)]
        #expect(try AggregateTests.texts(big)[2] == "9007199254740993")
        #expect(
            try AggregateTests.texts([.int(.min), .int(.min), .int(.max), .int(.max)])[2] == "-2")
    }

    @Test("a sum of integers past 64 bits is a typed error, and its average still right")
    func overflow() throws {
        let texts = try AggregateTests.texts([.int(.max), .int(1)])
        #expect(texts[2] == "error:integer_overflow")
        #expect(texts[5] == "4.611686018427388e+18")
        #expect(
            try AggregateTests.texts([.int(.max), .int(1), .int(-1)])[2] == "9223372036854775807")
    }

    @Test("doubles are summed exactly and rounded once")
    func doubles() throws {
        #expect(try AggregateTests.texts([.double(1e16), .double(1), .double(-1e16)])[2] == "1.0")
        #expect(try AggregateTests.texts(Array(repeating: .double(0.1), count: 10))[2] == "1.0")
        let wide: [AggregateValue] = [1e300, 1, 1e-300, -1e300, 1e-16, -1].map { .double($0) }
        #expect(try AggregateTests.texts(wide)[2] == "1e-16")
        let huge: [AggregateValue] = [1.7e308, 1.7e308, -1.7e308].map { .double($0) }
        #expect(try AggregateTests.texts(huge)[2] == "1.7e+308")
        let twice: [AggregateValue] = [.double(1.7e308), .double(1.7e308)]
        #expect(try AggregateTests.texts(twice)[2] == "inf")
        #expect(try AggregateTests.texts(twice)[5] == "1.7e+308")
        let least = Double.leastNonzeroMagnitude
        #expect(try AggregateTests.texts([.double(least), .double(least)])[2] == "1e-323")
    }

    @Test("integers and doubles mix without losing a bit")
    func mixed() throws {
        let values: [AggregateValue] = [.int(9_007_199_254_740_993), .double(0.5), .double(-0.5)]
        let texts = try AggregateTests.texts(values)
        // 2^53 + 1 is no double: rounded once, to even.
        #expect(texts[2] == "9007199254740992.0")
        #expect(texts[3] == "-0.5")
        #expect(texts[4] == "9007199254740993")
        #expect(
            try AggregateTests.texts([.int(.max), .double(0x1p63)])[4] == "9.223372036854776e+18")
        #expect(
            try AggregateTests.texts([.int(.max), .double(0x1p63)])[3] == "9223372036854775807")
        #expect(try AggregateTests.texts([.int(-2), .double(-2.5)])[3] == "-2.5")
    }

    @Test("NaN is ignored by min and max unless it is all there is")
    func notANumber() throws {
        for order in [[.nan, 1, 2], [1, .nan, 2]] as [[Double]] {
            let texts = try AggregateTests.texts(order.map { .double($0) })
            #expect(texts == ["3", "3", "nan", "1.0", "2.0", "nan"])
        }
        #expect(try AggregateTests.texts([.double(.nan)])[3...4] == ["nan", "nan"])
        #expect(try AggregateTests.texts([.double(.nan), .int(3)])[4] == "3")
    }

    @Test("infinities add as they should")
    func infinities() throws {
        #expect(try AggregateTests.texts([.double(.infinity), .double(1)])[2] == "inf")
        #expect(try AggregateTests.texts([.double(.infinity), .double(-.infinity)])[2] == "nan")
        #expect(try AggregateTests.texts([.double(-.infinity), .int(1)])[5] == "-inf")
    }

    @Test("negative zero sorts before zero")
    func zeros() throws {
        let texts = try AggregateTests.texts([.double(0), .double(-0.0)])
        #expect(texts[3] == "-0.0")
        #expect(texts[4] == "0.0")
        #expect(texts[2] == "0.0")
    }

    @Test("bytes have a least and a greatest, and no sum")
    func bytes() throws {
        let texts = try AggregateTests.texts([
            .bytes(Array("pear".utf8)), .bytes(Array("fig".utf8)),
        ])
        #expect(texts == ["2", "2", "error:not_a_number", "fig", "pear", "error:not_a_number"])
        #expect(try AggregateTests.texts([.bytes([65]), .int(7)])[3] == "7")
    }

    @Test("first and last go by event time, then by arrival, and keep nulls")
    func firstAndLast() throws {
        let driver = StreamDriver(
            windows: [
                WindowSpec(name: "w", .hopping(sizeMilliseconds: 10, slideMilliseconds: 5))
            ],
            aggregates: [
                AggregateSpec(name: "f", .first, column: 0),
                AggregateSpec(name: "l", .last, column: 0),
            ], watermark: .explicit())
        let text = { (text: String) in AggregateValue.bytes(Array(text.utf8)) }
        let items: [StreamItem] = [
            .event(ts: 8, key: "k", values: [text("a")]), .event(ts: 3, key: "k", values: [.null]),
            .event(ts: 4, key: "k", values: [text("b")]),
            .event(ts: 4, key: "k", values: [.int(1)]),
            .event(ts: 8, key: "k", values: [text("c")]), .event(ts: 9, key: "k", values: [.null]),
            .watermark(.max),
        ]
        let rows = try driver.runEveryWay(items).rows
        #expect(rows.map(\.start) == [-5, 0, 5])
        #expect(rows[0].values == [.null, .int(1)])
        #expect(rows[1].values == [.null, .null])
        #expect(rows[2].values == [text("a"), .null])
    }

    @Test("a mask says which events an aggregate counts")
    func masks() throws {
        var stream = try WindowOperator(
            windows: [WindowSpec(name: "w", .tumbling(sizeMilliseconds: 10))],
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "e", .count, mask: 0),
                AggregateSpec(name: "s", .sum, column: 0, mask: 0),
            ], watermark: .explicit())
        var batch = EventBatch(columnCount: 1, maskCount: 1)
        let key = stream.keys.intern([1])
        for index in 0..<5 as Range<Int64> {
            batch.timestamps.append(index)
            batch.keyIDs.append(key)
            batch.offsets.append(index)
            batch.columns[0].append(index)
            batch.masks[0].append(index > 2)
        }
        var output = WindowOutput()
        stream.process(batch, into: &output)
        stream.finish(into: &output)
        #expect(output.rows.map(\.values) == [[.int(5), .int(2), .int(7)]])
    }
}
