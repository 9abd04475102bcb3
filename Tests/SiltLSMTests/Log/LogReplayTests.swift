import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Log")
struct LogReplayTests {
    private func crashed(rows: Int) throws -> (disk: MemoryDisk, segments: [DiskFile]) {
        let fixture = try EngineFixture(groupCount: 1)
        for index in 0..<rows { try fixture.put("r\(index)", String(repeating: "v", count: 100)) }
        let disk = fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
        return (disk, disk.files.map(\.file).filter { "\($0)".hasPrefix("wal/") })
    }

    @Test("A missing segment in the middle is an error that names it")
    func missingSegment() throws {
        let (disk, segments) = try crashed(rows: 80)
        #expect(segments.count > 3)
        try disk.remove(segments[1])
        let error = #expect(throws: SiltstoneError.self) { try EngineFixture(disk, groupCount: 1) }
        #expect(error?.code == .corrupted)
        #expect(error?.location?.file == "\(segments[1])")
    }

    @Test("A segment cut short before others is an error, the last one cut short is a torn tail")
    func cutSegment() throws {
        let (early, earlySegments) = try crashed(rows: 80)
        try early.truncate(earlySegments[0], to: 2_000)
        let error = #expect(throws: SiltstoneError.self) { try EngineFixture(early, groupCount: 1) }
        #expect(error?.code == .corrupted)
        #expect(error?.message.contains("last_good") == true)
        let (disk, segments) = try crashed(rows: 80)
        let last = try #require(segments.last)
        try disk.truncate(last, to: 300)
        let again = try EngineFixture(disk, groupCount: 1)
        let count = try again.values().count
        #expect(count > 60 && count < 80)
        #expect(again.report.tornBytes > 0)
    }

    @Test("A refused opening changes nothing: with the damage undone, everything is there")
    func refusalIsHarmless() throws {
        let (disk, segments) = try crashed(rows: 40)
        try disk.flipBit(of: segments[0], offset: 900, bit: 2)
        #expect(throws: SiltstoneError.self) { try EngineFixture(disk, groupCount: 1) }
        let copy = disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
        try copy.flipBit(of: segments[0], offset: 900, bit: 2)
        #expect(try EngineFixture(copy, groupCount: 1).values().count == 40)
    }

    @Test(
        "A power cut while a segment ends and the next is written leaves the batches up to some point",
        arguments: [CrashPolicy.dropUnsynced, .tearAtSector, .keepSectors])
    func overlap(_ policy: CrashPolicy) throws {
        var options = EngineFixture.options
        options.runsMaintenance = true
        var overlapCount = 0
        for seed in UInt64(1)...60 {
            let fixture = try EngineFixture(groupCount: 1, options: options)
            // No worker runs: no segment is closed before it must be.
            let rows = 30 + Int(seed) * 37 % 400
            for index in 0..<rows {
                try fixture.put(
                    "r\(1000 + index)", String(repeating: "v", count: 100), durability: .syncWAL)
            }
            let disk = fixture.disk.crashed(keeping: policy, random: SeededRandom(seed: seed))
            let again = try EngineFixture(disk, groupCount: 1)
            let found = try again.values().keys.sorted()
            #expect(
                found == (0..<found.count).map { "r\(1000 + $0)" }, "seed=\(seed) \(policy)")
            if again.report.tornBytes > options.logSegmentBytes / 2 { overlapCount += 1 }
        }
        #expect(
            overlapCount > 0 || policy == .dropUnsynced, "some cut leaves records that do not count"
        )
    }

    @Test(
        "A durable batch waits for the segment before it",
        arguments: [CrashPolicy.dropUnsynced, .tearAtSector, .keepSectors])
    func durableAfterOverlap(_ policy: CrashPolicy) throws {
        var options = EngineFixture.options
        options.runsMaintenance = true
        for seed in UInt64(1)...40 {
            let fixture = try EngineFixture(groupCount: 1, options: options)
            for index in 0..<30 {
                try fixture.put(
                    "r\(1000 + index)", String(repeating: "v", count: 100), durability: .syncWAL)
            }
            try fixture.put("r1030", "durable")
            try fixture.put("r1031", "not", durability: .syncWAL)
            let disk = fixture.disk.crashed(keeping: policy, random: SeededRandom(seed: seed))
            let found = try EngineFixture(disk, groupCount: 1).values()
            #expect(found.count >= 31 && found["r1030"] == "durable", "seed=\(seed)")
        }
    }

    @Test("Segments that a power cut took whole end the log; a loss before those is damage")
    func wholeSegmentsLost() throws {
        var options = EngineFixture.options
        options.runsMaintenance = true
        // No worker runs: as many segments as may be are not known to be on the device.
        let fixture = try EngineFixture(groupCount: 1, options: options)
        for index in 0..<400 {
            try fixture.put(
                "r\(1000 + index)", String(repeating: "v", count: 100), durability: .syncWAL)
        }
        let cut = { (lost: [Int]) throws -> MemoryDisk in
            let disk = fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
            // Those made ahead are empty.
            let segments = disk.files.filter { file, count in
                "\(file)".hasPrefix("wal/") && count > 0
            }.map(\.file)
            for index in lost { try disk.truncate(segments[segments.count - 1 - index], to: 0) }
            return disk
        }
        #expect(try EngineFixture(cut([]), groupCount: 1).values().count == 400)

        let ended = EngineOptions.logSegmentsPendingMax - 1
        for lost in (1...ended).map({ [$0] }) + [[2, 3], [1, 2, 3], [2, 5], Array(1...ended)] {
            let again = try EngineFixture(cut(lost), groupCount: 1)
            let found = try again.values().keys.sorted()
            #expect(found == (0..<found.count).map { "r\(1000 + $0)" }, "lost \(lost)")
            #expect(found.count > 20 && found.count < 400, "lost \(lost)")
            #expect(again.report.tornBytes > 0, "lost \(lost)")
        }
        for lost in [[ended + 1], [ended + 4], [2, ended + 1], [ended, ended + 1]] {
            let damaged = try cut(lost)
            let error = #expect(throws: SiltstoneError.self, "lost \(lost)") {
                try EngineFixture(damaged, groupCount: 1)
            }
            #expect(error?.code == .corrupted, "lost \(lost)")
        }
    }

    @Test("Segments whose cells are all in tables are deleted")
    func trimming() throws {
        let fixture = try EngineFixture()
        for index in 0..<60 {
            try fixture.put("r\(index)", String(repeating: "v", count: 100), group: index % 2)
        }
        let full = fixture.engine.metrics.logBytes
        try fixture.groups[0].flush()
        #expect(
            fixture.engine.metrics.logBytes == full,
            "the other region still needs the oldest segment")
        try fixture.groups[1].flush()
        #expect(fixture.engine.metrics.logBytes <= 4 << 10)
        let segments = fixture.disk.files.filter { "\($0.file)".hasPrefix("wal/") }
        #expect(segments.count == 1)
    }

    @Test("A batch larger than a segment gets a segment of its own")
    func largeBatch() throws {
        var options = EngineFixture.options
        options.runsMaintenance = true
        let fixture = try EngineFixture(groupCount: 1, options: options)
        let value = String(repeating: "w", count: 40_000)
        for index in 0..<4 {
            try fixture.put("big\(index)", value)
            try fixture.put("small\(index)", "s")
            fixture.workers.runOne()
        }
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)),
            groupCount: 1)
        #expect(try again.values().count == 8)
        #expect(try again.values()["big3"] == value)
    }
}
