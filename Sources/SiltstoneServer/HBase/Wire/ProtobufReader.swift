import SiltBytes
import SiltModel

/// Reads one Protocol Buffers message field by field.
struct ProtobufReader {
    /// A field's value, by its wire type.
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)

        /// The bytes of a length-delimited field; none for a number.
        var slice: ArraySlice<UInt8> {
            if case .bytes(let slice) = self { slice } else { [] }
        }

        /// A field of type `bytes`.
        var bytes: Bytes { Bytes(Array(slice)) }

        /// A field of type `string`.
        var text: String { String(decoding: slice, as: UTF8.self) }

        /// A field of type `int32` or `int64`.
        var integer: Int64 {
            if case .number(let number) = self { Int64(bitPattern: number) } else { 0 }
        }

        /// A field of type `bool`.
        var bool: Bool { integer != 0 }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    private func refuse(_ reason: String) -> SiltstoneError {
        SiltstoneError(
            .invalidArgument, "body is not a protobuf message: \(reason) at=\(rest.startIndex)")
    }

    /// The next field; `nil` at the end of the message.
    mutating func next() throws(SiltstoneError) -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw refuse("a field has no number") }
        let field = Int(tag >> 3)
        switch tag & 7 {
        case 0: return (field, .number(try varint()))
        case 1: return (field, .number(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw refuse("a field is cut short") }
            let end = rest.startIndex + Int(count)
            defer { rest = rest[end...] }
            return (field, .bytes(rest[..<end]))
        case 5: return (field, .number(try fixed(4)))
        default: throw refuse("a field has an unknown type")
        }
    }

    private mutating func varint() throws(SiltstoneError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            guard shift < 64 else { throw refuse("a number is too long") }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw refuse("a number is cut short")
    }

    private mutating func fixed(_ count: Int) throws(SiltstoneError) -> UInt64 {
        guard rest.count >= count else { throw refuse("a number is cut short") }
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(count).enumerated() {
            value |= UInt64(byte) << UInt64(8 * index)
        }
        rest = rest.dropFirst(count)
        return value
    }
}
