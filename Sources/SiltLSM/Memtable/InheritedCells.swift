internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// Copies the cells of some rows out of the memtables of regions that are being replaced.
struct InheritedCells {
    private let lower: [UInt8]
    private let upper: [UInt8]
    private let trees: [TreeVersion]

    init(rows: RowKeyRange, from trees: [TreeVersion]) {
        lower = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
        upper = rows.end.isEmpty ? [] : CellKey.rowPrefix(rows.end)
        self.trees = trees
    }

    /// A memtable with the cells; the log must keep for it what it keeps for those they came from.
    func slot(capacityBytes: Int) throws(SiltstoneError) -> MemtableSlot {
        let memtables = trees.flatMap(\.sources.memtables).filter { $0.cellCount > 0 }
        // Twice the memory in use: the copy is laid out anew.
        let needed = memtables.reduce(1 << 20) { $0 + 2 * $1.byteCount }
        let slot = MemtableSlot(capacityBytes: max(capacityBytes, needed))
        if memtables.isEmpty { return slot }
        let cursor = MergeCursor(memtables: memtables, tables: [])
        if lower.isEmpty { try cursor.seekFirst() } else { try cursor.seek(lower) }
        while cursor.isValid {
            // Safety: the cursor's pointers are used before its next move.
            if !upper.isEmpty, unsafe !cursor.columnKey.lexicographicallyPrecedes(upper) { break }
            unsafe slot.memtable.insert(
                columnKey: cursor.columnKey, timestamp: cursor.timestamp, type: cursor.type,
                flags: cursor.flags, sequence: cursor.sequence, value: cursor.value)
            try cursor.next()
        }
        if slot.memtable.cellCount > 0 {
            let segment = trees.reduce(UInt64.max) { min($0, $1.oldestSegment) }
            if segment != .max { slot.noteSegment(segment) }
        }
        return slot
    }
}
