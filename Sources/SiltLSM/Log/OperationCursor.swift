internal import SiltBytes
internal import SiltFormat

/// Walks the encoded operations of one region within a batch; checked, because they may come from disk.
///
/// The layout is that of `OperationBuffer`. Pointers lead into the buffer and are valid as long as it is.
// Safety: every range was checked against the buffer by `next`; who makes a cursor keeps the buffer alive.
@safe struct OperationCursor {
    private let base: UnsafeRawBufferPointer
    private var offset = 0

    /// The type code of the current operation.
    private(set) var type: UInt8 = 0
    /// Its flags.
    private(set) var flags: UInt8 = 0
    /// Its family.
    private(set) var family: UInt8 = 0
    /// Its own time stamp; meaningless when the server assigns it (`hasServerTimestamp`).
    private(set) var timestamp: Int64 = 0
    private var keyRange = 0..<0
    private var valueRange = 0..<0

    /// A cursor before the first operation.
    init(_ bytes: UnsafeRawBufferPointer) { unsafe base = bytes }

    /// The column key.
    var columnKey: UnsafeRawBufferPointer {
        // Safety: `next` checked that the range lies within `base`.
        unsafe UnsafeRawBufferPointer(
            start: base.baseAddress.map { unsafe $0 + keyRange.lowerBound }, count: keyRange.count)
    }

    /// The value, with the time to live in front when the flags say so.
    var value: UnsafeRawBufferPointer {
        // Safety: `next` checked that the range lies within `base`.
        unsafe UnsafeRawBufferPointer(
            start: base.baseAddress.map { unsafe $0 + valueRange.lowerBound },
            count: valueRange.count)
    }

    /// The bytes of column key and value together.
    var cellByteCount: Int { keyRange.count + valueRange.count }

    /// Goes to the next operation; false at the end.
    mutating func next() throws(DecodingError) -> Bool {
        let count = unsafe base.count
        if offset == count { return false }
        guard count - offset >= 2 else {
            throw DecodingError(offset: offset, "operation ends early")
        }
        // Safety: at least two bytes are left.
        let first = unsafe base[offset]
        type = first & 0x0f
        flags = first >> 4
        family = unsafe base[offset + 1]
        offset += 2
        if flags & CellFlags.hasServerTimestamp == 0 {
            guard count - offset >= 8 else {
                throw DecodingError(offset: offset, "time stamp ends early")
            }
            // Safety: eight bytes are left.
            timestamp = unsafe Int64(
                littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Int64.self))
            offset += 8
        }
        keyRange = try readSized()
        valueRange = try readSized()
        if flags & CellFlags.hasTimeToLive != 0, valueRange.count < 8 {
            throw DecodingError(offset: offset, "time to live ends early")
        }
        return true
    }

    @inline(__always)
    private mutating func readSized() throws(DecodingError) -> Range<Int> {
        let length = try readVarint()
        // Safety: only the count is read.
        let left = unsafe base.count - offset
        guard length <= UInt64(left) else {
            throw DecodingError(offset: offset, "length is too large value=\(length) left=\(left)")
        }
        let start = offset
        offset += Int(length)
        return start..<offset
    }

    @inline(__always)
    private mutating func readVarint() throws(DecodingError) -> UInt64 {
        // Safety: the offset was compared with the count.
        if unsafe offset < base.count, unsafe base[offset] < 0x80 {
            offset &+= 1
            return unsafe UInt64(base[offset &- 1])
        }
        return try readLongVarint()
    }

    private mutating func readLongVarint() throws(DecodingError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while unsafe offset < base.count, shift < 63 {
            // Safety: the offset was compared with the count.
            let byte = unsafe base[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw DecodingError(offset: offset, "length is damaged")
    }
}
