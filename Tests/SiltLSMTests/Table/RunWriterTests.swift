import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Files of a merge") struct RunWriterTests {
    private func merge(_ cells: [TestCell], _ settings: Family, fileBytesMax: Int) throws
        -> (files: [TableFile], store: TestTables)
    {
        let store = TestTables()
        let memtable = Memtable(capacityBytes: 64 << 20, firstLogSegment: 0)
        for cell in cells { cell.insert(into: memtable) }
        var writer = RunWriter(
            TableTarget(
                environment: .memory(disk: store.disk), table: Identifier(high: 7, low: 7),
                pending: PendingFiles(), verifies: true),
            region: Identifier(high: 1, low: 1),
            options: TreeOptions(family: 0, settings: settings),
            fileBytesMax: fileBytesMax)
        var merge = CellMerge(RetentionRule(settings, reach: .partial, nowMilliseconds: 0))
        try merge.copy(from: MergeCursor(memtables: [memtable], tables: []), to: &writer) { false }
        try writer.finish()
        let (files, begun) = (writer.files, writer.begun)
        #expect(begun == files.map(\.id))
        return (files, store)
    }

    @Test(
        "blocks and filters are those of cells that are appended one by one",
        arguments: TableTests.settings, [0, 1, 2, 3])
    func blocks(settings: Family, shape: Int) throws {
        var random = TestRandom(seed: TestRandom.seed &+ UInt64(shape))
        // No markers and no time stamp twice in a column: all are kept.
        var cells: [TestCell] = []
        for cell in TestCell.sorted(2_000, shape: shape, &random) where cell.type == 4 {
            if cells.last?.columnKey == cell.columnKey, cells.last?.timestamp == cell.timestamp {
                continue
            }
            cells.append(cell)
        }
        let store = TestTables()
        let wanted = try store.write(cells, settings)
        let (files, merged) = try merge(cells, settings, fileBytesMax: 1 << 30)
        #expect(files.count == 1)
        let (one, other) = (
            try store.tables.reader(wanted), try merged.tables.reader(try #require(files.first))
        )
        #expect(files[0].entryCount == wanted.entryCount)
        #expect(files[0].smallest == wanted.smallest && files[0].largest == wanted.largest)
        #expect(one.blockCount == other.blockCount)
        for block in 0..<one.blockCount {
            let (entry, same) = (one.index.entry(block), other.index.entry(block))
            #expect(entry.rawByteCount == same.rawByteCount)
            #expect(entry.entryCount == same.entryCount)
        }
        #expect(
            try TestCell.collect(MergeCursor(memtables: [], tables: [other])) == cells)
        for _ in 0..<2_000 {
            let hash = random.next() << 20 ^ random.next()
            #expect(one.mayContain(hash) == other.mayContain(hash))
        }
    }

    @Test("a row that fills several files is in the filter of each")
    func cutRow() throws {
        var random = TestRandom(seed: 5)
        let cells = (0..<2_000).map { index in
            TestCell(
                row: index < 1_990 ? "a" : "b", qualifier: Bytes("q\(10_000 + index)"),
                timestamp: 1, type: 4, sequence: UInt64(index) + 1, value: random.bytes(40))
        }
        let settings = Family("f", bloomFilter: .row, blockBytes: 1_024)
        let (files, store) = try merge(cells, settings, fileBytesMax: 4_096)
        #expect(files.count > 2)
        let hash = Hash64.hash(CellKey.rowPrefix("a"))
        var count: UInt64 = 0
        for file in files {
            let reader = try store.tables.reader(file)
            if file.smallest.starts(with: CellKey.rowPrefix("a")) {
                #expect(reader.mayContain(hash))
            }
            count += file.entryCount
        }
        #expect(count == 2_000)
    }
}
