import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Block cache and table cache") struct CacheTests {
    @Test("The cache stays within its budget and still answers right")
    func budget() throws {
        var random = TestRandom(seed: TestRandom.seed)
        let cells = TestCell.sorted(4_000, shape: 1, &random)
        let store = TestTables(cacheBytes: 40_000)
        let file = try store.write(cells)
        let cursor = try TreeCursor(
            TreeSources(memtables: [], runs: [file], levels: []), tables: store.tables,
            sequence: .max)
        for _ in 0..<800 {
            let cell = cells[random.below(cells.count)]
            try cursor.seek(cell.key.array)
            #expect(TestCell.current(cursor) == cell)
            #expect(store.blocks.statistics.blockBytes <= 40_000)
        }
        let statistics = store.blocks.statistics
        #expect(statistics.evictions > 100)
        #expect(statistics.hits > 10)
        #expect(statistics.indexBytes > 0)
        #expect(statistics.blockCount > 4)
    }

    @Test("Without fillsCache a scan leaves the cache as it was")
    func noFill() throws {
        var random = TestRandom(seed: 4)
        let cells = TestCell.sorted(1_000, shape: 3, &random)
        let store = TestTables()
        let file = try store.write(cells)
        var options = CursorOptions()
        options.fillsCache = false
        let sources = TreeSources(memtables: [], runs: [file], levels: [])
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max, options: options)
        #expect(try TestCell.collect(cursor, from: []) == cells)
        #expect(store.blocks.statistics.blockCount == 0)
        let filling = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(filling, from: []) == cells)
        #expect(store.blocks.statistics.blockCount > 10)
    }

    @Test("A file that a read of an older version opened again is closed before it is deleted")
    func reopened() throws {
        let fixture = try EngineFixture(groupCount: 1)
        try fixture.put("r", "old")
        try fixture.groups[0].flush()
        var snapshot: GroupSnapshot? = try fixture.groups[0].snapshot()
        try fixture.put("r", "new")
        try fixture.groups[0].compact()
        let tables = fixture.engine.tables
        let before = tables.openCount
        if let snapshot { #expect(try EngineFixture.cells(snapshot).map(\.value) == ["old"]) }
        #expect(tables.openCount == before + 1)
        snapshot = nil
        fixture.clock.advance(milliseconds: 100_000)
        try fixture.engine.sweep()
        #expect(fixture.engine.metrics.sweptFileCount > 0)
        #expect(tables.openCount == before)
    }

    @Test("Workers make memory for the next blocks while the cache grows, and no longer")
    func memoryAhead() throws {
        let workers = ManualWorkers()
        let cache = BlockCache(capacityBytes: 256 << 20, workers: workers)
        let slots = BlockSlots(count: 500)
        var ran = 0
        func fill(_ numbers: Range<Int>) throws -> Int {
            let before = ran
            for number in numbers {
                // A size that other tests do not have, since memory of one size is shared.
                let block = try Self.block(valueByteCount: 70_000)
                #expect(cache.insert(block, at: slots[number], number: number) === block)
                ran += workers.runAll()
            }
            return ran - before
        }
        // Less than 16 MiB take no huge pages.
        #expect(try fill(0..<220) == 0)
        #expect(try fill(220..<260) > 0)
        #expect(try fill(260..<350) > 0)
        // Nearly full: nothing is made that would not be used.
        cache.reserve(256 << 20)
        #expect(try fill(370..<460) == 0)
        for number in 0..<500 { cache.remove(slots[number], number: number) }
        #expect(cache.statistics.blockCount == 0)
    }

    /// A block of one cell.
    private static func block(valueByteCount: Int = 500) throws -> CachedBlock {
        var builder = BlockBuilder()
        builder.append(
            columnKey: [65, 0, 0], timestamp: 1, type: 4, flags: 0, sequence: 1,
            value: [UInt8](repeating: 1, count: valueByteCount))
        let payload = builder.finish()
        let memory = RawBytes(byteCount: payload.count)
        unsafe memory.buffer.copyBytes(from: payload)
        return try CachedBlock(memory)
    }

    @Test("A cache whose blocks are all in use has no room for another until they were passed over")
    func coldBlocks() throws {
        let cache = BlockCache(capacityBytes: 200_000)
        let slots = BlockSlots(count: 100)
        let blocks = try (0..<40).map { number in
            let block = try Self.block()
            return cache.insert(block, at: slots[number], number: number)
        }
        #expect(cache.hasCold(number: 0))
        for _ in 0..<5 { for block in blocks { block.use() } }
        // Each looks at four of forty blocks, which have three credits each.
        for round in 0..<30 { #expect(!cache.hasCold(number: round)) }
        #expect(cache.hasCold(number: 0))
        // Those that are used meanwhile stay warm.
        for _ in 0..<100 {
            for block in blocks { block.use() }
            #expect(!cache.hasCold(number: 0))
        }
        for number in 0..<40 { cache.remove(slots[number], number: number) }
        #expect(cache.statistics.blockCount == 0)
    }

    @Test("Reads at random of a little more than the cache holds leave most of it as it is")
    func churn() throws {
        var random = TestRandom(seed: TestRandom.seed)
        let cells = TestCell.sorted(4_000, shape: 1, &random)
        let probe = TestTables()
        let whole = try probe.tables.reader(try probe.write(cells))
        for number in 0..<whole.blockCount { _ = try whole.read(number, fillsCache: true) }
        let store = TestTables(
            cacheBytes: probe.blocks.statistics.blockBytes * 9 / 10, countsIndexes: false)
        let reader = try store.tables.reader(try store.write(cells))
        func get(_ number: Int) throws {
            let pin = store.blocks.epoch.enter()
            defer { store.blocks.epoch.leave(pin) }
            if let known = unsafe reader.slot(number).borrow() {
                unsafe known._withUnsafeGuaranteedRef { $0.use() }
            } else if reader.shouldPass(number) {
                _ = try reader.readPassing(number)
            } else {
                _ = try reader.read(number, fillsCache: true)
            }
        }
        for _ in 0..<40 {
            for _ in 0..<reader.blockCount { try get(random.below(reader.blockCount)) }
        }
        let before = store.blocks.statistics
        for _ in 0..<20 {
            for _ in 0..<reader.blockCount { try get(random.below(reader.blockCount)) }
        }
        let after = store.blocks.statistics
        let misses = after.misses - before.misses
        #expect(misses > UInt64(reader.blockCount))
        #expect(after.evictions - before.evictions < misses / 4)
        // What is read alone from now on takes the place of what is not.
        let few = 0..<reader.blockCount / 2
        for _ in 0..<60 { for number in few { try get(number) } }
        #expect(few.allSatisfy { reader.slot($0).isFilled })
    }

    @Test("Blocks read again and again survive a long scan")
    func scanResistance() throws {
        let cache = BlockCache(capacityBytes: 200_000)
        let slots = BlockSlots(count: 10_000)
        func touch(_ number: Int) throws -> Bool {
            let pin = cache.epoch.enter()
            defer { cache.epoch.leave(pin) }
            if let known = unsafe slots[number].borrow() {
                unsafe known._withUnsafeGuaranteedRef { $0.use() }
                return true
            }
            let made = try Self.block()
            #expect(cache.insert(made, at: slots[number], number: number) === made)
            return false
        }
        for _ in 0..<5 { for number in 0..<40 { _ = try touch(number) } }
        for number in 1_000..<1_200 { _ = try touch(number) }
        let kept = try (0..<40).count { try touch($0) }
        #expect(kept == 40)
        // What a slot shows is what is counted, after many removals.
        for number in 2_000..<9_000 { _ = try touch(number % 97 * number % 10_000) }
        let statistics = cache.statistics
        #expect(statistics.blockBytes <= 200_000)
        #expect(statistics.blockCount > 100)
        let shown = (0..<10_000).count { unsafe slots[$0].borrow() != nil }
        #expect(shown == statistics.blockCount)
        for number in 0..<10_000 { cache.remove(slots[number], number: number) }
        #expect(cache.statistics.blockCount == 0)
        #expect(cache.statistics.blockBytes == 0)
    }

    @Test("A file that was replaced leaves no blocks in the cache, though it is still read")
    func forgottenFile() throws {
        var random = TestRandom(seed: 5)
        let cells = TestCell.sorted(2_000, shape: 3, &random)
        let store = TestTables()
        let file = try store.write(cells)
        let sources = TreeSources(memtables: [], runs: [file], levels: [])
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(cursor, from: []) == cells)
        let before = store.blocks.statistics.blockCount
        #expect(before > 20)
        // A region's half of it first.
        var half = file
        half.clip = RowClip(start: Bytes("row10001001"), end: .empty)
        store.tables.forget(half)
        let after = store.blocks.statistics.blockCount
        #expect(after > before / 4 && after < before * 3 / 4)
        #expect(try TestCell.collect(cursor, from: []) == cells)
        #expect(try store.tables.reader(file).blockCount >= before)
        let again = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(again, from: []) == cells)
        store.tables.forget(file)
        #expect(store.blocks.epoch.retiredCount > 0)
        store.blocks.epoch.reclaim()
        #expect(store.blocks.epoch.retiredCount == 0)
        #expect(try TestCell.collect(again, from: []) == cells)
    }

    @Test("A block that is not kept has what a kept one has", arguments: TableTests.settings)
    func passing(settings: Family) throws {
        var random = TestRandom(seed: TestRandom.seed)
        let store = TestTables()
        let cells = TestCell.sorted(1_000, shape: 1, &random)
        let reader = try store.tables.reader(try store.write(cells, settings))
        for number in 0..<reader.blockCount {
            let kept = try reader.read(number, fillsCache: false)
            for entry in stride(from: random.below(7), to: kept.view.count, by: 7) {
                var passing = try reader.readPassing(number)
                #expect(passing.view.cellKey(entry) == kept.view.cellKey(entry))
                let value = unsafe passing.view.value(entry)
                try unsafe passing.restore(through: value)
                let restored = unsafe [UInt8](value)
                let whole = unsafe [UInt8](kept.view.value(entry))
                #expect(restored == whole)
            }
        }
        #expect(store.blocks.statistics.blockCount == 0)
    }

    /// Forty tables of a cell each.
    private static func files(_ store: TestTables) throws -> [TableFile] {
        try (0..<40).map { index in
            try store.write([
                TestCell(
                    row: Bytes("row\(100 + index)"), qualifier: "q", timestamp: 1, type: 4,
                    sequence: 1, value: [1])
            ])
        }
    }

    @Test("Few files stay open, and readers in use stay good")
    func openFiles() throws {
        let store = TestTables(openFilesMax: 8)
        let files = try Self.files(store)
        let held = try store.tables.reader(files[0])
        let sources = TreeSources(memtables: [], runs: [], levels: [files])
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(cursor, from: []).count == 40)
        #expect(store.tables.openCount <= 8)
        #expect(try TestCell.collect(MergeCursor(memtables: [], tables: [held])).count == 1)
        for file in files { store.tables.forget(file) }
        #expect(store.tables.openCount == 0)
    }

    @Test(
        "Files stay open beside a small cache, unless their indexes are to fit into it",
        arguments: [true, false])
    func indexesBesideTheCache(countsIndexes: Bool) throws {
        let store = TestTables(cacheBytes: 4_096, countsIndexes: countsIndexes)
        let files = try Self.files(store)
        let sources = TreeSources(memtables: [], runs: [], levels: [files])
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(cursor, from: []).count == 40)
        #expect(store.blocks.statistics.indexBytes > 0)
        #expect(countsIndexes ? store.tables.openCount < 40 : store.tables.openCount == 40)
    }

    @Test("Where memory is short files stay open without their filters")
    func filtersGoFirst() throws {
        var settings = Family("f", blockBytes: 4_096)
        settings.bloomFilter = .row
        func files(_ store: TestTables) throws -> [TableFile] {
            try (0..<40).map { file in
                try store.write(
                    (0..<300).map { cell in
                        TestCell(
                            row: Bytes("row\(1000 + file)\(1000 + cell)"), qualifier: "q",
                            timestamp: 1, type: 4,
                            sequence: 1, value: [1])
                    }, settings)
            }
        }
        let ample = TestTables(cacheBytes: 64 << 20)
        for file in try files(ample) { _ = try ample.tables.reader(file) }
        let wanted = ample.blocks.statistics.indexBytes
        let store = TestTables(cacheBytes: wanted)
        let known = try files(store)
        for _ in 0..<2 {
            for file in known { _ = try store.tables.reader(file) }
        }
        #expect(store.blocks.statistics.indexBytes <= wanted / 2)
        #expect(store.tables.openCount == 40)
        let kinds = try known.map { try store.tables.reader($0).filterKind }
        #expect(kinds.contains(.row) && kinds.contains(.none))
        let sources = TreeSources(memtables: [], runs: [], levels: [known])
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(cursor, from: []).count == 40 * 300)
    }
}
