import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Tree cursor") struct TreeCursorTests {
    /// Cells of one history spread over memtables, runs and levels as flushes and merges would.
    private func makeSources(
        _ random: inout TestRandom, shape: Int, store: TestTables, settings: Family
    ) throws -> (cells: [TestCell], sources: TreeSources) {
        let cells = (1...UInt64(1_500)).map { TestCell.random(&random, shape: shape, sequence: $0) }
        func isOrdered(_ left: TestCell, _ right: TestCell) -> Bool { left.key < right.key }
        var levels: [[TableFile]] = []
        for part in [0..<500, 500..<800] {
            var level: [TableFile] = []
            var rest = cells[part].sorted(by: isOrdered)[...]
            while !rest.isEmpty {
                let count = min(rest.count, 50 + random.below(200))
                level.append(try store.write(Array(rest.prefix(count)), settings))
                rest = rest.dropFirst(count)
            }
            levels.insert(level, at: 0)
        }
        var runs: [TableFile] = []
        for start in stride(from: 800, to: 1_200, by: 100) {
            let sorted = cells[start..<(start + 100)].sorted(by: isOrdered)
            runs.insert(try store.write(sorted, settings), at: 0)
        }
        let old = Memtable(capacityBytes: 4 << 20, firstLogSegment: 0)
        for cell in cells[1_200..<1_350] { cell.insert(into: old) }
        let new = Memtable(capacityBytes: 4 << 20, firstLogSegment: 0)
        for cell in cells[1_350...] { cell.insert(into: new) }
        let empty = Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
        return (
            cells.sorted(by: isOrdered),
            TreeSources(memtables: [empty, new, old], runs: runs, levels: levels)
        )
    }

    @Test("A merge shows what a sorted list of the visible cells shows", arguments: [0, 1, 2, 3])
    func model(shape: Int) throws {
        var random = TestRandom(seed: TestRandom.seed &+ UInt64(shape))
        for settings in TableTests.settings.prefix(3) {
            let store = TestTables(cacheBytes: 200_000, openFilesMax: 5)
            let (cells, sources) = try makeSources(
                &random, shape: shape, store: store, settings: settings)
            #expect(try TestCell.collect(MergeCursor(sources, tables: store.tables)) == cells)
            for sequence in [UInt64.max, 1_250, 850, 150, 0] {
                let visible = cells.filter { $0.sequence <= sequence }
                let cursor = try TreeCursor(sources, tables: store.tables, sequence: sequence)
                #expect(try TestCell.collect(cursor, from: []) == visible)
                for _ in 0..<25 {
                    let probe = TestCell.random(
                        &random, shape: shape, sequence: UInt64(random.below(1_500)))
                    let key = random.below(2) == 0 ? probe.key.array : probe.columnKey
                    let place = visible.partitioningIndex { $0.key >= Bytes(key) }
                    #expect(
                        try TestCell.collect(cursor, from: key, limit: 10)
                            == Array(visible[place...].prefix(10)))
                    try cursor.seekLast(before: key)
                    #expect(TestCell.current(cursor) == (place == 0 ? nil : visible[place - 1]))
                }
                try cursor.seekLast(before: nil)
                #expect(TestCell.current(cursor) == visible.last)
            }
        }
    }

    @Test(
        "A cursor of one row or column shows all of it",
        arguments: [BloomFilterKind.none, .row, .rowAndColumn])
    func filtered(kind: BloomFilterKind) throws {
        var random = TestRandom(seed: TestRandom.seed)
        let store = TestTables()
        let settings = Family("f", bloomFilter: kind, blockBytes: 512)
        let (cells, sources) = try makeSources(&random, shape: 1, store: store, settings: settings)
        for _ in 0..<100 {
            let cell = cells[random.below(cells.count)]
            let row = Array(cell.columnKey.prefix { $0 != 0 }) + [0]
            var options = CursorOptions()
            options.row = row
            let byRow = try TreeCursor(
                sources, tables: store.tables, sequence: .max, options: options)
            let inRow = cells.filter { $0.columnKey.starts(with: row) }
            let read = try TestCell.collect(byRow, from: row).filter {
                $0.columnKey.starts(with: row)
            }
            #expect(read == inRow)
            options.row = nil
            options.column = cell.columnKey
            let byColumn = try TreeCursor(
                sources, tables: store.tables, sequence: .max, options: options)
            let inColumn = cells.filter { $0.columnKey == cell.columnKey }
            let versions = try TestCell.collect(
                byColumn, from: cell.columnKey, limit: inColumn.count)
            #expect(versions == inColumn)
        }
        let before = store.blocks.statistics
        for index in 0..<200 {
            var options = CursorOptions()
            options.row = CellKey.rowPrefix(Bytes("tenant/0001/device/00000000/1\(index)x"))
            let cursor = try TreeCursor(
                sources, tables: store.tables, sequence: .max, options: options)
            try cursor.seek(options.row ?? [])
        }
        let after = store.blocks.statistics
        let reads = after.hits + after.misses - before.hits - before.misses
        #expect(kind == .row ? reads < 60 : reads >= 200)
    }

    @Test("Files outside the time range are left out only when they hold no markers")
    func timeRange() throws {
        let store = TestTables()
        func cell(_ row: Bytes, _ time: Int64, _ type: UInt8) -> TestCell {
            TestCell(
                row: row, qualifier: "q", timestamp: time, type: type, sequence: UInt64(time),
                value: [])
        }
        let old = try store.write([cell("a", 10, 4), cell("b", 20, 4)])
        let markers = try store.write([cell("a", 30, 8)])
        let new = try store.write([cell("a", 50, 4)])
        let sources = TreeSources(memtables: [], runs: [new, markers, old], levels: [])
        func times(_ range: TimeRange) throws -> [Int64] {
            var options = CursorOptions()
            options.timeRange = range
            let cursor = try TreeCursor(
                sources, tables: store.tables, sequence: .max, options: options)
            return try TestCell.collect(cursor, from: []).map(\.timestamp)
        }
        #expect(try times(.all) == [50, 30, 10, 20])
        #expect(try times(TimeRange(min: 50, max: 51)) == [50, 30])
        #expect(try times(TimeRange(min: 0, max: 11)) == [30, 10, 20])
        #expect(try times(TimeRange(min: 60, max: 70)) == [30])
    }

    @Test("Of equal cells the newest source's is given once")
    func duplicates() throws {
        var random = TestRandom(seed: 8)
        let cells = TestCell.sorted(400, shape: 1, &random)
        let store = TestTables()
        let file = try store.write(cells)
        let other = try store.write(Array(cells[100..<200]))
        let memtable = Memtable(capacityBytes: 4 << 20, firstLogSegment: 0)
        var expected = cells
        for index in stride(from: 0, to: 400, by: 3) {
            expected[index].value = [9, 9]
            expected[index].insert(into: memtable)
        }
        let sources = TreeSources(memtables: [memtable], runs: [other], levels: [[file]])
        #expect(try TestCell.collect(MergeCursor(sources, tables: store.tables)) == expected)
        let cursor = try TreeCursor(sources, tables: store.tables, sequence: .max)
        #expect(try TestCell.collect(cursor, from: []) == expected)
        try cursor.seekLast(before: expected[1].key.array)
        #expect(TestCell.current(cursor) == expected[0])
    }

    @Test("After an error a seek elsewhere works")
    func errorThenSeek() throws {
        var random = TestRandom(seed: 9)
        let cells = TestCell.sorted(500, shape: 3, &random)
        let store = TestTables()
        let file = try store.write(cells)
        try store.disk.flipBit(of: .object(file.key), offset: Int(file.byteCount) / 4, bit: 1)
        let cursor = try TreeCursor(
            TreeSources(memtables: [], runs: [file], levels: []), tables: store.tables,
            sequence: .max)
        #expect(throws: SiltstoneError.self) { _ = try TestCell.collect(cursor, from: []) }
        try cursor.seek(cells[450].key.array)
        #expect(TestCell.current(cursor) == cells[450])
        try cursor.seek([])
        #expect(TestCell.current(cursor) == cells[0])
    }
}
