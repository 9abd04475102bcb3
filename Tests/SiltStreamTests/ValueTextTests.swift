import Testing

@testable import SiltStream

@Suite struct ValueTextTests {
    @Test("text that is appended is the text of the value")
    func texts() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        var values: [AggregateValue] = [
            .null, .int(0), .int(.min), .int(.max), .int(-7), .bytes([0, 255]), .bytes([]),
            .error(.integerOverflow), .list([.int(1), .null]), .double(.nan), .double(.infinity),
            .double(-.infinity), .double(0), .double(-0.0), .double(1e11),
            .double(99_999_999_999.5),
            .double(0.001), .double(0.0009), .double(0.0001), .double(1e-5), .double(0.1 + 0.2),
            .double(123.456_7), .double(123.456_78), .double(100), .double(-0.5), .double(1e300),
            .double(99_999_999_999.999_9), .double(.leastNonzeroMagnitude), .double(1.0 / 3),
        ]
        for _ in 0..<20_000 {
            let digits = Int64.random(in: -10_000_000...10_000_000, using: &random)
            let scales: [Double] = [1, 10, 100, 1000, 10_000, 100_000, 3]
            let scale = scales[Int.random(in: 0..<scales.count, using: &random)]
            values.append(.double(Double(digits) / scale))
            values.append(.double(Double(bitPattern: .random(in: 0 ... .max, using: &random))))
            values.append(.double(Double.random(in: -1e12...1e12, using: &random)))
            values.append(.int(.random(in: .min ... .max, using: &random)))
        }
        for value in values {
            var bytes: [UInt8] = [1]
            value.appendText(to: &bytes)
            #expect(Array(bytes.dropFirst()) == value.text ?? [], "seed \(seed) \(value)")
        }
    }

    @Test("sums and averages of one column are accumulated once and come out apart")
    func sharedSums() throws {
        let aggregates: [AggregateSpec] = [
            AggregateSpec(name: "a", .average, column: 0), AggregateSpec(name: "n", .count),
            AggregateSpec(name: "s", .sum, column: 0),
            AggregateSpec(name: "t", .truncatedAverage, column: 0),
            AggregateSpec(name: "o", .sum, column: 1),
            AggregateSpec(name: "m", .sum, column: 0, mask: 0),
        ]
        var windows = try WindowOperator(
            windows: [WindowSpec(name: "w", .tumbling(sizeMilliseconds: 10))],
            aggregates: aggregates,
            watermark: WatermarkSpec(outOfOrderMilliseconds: 0))
        #expect(windows.columns.count == 4)
        windows.givesStates = true
        var batch = EventBatch(columnCount: 2, maskCount: 1)
        let key = windows.keys.intern([1])
        for value in [1, 2, 4] as [Int64] {
            batch.timestamps.append(value)
            batch.keyIDs.append(key)
            batch.offsets.append(value)
            batch.columns[0].append(value)
            batch.columns[1].append(Double(value) / 2)
            batch.masks[0].append(value > 1)
        }
        var output = WindowOutput()
        windows.process(batch, into: &output)
        let state = windows.encodeState()
        var other = try WindowOperator(
            windows: windows.windows, aggregates: aggregates, watermark: windows.watermarkSpec)
        other.givesStates = true
        try other.restore(state)
        #expect(other.encodeState() == state)
        var again = WindowOutput()
        windows.finish(into: &output)
        other.finish(into: &again)
        #expect(output.rows == again.rows)
        #expect(
            output.rows.map(\.values) == [
                [.double(7.0 / 3), .int(3), .int(7), .int(2), .double(3.5), .int(6)]
            ])
        let merged = try AggregateState(aggregates, decoding: output.rows[0].state ?? [])
        #expect(merged.values == output.rows[0].values)
        #expect(merged.encode() == output.rows[0].state)
    }
}
