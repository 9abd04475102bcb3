import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Faults")
struct FaultTests {
    @Test("A failed sync poisons writes for good; reads go on, and nothing acknowledged is lost")
    func syncFailure() throws {
        let fixture = try EngineFixture()
        try fixture.put("r1", "v")
        fixture.disk.install(FaultPlan(failures: [.init(.appendDurably, number: 1)]))
        let failed = #expect(throws: SiltstoneError.self) { try fixture.put("r2", "v") }
        #expect(failed?.code == .unavailable)
        let later = #expect(throws: SiltstoneError.self) { try fixture.put("r3", "v") }
        #expect(later?.code == .unavailable)
        #expect(try fixture.values() == ["r1": "v"])
        #expect(fixture.engine.metrics.isPoisoned)
        try fixture.engine.close()
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)))
        #expect(try again.values()["r1"] == "v")
        #expect(try again.values()["r3"] == nil)
    }

    @Test(
        "A failed table file or manifest poisons writes",
        arguments: [DiskOperation.writerFinish, .putIfAbsent])
    func flushFailure(_ operation: DiskOperation) throws {
        let fixture = try EngineFixture()
        try fixture.put("r1", "v")
        fixture.disk.install(FaultPlan(failures: [.init(operation, number: 1)]))
        #expect(throws: SiltstoneError.self) { try fixture.groups[0].flush() }
        let failed = #expect(throws: SiltstoneError.self) { try fixture.put("r2", "v") }
        #expect(failed?.code == .unavailable)
        #expect(try fixture.values() == ["r1": "v"])
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)))
        #expect(try again.values() == ["r1": "v"])
    }

    @Test("A full disk refuses writes, keeps reads, and lets writes resume when there is room")
    func fullDisk() throws {
        let fixture = try EngineFixture()
        try fixture.put("r0", "v")
        fixture.disk.limit(capacityBytes: fixture.disk.usedBytes + 6_000)
        let value = String(repeating: "x", count: 900)
        var stored: Set<String> = ["r0"]
        var refused = 0
        for index in 1...40 {
            do {
                try fixture.put("r\(index)", value)
                stored.insert("r\(index)")
            } catch {
                #expect(error.code == .storageFull)
                refused += 1
            }
        }
        #expect(refused > 20)
        #expect(try Set(fixture.values().keys) == stored)
        fixture.disk.limit(capacityBytes: nil)
        try fixture.put("later", "v")
        stored.insert("later")
        #expect(try Set(fixture.values().keys) == stored)
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)))
        #expect(try Set(again.values().keys) == stored)
    }

    @Test("A full disk during a flush leaves everything as it was, and the flush succeeds later")
    func fullDiskAtFlush() throws {
        let fixture = try EngineFixture()
        for index in 0..<50 {
            try fixture.put("r\(index)", String(repeating: "y\(index)", count: 50))
        }
        fixture.disk.limit(capacityBytes: fixture.disk.usedBytes + 100)
        let failed = #expect(throws: SiltstoneError.self) { try fixture.groups[0].flush() }
        #expect(failed?.code == .storageFull)
        #expect(try fixture.values().count == 50)
        fixture.disk.limit(capacityBytes: nil)
        try fixture.groups[0].flush()
        try fixture.put("later", "v")
        #expect(try fixture.values().count == 51)
    }

    /// How many of 20 rows written at a level are there after a crash.
    private func survivors(
        _ level: Durability, _ policy: CrashPolicy,
        then settle: (EngineFixture) throws -> Void = { _ in }
    ) throws -> Int {
        var options = EngineFixture.options
        options.runsMaintenance = true
        let fixture = try EngineFixture(options: options)
        for index in 0..<20 { try fixture.put("r\(index)", "v", durability: level) }
        #expect(try fixture.values().count == 20, "visible at once at every level")
        try settle(fixture)
        let disk = fixture.disk.crashed(keeping: policy, random: SeededRandom(seed: 1))
        return try EngineFixture(disk).values().count
    }

    @Test("Each durability level keeps its promise", arguments: Durability.allCases)
    func levels(_ level: Durability) throws {
        let isOnDevice = level == .fsyncWAL
        let isWithSystem = isOnDevice || level == .syncWAL
        #expect(try survivors(level, .processKill) == (isWithSystem ? 20 : 0))
        #expect(try survivors(level, .dropUnsynced) == (isOnDevice ? 20 : 0))
        // A worker writes what asynchronous commits left in memory.
        let written = try survivors(level, .processKill) { $0.workers.runAll() }
        #expect(written == (level == .skipWAL ? 0 : 20))
        // A flush makes everything durable.
        #expect(try survivors(level, .dropUnsynced) { try $0.engine.flushAll() } == 20)
    }

    @Test("ASYNC_WAL leaves no more than a second or 8 MiB in memory")
    func asyncBound() throws {
        let fixture = try EngineFixture()
        try fixture.put("r1", "v", durability: .asyncWAL)
        #expect(fixture.engine.metrics.logWrittenBytes == 0)
        fixture.clock.advance(milliseconds: 1_001)
        try fixture.put("r2", "v", durability: .asyncWAL)
        #expect(fixture.engine.metrics.logWrittenBytes > 0)
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1)))
        #expect(try again.values().count == 2)
    }

    @Test(
        "A flipped bit anywhere in a log that a kill left is an error naming file and offset, never a lost batch"
    )
    func flippedLog() throws {
        let fixture = try EngineFixture(groupCount: 1)
        for index in 0..<6 { try fixture.put("r\(index)", "value-\(index)") }
        let files = fixture.disk.files
        let log = try #require(files.first { "\($0.file)".hasPrefix("wal/") })
        var refused = 0
        for offset in stride(from: 0, to: min(log.byteCount, 1_200), by: 3) {
            let disk = fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
            try disk.flipBit(of: log.file, offset: offset, bit: offset % 8)
            do throws(SiltstoneError) {
                let values = try EngineFixture(disk, groupCount: 1).values()
                #expect(values.count == 6, "offset=\(offset) count=\(values.count)")
            } catch {
                #expect(error.code == .corrupted, "offset=\(offset) \(error)")
                #expect(error.location != nil, "offset=\(offset) \(error)")
                refused += 1
            }
        }
        #expect(refused > 150)
    }

    @Test("A damaged newest manifest is an error that names it")
    func damagedManifest() throws {
        let fixture = try EngineFixture(groupCount: 1)
        try fixture.put("r", "v")
        try fixture.engine.close()
        let manifests = fixture.disk.files.filter { "\($0.file)".contains("manifest") }
        let newest = try #require(manifests.max { "\($0.file)" < "\($1.file)" })
        for offset in stride(from: 0, to: newest.byteCount, by: 7) {
            let disk = fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
            try disk.flipBit(of: newest.file, offset: offset, bit: 3)
            let error = #expect(throws: SiltstoneError.self) {
                try EngineFixture(disk, groupCount: 1)
            }
            #expect(error?.code == .corrupted)
            #expect(error?.location?.file.contains("manifest/") == true)
        }
    }

    @Test("A second engine on one directory is refused")
    func exclusive() throws {
        let fixture = try EngineFixture()
        let error = #expect(throws: SiltstoneError.self) { try EngineFixture(fixture.disk) }
        #expect(error?.code == .conflict)
        try fixture.engine.close()
        #expect(try EngineFixture(fixture.disk).values().isEmpty)
    }
}
