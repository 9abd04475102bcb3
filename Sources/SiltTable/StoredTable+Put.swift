package import SiltBytes
import SiltFormat
import SiltLSM
package import SiltModel

extension StoredTable {
    /// Stores one value.
    ///
    /// The same as `write` of one mutation with one change, without the lists that those are made of: nothing is allocated, and the
    /// operation is encoded on the stack.
    package func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, timestamp: Int64? = nil,
        durability: Durability? = nil
    ) throws(SiltstoneError) {
        // The schema is asked for under the row's lock: who adds an index waits for the rows that are locked.
        let stripe = shared.locks.lockShared(table: id, row: row)
        defer { shared.locks.unlockShared(stripe) }
        let layout = try writableLayout()
        if layout.isTracked {
            let change = CellMutation(
                column, .put(value: value, timeToLiveMilliseconds: nil), timestamp: timestamp)
            return try WritePath.writeLocked(
                [RowMutation(row: row, changes: [change])], of: self, durability: durability,
                shared: shared)
        }
        // The index first: a list that is looked into after a call is counted as in use during it.
        let familyIndex = try layout.familyIndex(named: column.family)
        let family = layout.families[familyIndex].id
        try RowRules.check(row: row)
        try RowRules.check(qualifier: column.qualifier)
        try RowRules.check(value: value, column: column)
        let stored = try RowRules.stored(timestamp: timestamp)
        let room = OperationSpan.room(
            rowBytes: row.count, qualifierBytes: column.qualifier.count, valueBytes: value.count)
        var families = FamilySet()
        families.insert(family)
        let durability = durability ?? layout.durability
        // Safety: the table holds the engine, and others refer to it weakly: counting a reference costs a call, and writers a wait
        // for each other. Taken here, so that the closure keeps nothing of what all writers share.
        let engine = unsafe Unmanaged.passUnretained(shared.engine)
        let regionIndex = layout.regionIndex(of: row)
        // Safety: the layout, which this call holds, holds the region.
        let group = unsafe Unmanaged.passUnretained(layout.regions[regionIndex])
        defer { withExtendedLifetime(layout) {} }
        // Spans: captured arrays would be counted.
        let (row, qualifier) = (row.array.span, column.qualifier.array.span)
        let value = value.array.span
        // Safety: the operation stays on the stack until the commit is done.
        let failure: SiltstoneError? = unsafe withUnsafeTemporaryAllocation(
            byteCount: room, alignment: 8
        ) { buffer in
            guard let place = buffer.baseAddress else { return nil }
            let count = unsafe OperationSpan.encode(
                .put, family: family, row: row, qualifier: qualifier, timestamp: stored,
                timeToLiveMilliseconds: nil, value: value, to: place)
            let span = unsafe OperationSpan(
                start: UnsafeRawPointer(place), byteCount: count, count: 1, families: families,
                needsTimestamp: stored == nil)
            return unsafe engine._withUnsafeGuaranteedRef { engine in
                unsafe group._withUnsafeGuaranteedRef { group -> SiltstoneError? in
                    do throws(SiltstoneError) {
                        _ = try engine.commit(span, to: group, durability: durability)
                        return nil
                    } catch { return error }
                }
            }
        }
        if let failure { throw failure }
    }
}
