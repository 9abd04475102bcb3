import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Synchronization

/// One cell as a test sees it.
struct SeenCell: Hashable {
    var row: String
    var qualifier: String
    var timestamp: Int64
    var type: UInt8
    var value: String
}

/// An engine on a memory disk with some regions of one table, each with the families 0 and 1.
final class EngineFixture {
    private static let runCount = Atomic<UInt64>(0)
    static let table = Identifier(high: 7, low: 7)

    let disk: MemoryDisk
    let clock: ManualClock
    let workers: ManualWorkers
    let engine: Engine
    let groups: [TreeGroup]
    let report: RecoveryReport

    /// Small sizes, so that segments end and files are cut within a test.
    static var options: EngineOptions {
        var options = EngineOptions()
        options.memtableBytesMax = 1 << 20
        options.flushBytes = 256 << 10
        options.cacheBytes = 1 << 20
        options.logSegmentBytes = 4 << 10
        options.logBytesMax = 1 << 20
        options.tableFileBytes = 64 << 10
        options.runsMaintenance = false
        return options
    }

    static let families = [
        TreeOptions(family: 0, settings: Family("a", maxVersions: 3)),
        TreeOptions(family: 1, settings: Family("b", maxVersions: 3, compression: .none)),
    ]

    /// Opens the regions that the disk has, or makes `groupCount` new ones.
    ///
    /// - Parameter ids: the regions to open, if not those that were made first.
    init(
        _ disk: MemoryDisk = MemoryDisk(), groupCount: Int = 2, ids: [Identifier]? = nil,
        options: EngineOptions = EngineFixture.options,
        clock: ManualClock = ManualClock(),
        families: [TreeOptions] = EngineFixture.families
    ) throws(SiltstoneError) {
        self.disk = disk
        self.clock = clock
        workers = ManualWorkers()
        // Each run of a server draws other random bits.
        let seed = Self.runCount.wrappingAdd(1, ordering: .relaxed).newValue
        let environment = Environment.memory(disk: disk, clock: clock, seed: seed, workers: workers)
        engine = try Engine.open(environment, options)
        var groups: [TreeGroup] = []
        for id in ids ?? (0..<groupCount).map({ Identifier(high: 1, low: UInt64($0)) }) {
            do throws(SiltstoneError) {
                groups.append(try engine.openGroup(id: id, table: Self.table, trees: families))
            } catch {
                guard error.code == .notFound else { throw error }
                groups.append(
                    try engine.createGroup(
                        id: id, table: Self.table, range: RowKeyRange(start: .empty, end: .empty),
                        trees: families))
            }
        }
        self.groups = groups
        report = try engine.finishRecovery()
    }

    /// One put of a batch.
    static func put(
        _ row: String, _ value: String, family: UInt8 = 0, qualifier: String = "q",
        timestamp: Int64? = nil,
        type: CellType = .put, into buffer: inout OperationBuffer
    ) {
        buffer.append(
            type, family: family,
            columnKey: CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier)),
            timestamp: timestamp, value: Array(value.utf8))
    }

    /// Commits one put into one region.
    @discardableResult
    func put(
        _ row: String, _ value: String, group: Int = 0, family: UInt8 = 0, qualifier: String = "q",
        timestamp: Int64? = nil, type: CellType = .put, durability: Durability = .fsyncWAL
    ) throws(SiltstoneError) -> Int64 {
        var buffer = OperationBuffer()
        Self.put(
            row, value, family: family, qualifier: qualifier, timestamp: timestamp, type: type,
            into: &buffer)
        let write = GroupWrite(group: groups[group], operations: buffer)
        return try engine.commit([write], durability: durability).timestamps[0]
    }

    /// Every cell of a tree, as stored.
    func cells(_ group: Int = 0, family: UInt8 = 0) throws(SiltstoneError) -> [SeenCell] {
        try Self.cells(groups[group].snapshot(), family: family)
    }

    /// Every cell of a tree in a snapshot.
    static func cells(_ snapshot: GroupSnapshot, family: UInt8 = 0) throws(SiltstoneError)
        -> [SeenCell]
    {
        let cursor = try snapshot.cursor(family: family, CursorOptions())
        var cells: [SeenCell] = []
        try cursor.seek([])
        while cursor.isValid {
            // Safety: copied before the cursor moves.
            let key = unsafe Array(cursor.columnKey)
            let value = unsafe Array(cursor.value)
            guard let row = try? CellKey.component(of: key, at: 0),
                let qualifier = try? CellKey.component(of: key, at: row.next)
            else { throw SiltstoneError(.corrupted, "key is damaged") }
            cells.append(
                SeenCell(
                    row: String(decoding: row.bytes, as: UTF8.self),
                    qualifier: String(decoding: qualifier.bytes, as: UTF8.self),
                    timestamp: cursor.timestamp, type: cursor.type,
                    value: String(decoding: value, as: UTF8.self)))
            try cursor.next()
        }
        return cells
    }

    /// The newest value of each row of a tree.
    func values(_ group: Int = 0, family: UInt8 = 0) throws(SiltstoneError) -> [String: String] {
        var values: [String: String] = [:]
        for cell in try cells(group, family: family) where values[cell.row] == nil {
            values[cell.row] = cell.value
        }
        return values
    }
}
