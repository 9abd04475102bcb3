import SiltBytes

/// Writes one Protocol Buffers message.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// A field of type `bytes` or a message.
    mutating func write(_ field: Int, _ value: [UInt8]) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A field of type `bytes`.
    mutating func write(_ field: Int, _ value: Bytes) { write(field, value.array) }

    /// A field of type `string`.
    mutating func write(_ field: Int, _ value: String) { write(field, Array(value.utf8)) }

    /// A field of type `int32` or `int64`.
    mutating func write(_ field: Int, _ value: Int64) {
        varint(UInt64(field) << 3)
        varint(UInt64(bitPattern: value))
    }

    /// A field of type `bool`.
    mutating func write(_ field: Int, _ value: Bool) { write(field, value ? 1 : 0 as Int64) }

    /// A field of type `double`.
    mutating func write(_ field: Int, _ value: Double) {
        varint(UInt64(field) << 3 | 1)
        for shift in 0..<8 {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * shift)))
        }
    }

    /// A field that is a message.
    mutating func write(_ field: Int, _ message: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        message(&inner)
        write(field, inner.bytes)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
