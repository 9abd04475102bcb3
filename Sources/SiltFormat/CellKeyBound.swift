internal import CSiltstone

/// A place in the order of cells, taken apart once so that blocks can be searched for it many
/// times.
///
/// Made of any byte string in cell-key order: a row prefix, a column key, a whole cell key, or a
/// shortened separator. It points at the caller's bytes, which must outlive it.
@safe
package struct CellKeyBound {
    /// The bytes up to the end of the column key, or all of them when they end before it does.
    package let columnKey: UnsafeRawBufferPointer
    /// Whether `columnKey` is a whole column key.
    ///
    /// If not, no cell's column key equals it.
    package let isWholeColumn: Bool
    /// The time stamp of the tail; with an absent tail, the newest possible.
    package let timestamp: Int64
    /// The type of the tail; with an absent tail, 255.
    package let type: UInt8
    /// The sequence of the tail; with an absent tail, the greatest.
    package let sequence: UInt64
    /// Whether the bound lies just after the cell of exactly this key (bytes follow its tail).
    package let isAfterTail: Bool

    /// The bound of a byte string in cell-key order.
    package init(_ key: UnsafeRawBufferPointer) {
        // Safety: every offset is at most `key.count`, by which the C function is bounded too.
        let first = unsafe silt_find_zero(key.baseAddress, key.count)
        var end = key.count
        var isWhole = false
        if first < key.count {
            let start = first + 1
            let second =
                unsafe start
                + silt_find_zero(key.baseAddress.map { unsafe $0 + start }, key.count - start)
            if second < key.count {
                end = second + 1
                isWhole = true
            }
        }
        unsafe columnKey = UnsafeRawBufferPointer(rebasing: key[..<end])
        isWholeColumn = isWhole
        var time: UInt64 = 0
        var inverted: UInt64 = 0
        var code: UInt8 = 0
        let tailCount = key.count - end
        for index in 0..<min(tailCount, CellKey.tailByteCount) {
            let byte = unsafe key[end + index]
            switch index {
            case 0..<8: time |= UInt64(byte) << UInt64(56 - 8 * index)
            case 8: code = byte
            default: inverted |= UInt64(byte) << UInt64(56 - 8 * (index - 9))
            }
        }
        timestamp = Int64(bitPattern: ~time ^ 1 << 63)
        type = ~code
        sequence = ~inverted
        isAfterTail = tailCount > CellKey.tailByteCount
    }

    /// The bound of one cell.
    package init(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, sequence: UInt64
    ) {
        // Safety: kept, not read, here; the caller's bytes outlive the bound.
        unsafe self.columnKey = unsafe columnKey
        isWholeColumn = true
        self.timestamp = timestamp
        self.type = type
        self.sequence = sequence
        isAfterTail = false
    }
}
