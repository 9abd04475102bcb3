import SiltBytes
import SiltModel
import SiltStream
import Testing

@Suite struct WindowOperatorTests {
    static func driver(
        _ shape: WindowSpec.Shape, outOfOrder: Int64? = 0, lateness: Int64 = 0
    ) -> StreamDriver {
        StreamDriver(
            windows: [WindowSpec(name: "w", shape)],
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "s", .sum, column: 0),
            ],
            watermark: WatermarkSpec(
                outOfOrderMilliseconds: outOfOrder, allowedLatenessMilliseconds: lateness))
    }

    static func event(_ ts: Int64, _ value: Int64 = 1, key: String = "k") -> StreamItem {
        .event(ts: ts, key: key, values: [.int(value)])
    }

    /// Start, end and count of each row, as text.
    static func rows(_ result: StreamResult) -> [String] {
        result.rows.map { row in
            let count = row.values[0].text.map { String(decoding: $0, as: UTF8.self) } ?? ""
            return "\(row.start)..<\(row.end)=\(count)"
        }
    }

    @Test("windows before 1970 start at the floor")
    func negativeTimes() throws {
        let times: [Int64] = [-10001, -10000, -1, 0, 9999, 10000]
        let result = try WindowOperatorTests.driver(.tumbling(sizeMilliseconds: 10000)).runEveryWay(
            times.map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        let expected = ["-20000..<-10000=1", "-10000..<0=2", "0..<10000=2", "10000..<20000=1"]
        #expect(WindowOperatorTests.rows(result) == expected)
    }

    @Test("an event exactly the allowed disorder late is on time, and one later is not")
    func exactlyLate() throws {
        let driver = WindowOperatorTests.driver(
            .tumbling(sizeMilliseconds: 10000), outOfOrder: 5000)
        let kept = try driver.runEveryWay(
            [9998, 14999, 9999].map { WindowOperatorTests.event($0) })
        #expect(kept.late == [])
        #expect(kept.rows.isEmpty)
        let late = try driver.runEveryWay(
            [9998, 15000, 9999].map { WindowOperatorTests.event($0) })
        #expect(late.late == [2])
        #expect(WindowOperatorTests.rows(late) == ["0..<10000=1"])
    }

    @Test("a size that is no multiple of the slide works")
    func oddHops() throws {
        let result = try WindowOperatorTests.driver(
            .hopping(sizeMilliseconds: 10000, slideMilliseconds: 3000)
        ).runEveryWay([WindowOperatorTests.event(9000), .watermark(.max)])
        let expected = ["0..<10000=1", "3000..<13000=1", "6000..<16000=1", "9000..<19000=1"]
        #expect(WindowOperatorTests.rows(result) == expected)
    }

    @Test("a slide longer than the size samples; events between are neither counted nor late")
    func sampling() throws {
        let result = try WindowOperatorTests.driver(
            .hopping(sizeMilliseconds: 2, slideMilliseconds: 5), outOfOrder: 10
        ).runEveryWay(
            [0, 1, 2, 3, 4, 5].map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(WindowOperatorTests.rows(result) == ["0..<2=2", "5..<7=1"])
        #expect(result.outside == 3)
        #expect(result.late.isEmpty)
    }

    @Test("sessions join at exactly the gap, and a late event bridges two")
    func sessions() throws {
        let driver = WindowOperatorTests.driver(
            .session(gapMilliseconds: 2000), outOfOrder: nil, lateness: 10000)
        let joined = try driver.runEveryWay(
            [0, 2000].map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(WindowOperatorTests.rows(joined) == ["0..<4000=2"])
        let apart = try driver.runEveryWay(
            [0, 2001].map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(WindowOperatorTests.rows(apart) == ["0..<2000=1", "2001..<4001=1"])
        let bridged = try driver.runEveryWay([
            WindowOperatorTests.event(0), WindowOperatorTests.event(4000), .watermark(6000),
            WindowOperatorTests.event(2000),
        ])
        #expect(WindowOperatorTests.rows(bridged) == ["0..<2000=1", "4000..<6000=1", "0..<6000=3"])
        #expect(bridged.superseded.map(\.start) == [0, 4000])
    }

    @Test("late events within the allowance give rows again, with a higher revision")
    func revisions() throws {
        let result = try WindowOperatorTests.driver(
            .tumbling(sizeMilliseconds: 10), outOfOrder: 0, lateness: 10
        ).runEveryWay([
            WindowOperatorTests.event(5), WindowOperatorTests.event(15),
            WindowOperatorTests.event(6), WindowOperatorTests.event(7),
            WindowOperatorTests.event(8, key: "other"), WindowOperatorTests.event(20),
            WindowOperatorTests.event(9),
        ])
        let first = result.rows.filter { $0.start == 0 }
        #expect(first.map(\.revision) == [0, 1, 2, 0])
        #expect(first.map { $0.values[0] } == [.int(1), .int(2), .int(3), .int(1)])
        #expect(first.allSatisfy { !$0.isFinal })
        #expect(result.late == [6])
    }

    @Test("the ends of time are windows like others")
    func endsOfTime() throws {
        let driver = WindowOperatorTests.driver(
            .tumbling(sizeMilliseconds: 1000, offsetMilliseconds: 7), outOfOrder: .max)
        let times: [Int64] = [.min, .min + 1, -1, .max - 1, .max]
        let result = try driver.runEveryWay(
            times.map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(result.rows.count == 3)
        #expect(result.rows.first?.start == .min)
        #expect(result.rows.last?.end == .max)
        let hopping = try WindowOperatorTests.driver(
            .hopping(sizeMilliseconds: .max, slideMilliseconds: 1 << 62), outOfOrder: 0,
            lateness: .max
        ).runEveryWay(times.map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(!hopping.rows.isEmpty)
        let session = try WindowOperatorTests.driver(
            .session(gapMilliseconds: .max), outOfOrder: nil
        ).runEveryWay(times.map { WindowOperatorTests.event($0) } + [.watermark(.max)])
        #expect(session.rows.map { $0.values[0] } == [.int(5)] || session.rows.count <= 3)
    }

    @Test("one global window fires at the end")
    func global() throws {
        let result = try WindowOperatorTests.driver(.global).runEveryWay(
            [5, -100, 1_000_000].map { WindowOperatorTests.event($0, $0) } + [.watermark(.max)])
        #expect(result.rows.map(\.values) == [[.int(3), .int(999_905)]])
    }

    @Test("the slowest partition that is not idle holds the watermark")
    func partitions() throws {
        var stream = try WindowOperatorTests.driver(.tumbling(sizeMilliseconds: 10)).makeOperator()
        var output = WindowOutput()
        stream.addPartition(1)
        stream.addPartition(2)
        stream.advance(1, to: 100, into: &output)
        #expect(stream.watermark == .min)
        stream.advance(2, to: 50, into: &output)
        #expect(stream.watermark == 50)
        stream.setIdle(2, into: &output)
        #expect(stream.watermark == 100)
        stream.advance(2, to: 60, into: &output)
        #expect(stream.watermark == 100)
        stream.setIdle(1, into: &output)
        stream.setIdle(2, into: &output)
        #expect(stream.watermark == 100)
        stream.addPartition(3)
        stream.finishPartition(1, into: &output)
        #expect(stream.watermark == 100)
        stream.finishPartition(2, into: &output)
        stream.finishPartition(3, into: &output)
        #expect(stream.watermark == .max)
    }

    @Test("a finished partition does not end the stream while others are idle")
    func finishedAndIdle() throws {
        var stream = try WindowOperatorTests.driver(.tumbling(sizeMilliseconds: 10)).makeOperator()
        var output = WindowOutput()
        stream.advance(1, to: 100, into: &output)
        stream.advance(2, to: 100, into: &output)
        stream.setIdle(2, into: &output)
        stream.finishPartition(1, into: &output)
        #expect(stream.watermark == 100)
    }

    @Test("names must differ and arguments be there")
    func refusals() {
        let window = WindowSpec(name: "w", .tumbling(sizeMilliseconds: 1))
        let count = AggregateSpec(name: "n", .count)
        #expect(throws: SiltstoneError.self) {
            try WindowOperator(
                windows: [window, window], aggregates: [count], watermark: .explicit())
        }
        #expect(throws: SiltstoneError.self) {
            try WindowOperator(
                windows: [window], aggregates: [count, count], watermark: .explicit())
        }
        #expect(throws: SiltstoneError.self) {
            try WindowOperator(
                windows: [window], aggregates: [AggregateSpec(name: "s", .sum)],
                watermark: .explicit())
        }
    }
}
