import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Table files") struct TableTests {
    static let settings: [Family] = [
        Family("f", blockBytes: 512, compression: .none),
        Family("f", blockBytes: 4_096, compression: .lz4),
        Family("f", bloomFilter: .rowAndColumn, blockBytes: 16_384, compression: .zstd(level: 1)),
        Family("f", bloomFilter: .none, blockBytes: 65_536),
    ]

    @Test(
        "What was written is read, in order and from any seek", arguments: settings, [0, 1, 2, 3])
    func roundTrip(settings: Family, shape: Int) throws {
        var random = TestRandom(seed: TestRandom.seed &+ UInt64(shape))
        let cells = TestCell.sorted(1_000, shape: shape, &random)
        let store = TestTables()
        let file = try store.write(cells, settings)
        #expect(file.smallest == cells[0].key.array)
        #expect(file.largest == cells[999].key.array)
        #expect(file.entryCount == 1_000)
        #expect(file.markerCount == UInt64(cells.count { $0.type != 4 }))
        #expect(file.minTimestamp == cells.map(\.timestamp).min())
        #expect(file.maxSequence == 1_000)
        #expect(try store.disk.objects.size(file.key) == Int(file.byteCount))
        let reader = try store.tables.reader(file)
        let cursor = MergeCursor(memtables: [], tables: [reader])
        #expect(try TestCell.collect(cursor) == cells)
        let tree = try TreeCursor(
            TreeSources(memtables: [], runs: [file], levels: []), tables: store.tables,
            sequence: .max)
        for _ in 0..<60 {
            let probe = TestCell.random(
                &random, shape: shape, sequence: UInt64(random.below(1_100)))
            let key = random.below(2) == 0 ? probe.key.array : probe.columnKey
            let place = cells.partitioningIndex { $0.key >= Bytes(key) }
            #expect(
                try TestCell.collect(tree, from: key, limit: 40)
                    == Array(cells[place...].prefix(40)))
            try tree.seekLast(before: key)
            #expect(TestCell.current(tree) == (place == 0 ? nil : cells[place - 1]))
        }
        try tree.seekLast(before: nil)
        #expect(TestCell.current(tree) == cells.last)
    }

    @Test("Values of any size come back, from none to a mebibyte")
    func valueSizes() throws {
        var random = TestRandom(seed: 3)
        let cells = [0, 1, 100, 511, 70_000, 0, 1 << 20, 3].enumerated().map { index, size in
            TestCell(
                row: Bytes("r\(index)"), qualifier: "", timestamp: 1, type: 4,
                sequence: UInt64(index) + 1,
                value: random.bytes(size))
        }
        for settings in Self.settings {
            let store = TestTables()
            let reader = try store.tables.reader(try store.write(cells, settings))
            #expect(try TestCell.collect(MergeCursor(memtables: [], tables: [reader])) == cells)
        }
    }

    @Test("Filters know every row or column, and rule most others out")
    func filters() throws {
        var random = TestRandom(seed: 11)
        let cells = TestCell.sorted(3_000, shape: 1, &random)
        let store = TestTables()
        let byRow = try store.tables.reader(try store.write(cells, Family("f", bloomFilter: .row)))
        let byColumn = try store.tables.reader(
            try store.write(cells, Family("f", bloomFilter: .rowAndColumn)))
        let none = try store.tables.reader(try store.write(cells, Family("f", bloomFilter: .none)))
        #expect(byRow.filterKind == .row)
        #expect(byColumn.filterKind == .rowAndColumn)
        #expect(none.mayContain(1))
        for cell in cells {
            let row = Array(cell.columnKey.prefix { $0 != 0 }) + [0]
            #expect(byRow.mayContain(Hash64.hash(row)))
            #expect(byColumn.mayContain(Hash64.hash(cell.columnKey)))
        }
        var wrong = 0
        for index in 0..<2_000 {
            let row = CellKey.rowPrefix(Bytes("nobody\(index)"))
            if byRow.mayContain(Hash64.hash(row)) { wrong += 1 }
        }
        #expect(wrong < 100)
    }

    @Test(
        "A flipped bit anywhere in a file is an error that names the file, or changes nothing read")
    func damage() throws {
        var random = TestRandom(seed: TestRandom.seed)
        let cells = TestCell.sorted(150, shape: 1, &random)
        var found = 0
        for round in 0..<120 {
            let store = TestTables()
            let file = try store.write(
                cells, Family("f", blockBytes: 512, compression: round & 1 == 0 ? .lz4 : .none))
            let size = Int(file.byteCount)
            let offset = round < 50 ? size - 1 - round : random.below(size)
            try store.disk.flipBit(of: .object(file.key), offset: offset, bit: random.below(8))
            do {
                let reader = try store.tables.reader(file)
                let read = try TestCell.collect(MergeCursor(memtables: [], tables: [reader]))
                #expect(read == cells, "damage at \(offset) of \(size) went unseen")
            } catch let error as SiltstoneError {
                found += 1
                #expect(error.code == .corrupted)
                #expect(error.location?.file == file.key)
                #expect(error.location?.offset != nil)
            }
        }
        #expect(found > 112)
    }

    @Test("A file cut anywhere is an error that names it")
    func truncation() throws {
        var random = TestRandom(seed: 21)
        let cells = TestCell.sorted(200, shape: 0, &random)
        for cut in [0, 1, 40, 87, 88, 200, 1_000] {
            let store = TestTables()
            let file = try store.write(cells)
            try store.disk.truncate(
                .object(file.key), to: cut == 1_000 ? Int(file.byteCount) - 1 : cut)
            let error = #expect(throws: SiltstoneError.self) { _ = try store.tables.reader(file) }
            #expect(error?.code == .corrupted)
            #expect(error?.location?.file == file.key)
        }
    }

    @Test("A file that holds another file's bytes is refused")
    func wrongFile() throws {
        var random = TestRandom(seed: 22)
        let store = TestTables()
        let file = try store.write(TestCell.sorted(10, shape: 0, &random))
        var other = try store.write(TestCell.sorted(10, shape: 0, &random))
        let bytes = try store.disk.objects.get(file.key)
        other.id = Identifier(high: 99, low: 99)
        #expect(try store.disk.objects.putIfAbsent(other.key, bytes))
        #expect(throws: SiltstoneError.self) { _ = try store.tables.reader(other) }
    }
}
