internal import CSiltstone
internal import SiltModel

/// Copies what a retention rule keeps from merged sources into table files: the body of flush and compaction.
struct CellMerge: ~Copyable {
    private var rule: RetentionRule
    private var column: [UInt8] = []
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
                if let end, !column.lexicographicallyPrecedes(end) { return }
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
        // Safety: both buffers are valid for this call, and the prefix lies within the key.
        let isSame = unsafe !isFirst && column.count == key.count && equals(key, count: key.count)
        if isSame { return false }
        let isSameRow =
            unsafe !isFirst && rowByteCount == prefixByteCount
            && equals(key, count: prefixByteCount)
        isFirst = false
        column.removeAll(keepingCapacity: true)
        unsafe column.append(contentsOf: key)
        rowByteCount = prefixByteCount
        if isSameRow { rule.startColumn() } else { rule.startRow() }
        return !isSameRow
    }

    /// Whether the column at hand begins with the first `count` bytes of `key`; both are at least that long.
    private func equals(_ key: UnsafeRawBufferPointer, count: Int) -> Bool {
        // Safety: compares `count` bytes that both have.
        unsafe column.withUnsafeBytes { old in
            guard let left = old.baseAddress, let right = key.baseAddress else {
                return count == 0
            }
            return unsafe silt_order(left, count, right, count) == 0
        }
    }
}
