package import SiltBytes
import SiltFormat
import SiltLSM
package import SiltModel

/// Values for one table, encoded as they are added, and stored as one.
///
/// Nothing is allocated for a value, and what was allocated for a batch serves the next one.
package struct PutBatch: Sendable {
    private let table: StoredTable
    /// What the values were encoded by; `nil` when there are none.
    private var layout: TableLayout?
    /// For each of the layout's regions the operations on it, in the order of the regions.
    private var writes: [GroupWrite] = []
    private var locked = RowLockSet()
    private var byteCount = 0
    /// How many values there are.
    package private(set) var count = 0

    /// No values.
    package init(_ table: StoredTable) { self.table = table }

    /// Adds a value; nothing is added when it throws.
    package mutating func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, timestamp: Int64? = nil
    ) throws(SiltstoneError) {
        if layout == nil { try begin() }
        guard let layout else { return }
        let family = layout.families[try layout.familyIndex(named: column.family)].id
        try RowRules.check(row: row)
        try RowRules.check(qualifier: column.qualifier)
        try RowRules.check(value: value, column: column)
        let stored = try RowRules.stored(timestamp: timestamp)
        let room = OperationSpan.room(
            row: row.array, qualifier: column.qualifier.array, value: value.array)
        guard byteCount + room <= Limits.batchBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "batch is too large max=\(Limits.batchBytesMax)")
        }
        let region = layout.regionIndex(of: row)
        writes[region].operations.append(
            .put, family: family, row: row.array, qualifier: column.qualifier.array,
            timestamp: stored, value: value.array)
        locked.insert(table: table.id, row: row, exclusively: false)
        byteCount += room
        count += 1
    }

    /// Forgets the values.
    package mutating func removeAll() {
        for index in writes.indices { writes[index].operations.removeAll() }
        locked = RowLockSet()
        layout = nil
        byteCount = 0
        count = 0
    }

    /// Stores the values, all of them or none, and forgets them; they stay when it throws.
    package mutating func write(durability: Durability? = nil) throws(SiltstoneError) {
        if count == 0 { return }
        try commit(durability)
        removeAll()
    }

    private mutating func begin() throws(SiltstoneError) {
        let layout = try table.writableLayout()
        let isSame =
            writes.count == layout.regions.count
            && writes.indices.allSatisfy { writes[$0].group === layout.regions[$0] }
        if !isSame {
            writes = layout.regions.map { GroupWrite(group: $0, operations: OperationBuffer()) }
        }
        self.layout = layout
    }

    private func commit(_ durability: Durability?) throws(SiltstoneError) {
        let shared = table.shared
        shared.locks.lock(locked)
        defer { shared.locks.unlock(locked) }
        // What a changed schema means for families and regions the engine finds out itself.
        let now = try table.writableLayout()
        if now.isTracked {
            return try WritePath.writeLocked(
                mutations(), of: table, durability: durability, shared: shared)
        }
        if writes.count == 1 {
            _ = try shared.engine.commit(
                writes[0].operations.span, to: writes[0].group,
                durability: durability ?? now.durability)
            return
        }
        _ = try shared.engine.commit(
            writes.filter { $0.operations.count > 0 }, durability: durability ?? now.durability)
    }

    /// The values as mutations: what indexes and feeds are kept by.
    private func mutations() throws(SiltstoneError) -> [RowMutation] {
        guard let layout else { return [] }
        var mutations: [RowMutation] = []
        for write in writes {
            let bytes = write.operations.bytes
            do throws(DecodingError) {
                var reader = OperationReader(bytes, range: 0..<bytes.count)
                while let operation = try reader.next() {
                    let key = Array(bytes[operation.key])
                    let row = try CellKey.component(of: key, at: 0)
                    let qualifier = try CellKey.component(of: key, at: row.next)
                    let name = layout.families.first { $0.id == operation.family }?.settings.name
                    let change = CellMutation(
                        Column(name ?? "", Bytes(qualifier.bytes)),
                        .put(
                            value: Bytes(Array(bytes[operation.value])),
                            timeToLiveMilliseconds: nil), timestamp: operation.timestamp)
                    mutations.append(RowMutation(row: Bytes(row.bytes), changes: [change]))
                }
            } catch {
                throw SiltstoneError(.corrupted, "batch is damaged: \(error.message)")
            }
        }
        return mutations
    }
}
