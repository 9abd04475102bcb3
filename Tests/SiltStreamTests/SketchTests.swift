import SiltStream
import Testing

/// Aggregates that keep more than a number.
@Suite struct SketchTests {
    private func run(
        _ function: AggregateFunction, _ parameters: [Double] = [], _ values: [AggregateValue],
        hop: Bool = false
    ) throws -> AggregateValue? {
        let shape: WindowSpec.Shape =
            hop
            ? .hopping(sizeMilliseconds: 100_000, slideMilliseconds: 7)
            : .tumbling(sizeMilliseconds: 100_000)
        let driver = StreamDriver(
            windows: [WindowSpec(name: "w", shape)],
            aggregates: [
                AggregateSpec(name: "a", function, column: 0, parameters: parameters)
            ], watermark: .explicit())
        let items =
            values.enumerated().map { index, value in
                StreamItem.event(ts: Int64(index) * 10, key: "k", values: [value])
            } + [.watermark(.max)]
        let rows = try driver.runEveryWay(items, limits: [37]).rows
        return (hop ? rows.first { $0.start <= 0 && $0.end > values.count * 10 } : rows.first)?
            .values[0]
    }

    private func double(_ value: AggregateValue?) throws -> Double {
        guard case .double(let double) = value else {
            Issue.record("no double: \(String(describing: value))")
            return .nan
        }
        return double
    }

    @Test("variance is exact far from zero, and null for a sample of one")
    func variance() throws {
        let values: [AggregateValue] = [4, 7, 13, 16].map { .double(1e9 + $0) }
        #expect(try run(.variance, [], values) == .double(30))
        #expect(try run(.varianceOfAll, [], values, hop: true) == .double(22.5))
        #expect(try run(.deviationOfAll, [], [.int(2), .int(4), .null]) == .double(1))
        #expect(try run(.deviation, [], [.int(2)]) == .null)
        #expect(try run(.deviationOfAll, [], [.int(2)]) == .double(0))
        #expect(try run(.variance, [], [.int(.max), .int(.max - 2)]) == .double(2))
    }

    @Test("increase counts from zero after a reset, delta and rate go by event time")
    func counters() throws {
        let values: [AggregateValue] = [.int(5), .int(9), .int(2), .null, .int(4)]
        #expect(try run(.increase, [], values) == .int(4 + 2 + 2))
        #expect(try run(.increase, [], values, hop: true) == .int(8))
        #expect(try run(.delta, [], values) == .int(-1))
        #expect(try run(.rate, [], values) == .double(8 / 0.04))
        #expect(try run(.rate, [], [.int(1)]) == .null)
        #expect(try run(.delta, [], [.double(0.5), .int(2)]) == .double(1.5))
    }

    @Test("distinct values are exact up to 4096 and within two percent beyond")
    func distinct() throws {
        let few: [AggregateValue] = [.int(1), .double(1), .bytes([1]), .null, .double(0.5)]
        #expect(try run(.distinct, [], few) == .int(3))
        let many = (0..<9000).map { AggregateValue.int(Int64($0 % 4096)) }
        #expect(try run(.distinct, [], many) == .int(4096))
        let more = (0..<10_000).map { AggregateValue.int(Int64($0)) }
        guard case .int(let count) = try run(.distinct, [], more) else {
            Issue.record("no count")
            return
        }
        #expect(abs(count - 10_000) < 300)
    }

    @Test("a percentile is within one percent of the value of its rank")
    func percentile() throws {
        let values = (1...1000).map { AggregateValue.double(Double($0 * 37 % 1009) - 300) }
        let sorted = values.compactMap { value -> Double? in
            if case .double(let double) = value { double } else { nil }
        }.sorted()
        for quantile in [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1] {
            let got = try double(run(.percentile, [quantile], values))
            let wanted = sorted[Int(quantile * 999)]
            #expect(abs(got - wanted) <= 0.0101 * abs(wanted), "\(quantile) \(got) \(wanted)")
        }
        #expect(try run(.percentile, [0.5], [.null]) == .null)
        #expect(try double(run(.percentile, [0.5], [.double(1e300), .double(1e300)])) == 1e300)
    }

    @Test("histogram bounds are included and counts add up")
    func histogram() throws {
        let values: [AggregateValue] = [.int(1), .int(5), .double(5.1), .int(100), .int(7)]
        guard case .entries(let entries) = try run(.histogram, [5, 10], values, hop: true) else {
            Issue.record("no entries")
            return
        }
        #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == ["5", "10", "+Inf"])
        #expect(entries.map(\.value) == [.int(2), .int(4), .int(5)])
    }

    @Test("frequent values come by count, then by value; all values are cells")
    func frequencies() throws {
        let values: [AggregateValue] = ["b", "a", "c", "a", "b", "d"].map {
            .bytes(Array($0.utf8))
        }
        let top = try run(.topValues, [2], values, hop: true)
        #expect(top?.text.map { String(decoding: $0, as: UTF8.self) } == #"{"a":2,"b":2}"#)
        let all = try run(.values, [], values)
        #expect(
            all?.text.map { String(decoding: $0, as: UTF8.self) } == #"{"a":2,"b":2,"c":1,"d":1}"#)
    }

    @Test("lists keep the first values or the greatest")
    func lists() throws {
        let values: [AggregateValue] = [.int(3), .int(9), .null, .int(1), .int(9)]
        #expect(
            try run(.collect, [], values, hop: true) == .list([.int(3), .int(9), .int(1), .int(9)]))
        #expect(try run(.collect, [2], values) == .list([.int(3), .int(9)]))
        #expect(try run(.largest, [3], values) == .list([.int(9), .int(9), .int(3)]))
    }

    @Test("senseless parameters are refused", arguments: [[], [2.0], [0.1, 0.2]])
    func refusals(parameters: [Double]) throws {
        #expect(throws: (any Error).self) {
            try AggregateSpec(name: "a", .percentile, column: 0, parameters: parameters).validate()
        }
        #expect(throws: (any Error).self) {
            try AggregateSpec(name: "a", .sum, column: 0, parameters: parameters + [1]).validate()
        }
    }
}
