internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// Copies the cells of some rows out of the memtables of regions that are being replaced.
///
/// Memtables that take no more cells are copied while writers go on, the others when nobody commits. The old regions must not flush
/// meanwhile.
struct InheritedCells {
    /// The family of the cells.
    let family: UInt8
    /// The memtable with the copies.
    private(set) var slot: MemtableSlot
    private let lower: [UInt8]
    private let upper: [UInt8]
    private let parents: [TreeGroup]
    private let capacityBytes: Int
    private var copied: [Memtable] = []

    /// Nothing copied yet, for a tree of a new region, whose memtable is empty.
    ///
    /// - Parameter capacityBytes: the address space of a memtable, what is copied aside.
    init(of tree: TreeVersion, rows: RowKeyRange, from parents: [TreeGroup], capacityBytes: Int) {
        family = tree.family
        slot = tree.active
        lower = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
        upper = rows.end.isEmpty ? [] : CellKey.rowPrefix(rows.end)
        self.parents = parents
        self.capacityBytes = capacityBytes
    }

    /// How many cells are in memtables that were not copied, those of other rows included.
    var uncopiedCount: Int { uncopied(\.sources.memtables).reduce(0) { $0 + $1.cellCount } }

    /// Copies what is in memtables that take no more cells.
    mutating func copyFrozen() throws(SiltstoneError) {
        try copy(uncopied { $0.frozen.map(\.slot.memtable) })
    }

    /// Copies the rest; nobody commits from here on.
    mutating func copyAll() throws(SiltstoneError) {
        try copy(uncopied(\.sources.memtables))
        if slot.memtable.cellCount == 0 { return }
        // The log must keep for the copies what it keeps for those they came from.
        let segment = trees.reduce(UInt64.max) { min($0, $1.oldestSegment) }
        if segment != .max { slot.noteSegment(segment) }
    }

    private var trees: [TreeVersion] { parents.compactMap { $0.set.tree(family) } }

    private func uncopied(_ memtables: (TreeVersion) -> [Memtable]) -> [Memtable] {
        trees.flatMap(memtables).filter { memtable in
            memtable.cellCount > 0 && !copied.contains { $0 === memtable }
        }
    }

    private mutating func copy(_ memtables: [Memtable]) throws(SiltstoneError) {
        if memtables.isEmpty { return }
        if !hasRoom(for: memtables) {
            // More was written meanwhile than was foreseen: all again, with room for it.
            let all = copied + memtables
            let needed = all.reduce(0) { $0 + 2 * $1.byteCount + 128 * $1.cellCount }
            slot = MemtableSlot(capacityBytes: capacityBytes + needed)
            copied = []
            return try copy(all)
        }
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
        copied += memtables
    }

    private func hasRoom(for memtables: [Memtable]) -> Bool {
        slot.memtable.hasRoom(
            forBytes: memtables.reduce(0) { $0 + $1.byteCount },
            count: memtables.reduce(0) { $0 + $1.cellCount })
    }
}
