internal import SiltFormat

/// Where the cells of one family go.
// Safety: the view whose place it is holds the memtable; who uses the place holds the view.
@safe struct CommitPlace {
    let family: UInt8
    let slot: Unmanaged<MemtableSlot>
    let memtable: Unmanaged<Memtable>
    /// Up to where the family's cells are in tables.
    let flushedSequence: UInt64

    init(_ tree: TreeVersion) {
        family = tree.family
        unsafe slot = Unmanaged.passUnretained(tree.active)
        unsafe memtable = Unmanaged.passUnretained(tree.active.memtable)
        flushedSequence = tree.flushedSequence
    }

    // Safety of all below: as the type says.

    /// The bytes of memory that the memtable takes.
    @inline(__always)
    var byteCount: Int { unsafe memtable._withUnsafeGuaranteedRef { $0.byteCount } }

    /// Takes note that cells came from a record in a log segment.
    @inline(__always)
    func noteSegment(_ number: UInt64) {
        unsafe slot._withUnsafeGuaranteedRef { $0.noteSegment(number) }
    }

    /// Has what an insert of a column key will touch fetched from memory.
    @inline(__always)
    func prepare(for columnKey: UnsafeRawBufferPointer) {
        unsafe memtable._withUnsafeGuaranteedRef { unsafe $0.prepare(for: columnKey) }
    }

    /// Inserts the operation that a cursor is at.
    ///
    /// - Returns: whether it comes last of all.
    @inline(__always)
    func insert(_ cursor: OperationCursor, timestamp: Int64, sequence: UInt64) -> Bool {
        let isServers = cursor.flags & CellFlags.hasServerTimestamp != 0
        return unsafe memtable._withUnsafeGuaranteedRef {
            // The cursor's pointers lead into the bytes that it walks; the memtable copies.
            unsafe $0.insert(
                columnKey: cursor.columnKey,
                timestamp: isServers ? timestamp : cursor.timestamp, type: cursor.type,
                flags: cursor.flags, sequence: sequence, value: cursor.value)
        }
    }
}
