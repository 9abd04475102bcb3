import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Synchronization
import Testing

@Suite("Engine")
struct EngineTests {
    @Test("A commit is visible on return and stays so after flush, compaction and reopening")
    func roundTrip() throws {
        let fixture = try EngineFixture()
        try fixture.put("r1", "one")
        try fixture.put("r2", "two", family: 1)
        #expect(try fixture.values() == ["r1": "one"])
        #expect(try fixture.values(family: 1) == ["r2": "two"])
        try fixture.groups[0].flush()
        try fixture.put("r3", "three")
        #expect(try fixture.values() == ["r1": "one", "r3": "three"])
        try fixture.groups[0].compact()
        #expect(try fixture.values() == ["r1": "one", "r3": "three"])
        try fixture.put("r4", "four")
        try fixture.engine.close()
        let again = try EngineFixture(fixture.disk)
        #expect(try again.values() == ["r1": "one", "r3": "three", "r4": "four"])
        #expect(try again.values(family: 1) == ["r2": "two"])
        #expect(again.report.batchCount == 0, "a clean end leaves no log to replay")
        #expect(again.report.tornBytes == 0)
    }

    @Test("Without a clean end the log is replayed")
    func replay() throws {
        let fixture = try EngineFixture()
        for index in 0..<200 { try fixture.put("r\(index)", "v\(index)", group: index % 2) }
        let disk = fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try EngineFixture(disk)
        #expect(again.report.batchCount == 200)
        #expect(again.report.segmentCount > 3)
        #expect(try again.values(0).count == 100)
        #expect(try again.values(1)["r7"] == "v7")
        try again.put("r0", "new")
        let third = try EngineFixture(
            disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)))
        #expect(try third.values(0)["r0"] == "new")
    }

    @Test("A snapshot does not see what is committed after it, nor loses what is compacted away")
    func snapshots() throws {
        let fixture = try EngineFixture()
        try fixture.put("r", "old")
        let snapshot = try fixture.groups[0].snapshot()
        try fixture.put("r", "new")
        try fixture.put("s", "new")
        #expect(try EngineFixture.cells(snapshot).map(\.value) == ["old"])
        try fixture.groups[0].flush()
        let flushed = try fixture.groups[0].snapshot()
        try fixture.put("r", "", type: .deleteColumn)
        try fixture.groups[0].compact()
        #expect(try EngineFixture.cells(snapshot).map(\.value) == ["old"])
        #expect(try EngineFixture.cells(flushed).map(\.value) == ["new", "old", "new"])
        #expect(try fixture.values() == ["s": "new"])
        fixture.clock.advance(milliseconds: 100_000)
        try fixture.engine.sweep()
        #expect(
            try EngineFixture.cells(flushed).map(\.value) == ["new", "old", "new"],
            "files in use stay")
    }

    @Test("What a compaction replaces gives its memory back at once, whoever still reads it")
    func replacedBlocks() throws {
        let fixture = try EngineFixture(groupCount: 1)
        for index in 0..<3_000 {
            try fixture.put("row\(10_000 + index)", String(repeating: "v", count: 100))
        }
        try fixture.groups[0].flush()
        let old = try fixture.groups[0].snapshot()
        let seen = try EngineFixture.cells(old)
        #expect(seen.count == 3_000)
        #expect(fixture.engine.cacheStatistics.blockCount > 5)
        try fixture.put("row1", "new")
        try fixture.groups[0].compact()
        #expect(fixture.engine.cacheStatistics.blockCount == 0)
        #expect(try EngineFixture.cells(old) == seen)
        #expect(try fixture.cells().count == 3_001)
    }

    @Test("Server time stamps increase strictly and run at most a second ahead of the clock")
    func timestamps() throws {
        let fixture = try EngineFixture()
        let start = fixture.clock.nowMilliseconds
        var last: Int64 = 0
        for index in 0..<1_000 {
            let stamp = try fixture.put("r", "\(index)", durability: .syncWAL)
            #expect(stamp > last)
            last = stamp
        }
        for _ in 0..<10 { last = try fixture.put("r", "x", durability: .syncWAL) }
        #expect(last == start + 1_000, "ties at the bound")
        #expect(try fixture.values() == ["r": "x"], "the last put wins the tie")
        fixture.clock.set(nowMilliseconds: start - 5_000)
        #expect(try fixture.put("r", "y") == last, "never back")
        fixture.clock.set(nowMilliseconds: start + 9_000)
        #expect(try fixture.put("r", "z") == start + 9_000)
        let again = try EngineFixture(
            fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1)),
            clock: ManualClock(nowMilliseconds: start))
        #expect(try again.put("r", "after") == start + 9_000, "not back after a restart either")
    }

    @Test(
        "A batch over two regions, or one with an unknown family, is applied wholly or not at all")
    func atomicity() throws {
        let fixture = try EngineFixture()
        var left = OperationBuffer()
        var right = OperationBuffer()
        EngineFixture.put("l", "1", into: &left)
        EngineFixture.put("r", "1", into: &right)
        EngineFixture.put("r", "1", family: 9, into: &right)
        let writes = [
            GroupWrite(group: fixture.groups[0], operations: left),
            GroupWrite(group: fixture.groups[1], operations: right),
        ]
        #expect(throws: SiltstoneError.self) {
            try fixture.engine.commit(writes, durability: .fsyncWAL)
        }
        #expect(try fixture.values(0).isEmpty)
        #expect(try fixture.values(1).isEmpty)
        let receipt = try fixture.engine.commit([writes[0]], durability: .fsyncWAL)
        #expect(receipt.timestamps.count == 1)
        #expect(try fixture.values(0) == ["l": "1"])
    }

    @Test("Threads commit together: every acknowledged write is there, in fewer log writes")
    func groupCommit() throws {
        let disk = MemoryDisk()
        let workers = ThreadWorkers(count: 2)
        defer { workers.shutDown() }
        let environment = Environment.memory(
            disk: disk, clock: ManualClock(autoAdvanceMilliseconds: 1), workers: workers)
        let engine = try Engine.open(environment, EngineFixture.options)
        let group = try engine.createGroup(
            id: Identifier(high: 1, low: 0), table: EngineFixture.table,
            range: RowKeyRange(start: .empty, end: .empty), trees: EngineFixture.families)
        _ = try engine.finishRecovery()
        let callers = ThreadWorkers(count: 5)
        defer { callers.shutDown() }
        let failures = Atomic(0)
        let submitted = Atomic(0)
        for thread in 0..<4 {
            callers.submit(.low) {
                for index in 0..<200 {
                    var buffer = OperationBuffer()
                    EngineFixture.put("t\(thread)-\(index)", "v", into: &buffer)
                    let write = GroupWrite(group: group, operations: buffer)
                    if index % 5 == 0 {
                        engine.submit([write], durability: .fsyncWAL) { result in
                            if case .failure = result {
                                failures.wrappingAdd(1, ordering: .relaxed)
                            }
                            submitted.wrappingAdd(1, ordering: .relaxed)
                        }
                    } else {
                        do { _ = try engine.commit([write], durability: .fsyncWAL) } catch {
                            failures.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                }
            }
        }
        callers.drain()
        workers.drain()
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(submitted.load(ordering: .relaxed) == 160)
        #expect(try EngineFixture.cells(group.snapshot()).count == 800)
        #expect(engine.metrics.batchCount == 800)
        #expect(engine.metrics.commitGroupCount <= 800)
        try engine.close()
        #expect(throws: SiltstoneError.self) { try group.snapshot() }
    }

    @Test("Submitted batches complete in order, also when nobody but a worker leads")
    func submit() throws {
        let fixture = try EngineFixture()
        let order = Mutex<[Int]>([])
        for index in 0..<5 {
            var buffer = OperationBuffer()
            EngineFixture.put("r\(index)", "v", into: &buffer)
            fixture.engine.submit(
                [GroupWrite(group: fixture.groups[0], operations: buffer)], durability: .syncWAL
            ) { result in
                if case .success = result { order.withLock { $0.append(index) } }
            }
        }
        #expect(order.withLock { $0 }.isEmpty)
        try fixture.put("last", "v")
        #expect(
            order.withLock { $0 } == [0, 1, 2, 3, 4], "a thread that commits takes the others along"
        )
        fixture.workers.runAll()
        #expect(try fixture.values().count == 6)
    }

    @Test("What a thread brings that may not wait is committed there, but for what is durable")
    func submitSoon() throws {
        let fixture = try EngineFixture()
        let works = Mutex<[@Sendable () -> Void]>([])
        let order = Mutex<[Int]>([])
        for index in 0..<5 {
            var buffer = OperationBuffer()
            EngineFixture.put("r\(index)", "v", into: &buffer)
            fixture.engine.submit(
                [GroupWrite(group: fixture.groups[0], operations: buffer)],
                durability: index == 3 ? .fsyncWAL : .syncWAL,
                soon: { work in works.withLock { $0.append(work) } }
            ) { result in
                if case .success = result { order.withLock { $0.append(index) } }
            }
        }
        let roundCount = fixture.engine.metrics.commitGroupCount
        let brought = works.withLock { $0 }
        #expect(brought.count == 1 && order.withLock { $0 }.isEmpty)
        for work in brought { work() }
        #expect(order.withLock { $0 } == [0, 1, 2])
        #expect(fixture.engine.metrics.commitGroupCount == roundCount + 1)
        fixture.workers.runAll()
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4])
        #expect(try fixture.values().count == 5)
    }

    @Test("A completion may commit and flush, and later batches complete after it")
    func completionCommits() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let group = fixture.groups[0]
        let order = Mutex<[Int]>([])
        for index in 0..<3 {
            var buffer = OperationBuffer()
            EngineFixture.put("r\(index)", "v", into: &buffer)
            engine.submit(
                [GroupWrite(group: group, operations: buffer)], durability: .syncWAL
            ) { result in
                var inner = OperationBuffer()
                EngineFixture.put("inner\(index)", "v", into: &inner)
                let write = GroupWrite(group: group, operations: inner)
                let isDone =
                    (try? engine.commit([write], durability: .syncWAL)) != nil
                    && (try? engine.flushAll()) != nil
                if case .success = result, isDone { order.withLock { $0.append(index) } }
            }
        }
        try fixture.put("last", "v")
        #expect(order.withLock { $0 } == [0, 1, 2])
        fixture.workers.runAll()
        #expect(try fixture.values().count == 7)
    }

    @Test("Memory stays within its bound when nothing flushes in the background")
    func backPressure() throws {
        let fixture = try EngineFixture()
        let value = String(repeating: "x", count: 2_000)
        for index in 0..<1_500 {
            try fixture.put("r\(index)", value, group: index % 2, durability: .skipWAL)
            #expect(fixture.engine.metrics.memtableBytes < 2 << 20)
        }
        #expect(fixture.engine.metrics.stallCount > 0)
        #expect(try fixture.values(0).count == 750)
    }

    @Test("Background work flushes, compacts, trims the log and sweeps")
    func maintenance() throws {
        var options = EngineFixture.options
        options.runsMaintenance = true
        options.flushBytes = 32 << 10
        options.logBytesMax = 64 << 10
        options.sweepGraceMilliseconds = 10
        let fixture = try EngineFixture(options: options)
        let value = String(repeating: "x", count: 500)
        for index in 0..<1_000 {
            try fixture.put(
                "r\(index % 300)", value + "\(index)", group: index % 2, durability: .syncWAL)
            fixture.clock.advance(milliseconds: 5)
            fixture.workers.runAll()
        }
        let metrics = fixture.engine.metrics
        #expect(metrics.flushCount > 10)
        #expect(metrics.compactionCount > 3)
        #expect(metrics.logBytes < 128 << 10)
        #expect(metrics.sweptFileCount > 10)
        #expect(try fixture.values(0).count == 150)
        #expect(try fixture.values(0)["r298"] == value + "898")
        for tree in fixture.groups[0].metrics.trees { #expect(tree.fileCounts[0] < 8) }
    }

    @Test("A dropped region is gone, and so are its files after the grace period")
    func drop() throws {
        let fixture = try EngineFixture()
        try fixture.put("r", "v", group: 1)
        try fixture.groups[1].flush()
        try fixture.engine.dropGroup(fixture.groups[1])
        #expect(throws: SiltstoneError.self) { try fixture.put("r", "v", group: 1) }
        #expect(throws: SiltstoneError.self) { try fixture.groups[1].snapshot() }
        for _ in 0..<3 {
            try fixture.engine.sweep()
            fixture.clock.advance(milliseconds: 100_000)
        }
        let names = fixture.disk.files.map { "\($0.file)" }
        #expect(!names.contains { $0.contains("\(fixture.groups[1].id)") || $0.contains(".sst") })
        #expect(try fixture.put("r", "v") > 0)
    }

    @Test("Families are added and removed while the region lives")
    func schemaChange() throws {
        let fixture = try EngineFixture()
        try fixture.put("r", "a")
        try fixture.put("r", "b", family: 1)
        let third = TreeOptions(family: 2, settings: Family("c"))
        try fixture.groups[0].update(trees: [EngineFixture.families[0], third])
        try fixture.put("r", "c", family: 2)
        #expect(throws: SiltstoneError.self) { try fixture.put("r", "b", family: 1) }
        #expect(try fixture.values(family: 2) == ["r": "c"])
        let disk = fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try EngineFixture(
            disk, groupCount: 1, families: [EngineFixture.families[0], third])
        #expect(try again.values(family: 0) == ["r": "a"])
        #expect(try again.values(family: 2) == ["r": "c"])
    }

    @Test("The memory of families that are removed no longer counts")
    func removedMemory() throws {
        let fixture = try EngineFixture()
        let inTrees = {
            fixture.groups.flatMap(\.metrics.trees).reduce(0) { $0 + $1.memtableBytes }
        }
        try fixture.put("r", "a")
        try fixture.put("r", String(repeating: "b", count: 10_000), family: 1)
        #expect(fixture.engine.metrics.memtableBytes == inTrees())
        try fixture.groups[0].update(trees: [EngineFixture.families[0]])
        #expect(fixture.engine.metrics.memtableBytes == inTrees())
        #expect(inTrees() < 10_000)
        try fixture.groups[0].flush()
        #expect(fixture.engine.metrics.memtableBytes == 0)
    }

    @Test("A region that was dropped is flushed no more, and its memory does not count")
    func droppedMemory() throws {
        let fixture = try EngineFixture()
        try fixture.put("r", "v")
        try fixture.put("r", "other", group: 1)
        let kept = fixture.groups[0].metrics.trees.reduce(0) { $0 + $1.memtableBytes }
        try fixture.engine.dropGroup(fixture.groups[1])
        let files = fixture.disk.files.map { "\($0.file)" }
        #expect(fixture.engine.metrics.memtableBytes == kept)
        try fixture.groups[1].flush()
        #expect(fixture.engine.metrics.memtableBytes == kept)
        #expect(fixture.disk.files.map { "\($0.file)" } == files)
    }
}
