package import SiltBytes

/// A checked cursor over the tokens of a JSON text: what parsers of different trees share.
package struct JSONScanner {
    /// The text.
    package let bytes: [UInt8]
    /// Where the next token begins, in bytes.
    package var offset = 0

    /// Scans from the first byte.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// An error at the current place.
    package func error(_ message: String) -> DecodingError {
        DecodingError(offset: offset, message)
    }

    /// Skips white space and returns the next byte without taking it; `nil` at the end.
    package mutating func peek() -> UInt8? {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            offset += 1
        }
        return nil
    }

    /// Takes a byte after white space when it is the next one.
    package mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    /// Takes a literal such as `null`.
    package mutating func scanLiteral(_ word: StaticString) throws(DecodingError) {
        let start = offset
        for scalar in word.description.utf8 {
            guard offset < bytes.count, bytes[offset] == scalar else {
                offset = start
                throw error("value is not a JSON value")
            }
            offset += 1
        }
    }

    /// Takes a string, the next byte being its opening quote.
    package mutating func scanString() throws(DecodingError) -> String {
        offset += 1
        let start = offset
        while offset < bytes.count, bytes[offset] != 0x22, bytes[offset] != 0x5c,
            bytes[offset] >= 0x20
        {
            offset += 1
        }
        if offset < bytes.count, bytes[offset] == 0x22 {
            defer { offset += 1 }
            return try text(bytes[start..<offset], at: start)
        }
        var unescaped = Array(bytes[start..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 {
                offset += 1
                return try text(unescaped[...], at: start)
            }
            guard byte >= 0x20 else { throw error("control character in a string") }
            if byte == 0x5c {
                try scanEscape(into: &unescaped)
            } else {
                unescaped.append(byte)
                offset += 1
            }
        }
        throw error("string has no end")
    }

    private func text(_ slice: ArraySlice<UInt8>, at start: Int) throws(DecodingError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw DecodingError(offset: start, "string is not UTF-8")
        }
        return text
    }

    private mutating func scanEscape(into result: inout [UInt8]) throws(DecodingError) {
        guard offset + 1 < bytes.count else { throw error("string has no end") }
        let code = bytes[offset + 1]
        switch code {
        case 0x22, 0x5c, 0x2f: result.append(code)
        case 0x62: result.append(0x08)
        case 0x66: result.append(0x0c)
        case 0x6e: result.append(0x0a)
        case 0x72: result.append(0x0d)
        case 0x74: result.append(0x09)
        case 0x75:
            let scalar = try scanUnicodeEscape()
            result.append(contentsOf: String(Character(scalar)).utf8)
            return
        default: throw error("unknown escape in a string")
        }
        offset += 2
    }

    private mutating func scanUnicodeEscape() throws(DecodingError) -> Unicode.Scalar {
        let first = try hexadecimal(at: offset + 2)
        if let scalar = Unicode.Scalar(first) {
            offset += 6
            return scalar
        }
        guard first < 0xdc00, offset + 7 < bytes.count, bytes[offset + 6] == 0x5c,
            bytes[offset + 7] == 0x75
        else { throw error("surrogate without its other half in a string") }
        let second = try hexadecimal(at: offset + 8)
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw error("surrogate without its other half in a string") }
        offset += 12
        return scalar
    }

    private func hexadecimal(at start: Int) throws(DecodingError) -> UInt32 {
        guard start + 4 <= bytes.count else { throw error("string has no end") }
        var value: UInt32 = 0
        for byte in bytes[start..<(start + 4)] {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            default: throw error("unknown escape in a string")
            }
        }
        return value
    }

    /// Takes a number.
    package mutating func scanNumber() throws(DecodingError) -> JSONValue {
        let start = offset
        if offset < bytes.count, bytes[offset] == 0x2d { offset += 1 }
        let digits = skipDigits()
        guard digits > 0 else {
            offset = start
            throw error("value is not a JSON value")
        }
        if digits > 1, bytes[offset - digits] == 0x30 {
            offset = start
            throw error("number has a leading zero")
        }
        var isInteger = true
        if offset < bytes.count, bytes[offset] == 0x2e {
            offset += 1
            isInteger = false
            guard skipDigits() > 0 else { throw error("number has no digits after its point") }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == 0x65 {
            offset += 1
            isInteger = false
            if offset < bytes.count, bytes[offset] == 0x2b || bytes[offset] == 0x2d { offset += 1 }
            guard skipDigits() > 0 else { throw error("number has no digits in its exponent") }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let value = Int64(text) {
            return value == 0 && bytes[start] == 0x2d ? .number(-0.0) : .integer(value)
        }
        if !isInteger, let value = Double(text), value.isFinite { return .number(value) }
        return .decimal(text)
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while offset < bytes.count, bytes[offset] >= 0x30, bytes[offset] <= 0x39 { offset += 1 }
        return offset - start
    }
}
