/// Appends JSON to a byte buffer without building a tree: the caller writes the brackets, the writer the scalars.
public enum JSONWriter {
    /// Appends a quoted string, escaping what RFC 8259 demands and nothing else.
    public static func append(_ text: some StringProtocol, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        defer { bytes.append(0x22) }
        // Nearly all text is written as it is: looked at and copied as a whole.
        let raw = Array(text.utf8)
        var odd: UInt8 = 0
        for byte in raw {
            odd |= byte < 0x20 ? 1 : 0
            odd |= byte == 0x22 ? 1 : 0
            odd |= byte == 0x5c ? 1 : 0
        }
        guard odd != 0 else {
            bytes.append(contentsOf: raw)
            return
        }
        for byte in raw {
            if byte >= 0x20, byte != 0x22, byte != 0x5c {
                bytes.append(byte)
            } else {
                appendEscape(byte, to: &bytes)
            }
        }
    }

    /// Appends an integer.
    public static func append(_ value: Int64, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Appends the shortest number that reads back as the same double; `null` when it is not finite.
    public static func append(_ value: Double, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    }

    /// Appends a value without white space.
    public static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): append(value, to: &bytes)
        case .number(let value): append(value, to: &bytes)
        case .decimal(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): append(text, to: &bytes)
        case .array(let elements):
            bytes.append(0x5b)
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(0x2c) }
                append(element, to: &bytes)
            }
            bytes.append(0x5d)
        case .object(let members):
            bytes.append(0x7b)
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(0x2c) }
                append(member.name, to: &bytes)
                bytes.append(0x3a)
                append(member.value, to: &bytes)
            }
            bytes.append(0x7d)
        }
    }

    private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(0x5c)
        switch byte {
        case 0x22, 0x5c: bytes.append(byte)
        case 0x08: bytes.append(0x62)
        case 0x09: bytes.append(0x74)
        case 0x0a: bytes.append(0x6e)
        case 0x0c: bytes.append(0x66)
        case 0x0d: bytes.append(0x72)
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}

extension JSONValue {
    /// The value as compact JSON text in UTF-8.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        JSONWriter.append(self, to: &bytes)
        return bytes
    }

    /// The value as compact JSON text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
