internal import CSiltstone
internal import SiltModel

/// Copies what a retention rule keeps from merged sources into table files: the body of flush and compaction.
struct CellMerge: ~Copyable {
    private var rule: RetentionRule
    /// Begins with the column at hand, which is `columnByteCount` long.
    private var columnRoom: [UInt8] = []
    private var columnByteCount = 0
    private var rowByteCount = 0
    private var isFirst = true

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
        from cursor: MergeCursor, to writer: RunWriter, start: [UInt8]? = nil,
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
            if unsafe begins(cursor.columnKey, cursor.rowPrefixByteCount) {
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
                try writer.append(cursor, startsRow: startsRow)
                startsRow = false
            }
            try cursor.next()
        }
    }

    /// Tells the rule about a new row or column.
    ///
    /// - Returns: whether a row begins.
    private mutating func begins(_ key: UnsafeRawBufferPointer, _ prefixByteCount: Int) -> Bool {
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
        if !isFirst, shared == count, oldCount == count { return false }
        let isSameRow =
            !isFirst && rowByteCount == prefixByteCount && shared >= prefixByteCount
        isFirst = false
        columnByteCount = count
        rowByteCount = prefixByteCount
        if isSameRow { rule.startColumn() } else { rule.startRow() }
        return !isSameRow
    }
}
