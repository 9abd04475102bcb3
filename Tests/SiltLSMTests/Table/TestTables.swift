import SiltBytes
import SiltFormat
import SiltIO
import SiltModel

@testable import SiltLSM

/// A disk in memory with table files on it, and the caches to read them.
final class TestTables {
    let disk = MemoryDisk()
    let blocks: BlockCache
    let tables: TableCache
    private let table = Identifier(high: 7, low: 7)
    private var number: UInt64 = 0

    init(cacheBytes: Int = 16 << 20, openFilesMax: Int = 1_000, countsIndexes: Bool = true) {
        blocks = BlockCache(capacityBytes: cacheBytes, countsIndexes: countsIndexes)
        tables = TableCache(objects: disk.objects, blocks: blocks, openFilesMax: openFilesMax)
    }

    /// Writes cells, which are in order, as one table.
    func write(_ cells: [TestCell], _ settings: Family = Family("f", blockBytes: 1_024)) throws
        -> TableFile
    {
        number += 1
        var writer = try TableWriter(
            Identifier(high: number, low: number &* 0x9e37_79b9_7f4a_7c15), table: table,
            objects: disk.objects,
            settings: settings)
        for cell in cells { try cell.append(to: &writer) }
        return try writer.finish()
    }
}

extension TestCell {
    func append(to writer: inout TableWriter) throws {
        try unsafe columnKey.withUnsafeBytes { key in
            try unsafe value.withUnsafeBytes { value in
                try unsafe writer.append(
                    columnKey: key, timestamp: timestamp, type: type, flags: flags,
                    sequence: sequence, value: value)
            }
        }
    }

    static func current(_ cursor: MergeCursor) -> TestCell? {
        guard cursor.isValid else { return nil }
        return unsafe TestCell(
            columnKey: Array(cursor.columnKey), timestamp: cursor.timestamp, type: cursor.type,
            flags: cursor.flags,
            sequence: cursor.sequence, value: Array(cursor.value))
    }

    static func current(_ cursor: TreeCursor) -> TestCell? {
        guard cursor.isValid else { return nil }
        return unsafe TestCell(
            columnKey: Array(cursor.columnKey), timestamp: cursor.timestamp, type: cursor.type,
            flags: cursor.flags,
            sequence: cursor.sequence, value: Array(cursor.value))
    }

    static func collect(_ cursor: MergeCursor) throws -> [TestCell] {
        var cells: [TestCell] = []
        try cursor.seekFirst()
        while let cell = current(cursor) {
            cells.append(cell)
            try cursor.next()
        }
        return cells
    }

    static func collect(_ cursor: TreeCursor, from key: [UInt8], limit: Int = .max) throws
        -> [TestCell]
    {
        var cells: [TestCell] = []
        try cursor.seek(key)
        while cells.count < limit, let cell = current(cursor) {
            cells.append(cell)
            try cursor.next()
        }
        return cells
    }

    /// Random cells of a shape in key order, sequences 1 to `count`.
    static func sorted(_ count: Int, shape: Int, _ random: inout TestRandom) -> [TestCell] {
        (1...UInt64(count)).map { TestCell.random(&random, shape: shape, sequence: $0) }
            .sorted { $0.key < $1.key }
    }
}
