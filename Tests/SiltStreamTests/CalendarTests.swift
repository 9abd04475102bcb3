import Foundation
import SiltStream
import Testing

/// Calendar, count and capped session windows.
@Suite struct CalendarTests {
    private func zone(_ name: String) throws -> TimeZoneRules {
        let data = try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/\(name)"))
        return try TimeZoneRules(name: name, file: Array(data))
    }

    private func windows(
        _ rule: CalendarRule, _ times: [Int64]
    ) throws -> [[Int64]] {
        let driver = StreamDriver(
            windows: [WindowSpec(name: "w", .calendar(rule))],
            aggregates: [AggregateSpec(name: "n", .count)], watermark: .explicit(), columnCount: 0)
        let items =
            times.map { StreamItem.event(ts: $0, key: "k", values: []) } + [.watermark(.max)]
        return try driver.runEveryWay(items).rows.map { [$0.start, $0.end] }
    }

    @Test("a day in New York has 23 hours in spring and 25 in autumn")
    func days() throws {
        let rule = CalendarRule(.day, zone: try zone("America/New_York"))
        // 2025-03-09 and 2025-11-02.
        let hour: Int64 = 3_600_000
        let spring = try windows(rule, [1_741_536_000_000])[0]
        #expect(spring == [1_741_496_400_000, 1_741_496_400_000 + 23 * hour])
        let autumn = try windows(rule, [1_762_099_200_000])[0]
        #expect(autumn == [1_762_056_000_000, 1_762_056_000_000 + 25 * hour])
    }

    @Test(
        "every window holds its times, and each begins where the one before ends, as Foundation says"
    )
    func agreement() throws {
        for name in [
            "America/New_York", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata",
            "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo",
        ] {
            let rule = CalendarRule(.day, zone: try zone(name))
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = try #require(TimeZone(identifier: name))
            var times: [Int64] = []
            for step in 0..<120 { times.append(Int64(step) * 15_000_000_123 + 1_000_000_000_000) }
            for (index, bounds) in try windows(rule, times).enumerated() {
                #expect(bounds[0] <= times[index] && times[index] < bounds[1], "\(name)")
                let start = calendar.startOfDay(
                    for: Date(timeIntervalSince1970: Double(times[index]) / 1000))
                #expect(bounds[0] == Int64(start.timeIntervalSince1970 * 1000), "\(name)")
            }
        }
    }

    @Test("weeks begin on the day asked for, months and years on the first")
    func units() throws {
        // Thursday 1970-01-01, and 2024-02-29 12:00.
        let times: [Int64] = [0, 1_709_208_000_000]
        let day: Int64 = 86_400_000
        #expect(try windows(CalendarRule(.week), [0]) == [[-3 * day, 4 * day]])
        #expect(
            try windows(CalendarRule(.week, firstWeekday: 7), [0]) == [[-4 * day, 3 * day]])
        #expect(
            try windows(CalendarRule(.month), times)
                == [[0, 31 * day], [1_706_745_600_000, 1_709_251_200_000]])
        #expect(
            try windows(CalendarRule(.year), times)
                == [[0, 365 * day], [1_704_067_200_000, 1_735_689_600_000]])
        #expect(
            try windows(CalendarRule(.month, count: 3), times)[1]
                == [1_704_067_200_000, 1_711_929_600_000])
    }

    @Test("a session ends at its greatest length")
    func cappedSessions() throws {
        let driver = StreamDriver(
            windows: [
                WindowSpec(name: "w", .session(gapMilliseconds: 5, maximumMilliseconds: 10))
            ],
            aggregates: [AggregateSpec(name: "n", .count)], watermark: .explicit(), columnCount: 0)
        let items =
            stride(from: 0, through: 21, by: 3).map {
                StreamItem.event(ts: Int64($0), key: "k", values: [])
            } + [.watermark(.max)]
        let rows = try driver.runEveryWay(items).rows
        #expect(rows.map { [$0.start, $0.end] } == [[0, 14], [12, 26]])
        #expect(rows.map(\.values) == [[.int(4)], [.int(4)]])
    }

    @Test("early results are replaced by those of the firing")
    func provisional() throws {
        var stream = try WindowOperator(
            windows: [
                WindowSpec(name: "h", .hopping(sizeMilliseconds: 10, slideMilliseconds: 5)),
                WindowSpec(name: "s", .session(gapMilliseconds: 3)),
            ], aggregates: [AggregateSpec(name: "n", .count)], watermark: .explicit())
        var batch = EventBatch(columnCount: 0)
        batch.timestamps = [1, 2]
        batch.keyIDs = [stream.keys.intern([1]), stream.keys.intern([1])]
        batch.offsets = [0, 1]
        var output = WindowOutput()
        stream.process(batch, into: &output)
        let state = stream.encodeState()
        stream.giveProvisional(into: &output)
        #expect(output.rows.map(\.start) == [-5, 0, 1])
        #expect(output.rows.allSatisfy { !$0.isFinal && $0.values == [.int(2)] })
        #expect(stream.encodeState() == state)
    }
}
