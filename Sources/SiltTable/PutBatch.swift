package import SiltBytes
import SiltFormat
import SiltLSM
package import SiltModel

/// Values for one table, encoded as they are added, and stored as one.
///
/// Nothing is allocated for a value, and what was allocated for a batch serves the next one.
package struct PutBatch: Sendable {
    private let table: StoredTable
    private var encoded = RegionWrites()
    private var byteCount = 0
    /// How many values there are.
    package private(set) var count = 0

    /// No values.
    package init(_ table: StoredTable) { self.table = table }

    /// Adds a value; nothing is added when it throws.
    package mutating func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, timestamp: Int64? = nil
    ) throws(SiltstoneError) {
        let layout = try encoded.begin(table)
        let family = layout.families[try layout.familyIndex(named: column.family)].id
        try RowRules.check(row: row)
        try RowRules.check(qualifier: column.qualifier)
        try RowRules.check(value: value, column: column)
        let stored = try RowRules.stored(timestamp: timestamp)
        let room = OperationSpan.room(
            rowBytes: row.count, qualifierBytes: column.qualifier.count, valueBytes: value.count)
        guard byteCount + room <= Limits.batchBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "batch is too large max=\(Limits.batchBytesMax)")
        }
        let region = layout.regionIndex(of: row)
        encoded.writes[region].operations.append(
            .put, family: family, row: row.array, qualifier: column.qualifier.array,
            timestamp: stored, value: value.array)
        encoded.locked.insert(table: table.id, row: row, exclusively: false)
        byteCount += room
        count += 1
    }

    /// Forgets the values.
    package mutating func removeAll() {
        encoded.removeAll()
        byteCount = 0
        count = 0
    }

    /// Stores the values, all of them or none, and forgets them; they stay when it throws.
    package mutating func write(durability: Durability? = nil) throws(SiltstoneError) {
        if count == 0 { return }
        try commit(durability)
        removeAll()
    }

    private func commit(_ durability: Durability?) throws(SiltstoneError) {
        let shared = table.shared
        shared.locks.lock(encoded.locked)
        defer { shared.locks.unlock(encoded.locked) }
        // What a changed schema means for families and regions the engine finds out itself.
        let now = try table.writableLayout()
        if now.isTracked {
            return try WritePath.writeLocked(
                mutations(), of: table, durability: durability, shared: shared)
        }
        let writes = encoded.writes
        if writes.count == 1 {
            _ = try shared.engine.commit(
                writes[0].operations.span, to: writes[0].group,
                durability: durability ?? now.durability)
            return
        }
        _ = try shared.engine.commit(
            writes.filter { $0.operations.count > 0 }, durability: durability ?? now.durability)
    }

    /// The values as mutations, each its own.
    private func mutations() throws(SiltstoneError) -> [RowMutation] {
        var mutations: [RowMutation] = []
        try encoded.forEachChange { row, change in
            mutations.append(RowMutation(row: row, changes: [change]))
        }
        return mutations
    }
}
