/// A growing byte buffer; integers are little-endian unless the name says otherwise.
public struct ByteWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8]

    /// An empty buffer with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// The number of bytes written.
    public var count: Int { bytes.count }

    /// Empties the buffer and keeps its room.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Appends one byte.
    public mutating func write(_ value: UInt8) { bytes.append(value) }

    /// Appends 2 bytes, little-endian.
    public mutating func write(_ value: UInt16) { writeLittleEndian(value) }

    /// Appends 4 bytes, little-endian.
    public mutating func write(_ value: UInt32) { writeLittleEndian(value) }

    /// Appends 8 bytes, little-endian.
    public mutating func write(_ value: UInt64) { writeLittleEndian(value) }

    /// Appends 8 bytes, little-endian two's complement.
    public mutating func write(_ value: Int64) { writeLittleEndian(UInt64(bitPattern: value)) }

    /// Appends the bytes of `value` without a length.
    public mutating func write(contentsOf value: some Sequence<UInt8>) {
        bytes.append(contentsOf: value)
    }

    /// Appends the bytes of an array without a length.
    public mutating func write(contentsOf value: [UInt8]) { bytes.append(contentsOf: value) }

    /// Appends the bytes in a range of an array without a length.
    public mutating func write(contentsOf value: [UInt8], _ range: Range<Int>) {
        bytes.append(contentsOf: value[range])
    }

    /// Appends the bytes of a buffer without a length.
    public mutating func write(contentsOf value: UnsafeRawBufferPointer) {
        // Safety: the caller lends the buffer for the call.
        unsafe bytes.append(contentsOf: value)
    }

    /// Appends a LEB128 varint (1 to 10 bytes).
    public mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a zigzag-coded signed varint (1 to 10 bytes).
    public mutating func writeSignedVarint(_ value: Int64) {
        writeVarint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    /// Appends a varint length and then the bytes.
    public mutating func writeSized(_ value: [UInt8]) {
        writeVarint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// Appends a varint length and then the UTF-8 bytes.
    public mutating func writeSized(_ value: String) { writeSized(Array(value.utf8)) }

    /// Overwrites 4 bytes at `offset`, which must have been written, little-endian.
    public mutating func overwrite(_ value: UInt32, at offset: Int) {
        for index in 0..<4 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
        }
    }

    private mutating func writeLittleEndian<Value: FixedWidthInteger>(_ value: Value) {
        // Safety: the value lends its own bytes for the copy.
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
