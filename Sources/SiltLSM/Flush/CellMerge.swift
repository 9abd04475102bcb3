internal import CSiltstone
internal import SiltModel

/// How the column key of a cell differs from that of the cell written before it.
struct KeyStep {
    /// How many bytes both have in common, from the beginning.
    let sharedByteCount: Int
    /// The length of the row prefix that begins the key.
    let rowPrefixByteCount: Int
    /// Whether the rows differ.
    let startsRow: Bool
}

/// Copies what a retention rule keeps from merged sources into table files: the body of flush and compaction.
///
/// Each key is compared with the one before it once: that tells whether a row or a column begins, and what blocks and filters need.
struct CellMerge: ~Copyable {
    private var rule: RetentionRule
    /// Begins with the column at hand, which is `columnByteCount` long.
    private var columnRoom: [UInt8] = []
    private var columnByteCount = 0
    /// The length of its row prefix; more than it has bytes when it is damaged.
    private var rowByteCount = Int.max
    private var isFirst = true
    /// What the column at hand has in common with that of the cell written last.
    private var sharedByteCount = Int.max

    /// How many cells are copied between two questions whether to stop.
    static let sliceCellCount = 0x1000

    init(_ rule: RetentionRule) { self.rule = rule }

    /// Copies everything from the cursor's first cell on, or from a row up to but not including another.
    ///
    /// - Parameters:
    ///   - start: a row prefix.
    ///   - end: a row prefix.
    ///   - isCancelled: asked now and then; stops the merge with `cancelled`.
    mutating func copy(
        from cursor: MergeCursor, to writer: inout RunWriter, start: [UInt8]? = nil,
        end: [UInt8]? = nil, isCancelled: () -> Bool
    ) throws(SiltstoneError) {
        if let start { try cursor.seek(start) } else { try cursor.seekFirst() }
        var count = 0
        var startsRow = true
        while cursor.isValid {
            count &+= 1
            if count & (Self.sliceCellCount - 1) == 0, isCancelled() {
                throw SiltstoneError(.cancelled, "merge was cancelled")
            }
            // Safety: the cursor's pointers are used before its next move.
            if unsafe begins(cursor.columnKey) {
                startsRow = true
                if let end, !columnRoom[..<columnByteCount].lexicographicallyPrecedes(end) {
                    return
                }
            }
            guard let type = CellType(rawValue: cursor.type) else {
                throw SiltstoneError(.corrupted, "cell type is unknown type=\(cursor.type)")
            }
            let keeps = unsafe rule.keeps(
                type, flags: cursor.flags, timestamp: cursor.timestamp, sequence: cursor.sequence,
                value: cursor.value)
            if keeps {
                try writer.append(
                    cursor,
                    KeyStep(
                        sharedByteCount: sharedByteCount,
                        rowPrefixByteCount: min(rowByteCount, columnByteCount),
                        startsRow: startsRow))
                startsRow = false
                sharedByteCount = .max
            }
            try cursor.next()
        }
    }

    /// Compares a key with the one before, and tells the rule about a new row or column.
    ///
    /// - Returns: whether a row begins.
    @inline(__always)
    private mutating func begins(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let start = key.baseAddress else { return false }
        let (count, oldCount) = (key.count, columnByteCount)
        if columnRoom.count < count {
            columnRoom.append(contentsOf: repeatElement(0, count: count - columnRoom.count))
        }
        // Safety: the room has as many bytes as the key, and as the column that it holds; the key is valid for this call.
        let shared = unsafe columnRoom.withUnsafeMutableBytes { room -> Int in
            guard let old = room.baseAddress else { return 0 }
            let shared = unsafe silt_shared(old, start, min(oldCount, count))
            unsafe (old + shared).copyMemory(from: start + shared, byteCount: count - shared)
            return shared
        }
        // Of keys in order, two share no more than each shares with those between.
        sharedByteCount = min(sharedByteCount, shared)
        if !isFirst, shared == count, oldCount == count { return false }
        // A row prefix ends with the first zero: who has it from the beginning on has the same.
        let isSameRow = !isFirst && shared >= rowByteCount
        isFirst = false
        columnByteCount = count
        if isSameRow {
            rule.startColumn()
        } else {
            rowByteCount = unsafe Int(silt_zero(start, count)) + 1
            rule.startRow()
        }
        return !isSameRow
    }
}
