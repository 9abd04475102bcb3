import SiltBytes
import SiltStream
import Testing

@Suite struct WindowStateTests {
    static let driver = StreamDriver(
        windows: [
            WindowSpec(name: "t", .tumbling(sizeMilliseconds: 10)),
            WindowSpec(name: "h", .hopping(sizeMilliseconds: 30, slideMilliseconds: 10)),
            WindowSpec(name: "s", .session(gapMilliseconds: 5)),
        ], aggregates: WindowModel.aggregates,
        watermark: WatermarkSpec(outOfOrderMilliseconds: 10, allowedLatenessMilliseconds: 50))

    static func state(seed: UInt64) throws -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        let values: [AggregateValue] = [
            .null, .int(3), .double(1e300), .double(1e-300), .double(0.1), .bytes([1, 2, 3]),
        ]
        let items = (0..<80 as Range<Int64>).map { time in
            StreamItem.event(
                ts: time - .random(in: 0...20, using: &random),
                key: "k\(Int.random(in: 0..<5, using: &random))",
                values: [values[Int.random(in: 0..<values.count, using: &random)]],
                partition: UInt32.random(in: 0...1, using: &random))
        }
        return try driver.run(items).state
    }

    @Test("damaged states are refused or restored, and never trap")
    func damage() throws {
        let state = try WindowStateTests.state(seed: 3)
        #expect(state.count > 1000)
        var random = SeededGenerator(seed: 5)
        var stream = try WindowStateTests.driver.makeOperator()
        try stream.restore(state)
        for _ in 0..<300 {
            var bytes = state
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            var other = try WindowStateTests.driver.makeOperator()
            guard (try? other.restore(bytes)) != nil else { continue }
            var output = WindowOutput()
            other.finish(into: &output)
        }
        for length in stride(from: 0, to: state.count, by: 7) {
            #expect(throws: DecodingError.self) { try stream.restore(Array(state[..<length])) }
        }
        #expect(throws: DecodingError.self) { try stream.restore(state + [0]) }
        #expect(stream.encodeState() == state)
    }

    @Test("a state of other windows, aggregates or rules is refused")
    func otherJobs() throws {
        let state = try WindowStateTests.state(seed: 1)
        let driver = WindowStateTests.driver
        for other in [
            StreamDriver(
                windows: Array(driver.windows.dropLast()), aggregates: driver.aggregates,
                watermark: driver.watermark),
            StreamDriver(
                windows: driver.windows, aggregates: Array(driver.aggregates.dropLast()),
                watermark: driver.watermark),
            StreamDriver(
                windows: driver.windows, aggregates: driver.aggregates, watermark: .explicit()),
        ] {
            var stream = try other.makeOperator()
            #expect(throws: DecodingError.self) { try stream.restore(state) }
        }
    }

    @Test("equal contents give equal bytes, whatever the order of keys and additions")
    func canonical() throws {
        let values: [Double] = [1e300, 1, -1e300, 0.1, 3e-200]
        var states: Set<[UInt8]> = []
        for seed in 0..<5 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var items: [StreamItem] = []
            for value in values.shuffled(using: &random) {
                for key in ["a", "b", "c"].shuffled(using: &random) {
                    items.append(.event(ts: 4, key: key, values: [.double(value)]))
                }
            }
            let driver = StreamDriver(
                windows: WindowStateTests.driver.windows,
                aggregates: [AggregateSpec(name: "s", .sum, column: 0)], watermark: .explicit())
            states.insert(try driver.run(items).state)
        }
        #expect(states.count == 1)
    }

    @Test("keys that no window needs can be forgotten")
    func compaction() throws {
        var stream = try WindowOperatorTests.driver(.tumbling(sizeMilliseconds: 10)).makeOperator()
        var output = WindowOutput()
        for number in 0..<70_000 as Range<Int64> {
            _ = stream.keys.intern(Array("key\(number)".utf8))
        }
        var batch = EventBatch(columnCount: 1)
        batch.timestamps = [5]
        batch.keyIDs = [69_999]
        batch.offsets = [0]
        batch.columns[0].append(1 as Int64)
        stream.process(batch, into: &output)
        let didCompact = stream.compactKeys()
        #expect(didCompact)
        #expect(stream.keys.count == 1)
        stream.finish(into: &output)
        #expect(output.rows.map(\.key) == [Array("key69999".utf8)])
        #expect(stream.openSlotCount == 0)
    }

    @Test("a row's state takes late events and gives what all events would have")
    func lateMerge() throws {
        let aggregates = WindowModel.aggregates
        var batch = EventBatch(columnCount: 1)
        let values = [0.1, 0.2, 0.3, 1e16, -1e16]
        for (index, value) in values.enumerated() {
            batch.timestamps.append(Int64(10 - index))
            batch.keyIDs.append(0)
            batch.offsets.append(Int64(index))
            batch.columns[0].append(value)
        }
        var whole = AggregateState(aggregates)
        for row in values.indices { whole.add(batch, row) }
        var part = AggregateState(aggregates)
        for row in [4, 0] { part.add(batch, row) }
        var rest = try AggregateState(aggregates, decoding: part.encode())
        var other = AggregateState(aggregates)
        for row in [2, 1, 3] { other.add(batch, row) }
        rest.merge(other)
        #expect(rest.values == whole.values)
        #expect(rest.encode() == whole.encode())
        #expect(whole.values[2] == .double(0.6))
        #expect(throws: DecodingError.self) {
            try AggregateState(aggregates, decoding: Array(part.encode().dropLast()))
        }
    }
}
