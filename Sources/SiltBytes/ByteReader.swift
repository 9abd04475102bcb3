/// What a checked read of bytes found wrong: where, and a short cause.
public struct DecodingError: Error, Equatable, CustomStringConvertible {
    /// The offset in bytes at which the read failed.
    public let offset: Int
    /// What was expected there.
    public let message: String

    /// An error at `offset`.
    public init(offset: Int, _ message: String) {
        self.offset = offset
        self.message = message
    }

    /// The message with its offset.
    public var description: String { "\(message) offset=\(offset)" }
}

/// A checked cursor over bytes that may be damaged: every read can fail, none traps.
///
/// Integers are little-endian unless the name says otherwise. Offsets in errors count from the start
/// of `bytes`, plus `baseOffset`.
public struct ByteReader: Sendable {
    /// The bytes being read.
    public let bytes: [UInt8]
    /// Where the next read begins, in bytes from the start of `bytes`.
    public private(set) var offset: Int
    /// One past the last byte that may be read.
    public let end: Int
    /// Added to offsets in errors, for bytes that were cut out of a file.
    public let baseOffset: Int

    /// Reads all of `bytes`.
    public init(_ bytes: [UInt8], baseOffset: Int = 0) {
        self.bytes = bytes
        self.offset = 0
        self.end = bytes.count
        self.baseOffset = baseOffset
    }

    /// Reads `range` of `bytes`, which must lie within them.
    public init(_ bytes: [UInt8], range: Range<Int>, baseOffset: Int = 0) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        self.offset = range.lowerBound
        self.end = range.upperBound
        self.baseOffset = baseOffset
    }

    /// The number of bytes left.
    public var remaining: Int { end - offset }

    /// Whether every byte was read.
    public var isAtEnd: Bool { offset == end }

    /// An error at the current place.
    public func error(_ message: String) -> DecodingError {
        DecodingError(offset: baseOffset + offset, message)
    }

    /// Reads one byte.
    public mutating func readUInt8() throws(DecodingError) -> UInt8 {
        guard offset < end else { throw error("bytes end early wanted=1") }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Reads 2 bytes.
    public mutating func readUInt16() throws(DecodingError) -> UInt16 {
        try UInt16(truncatingIfNeeded: readLittleEndian(2))
    }

    /// Reads 4 bytes.
    public mutating func readUInt32() throws(DecodingError) -> UInt32 {
        try UInt32(truncatingIfNeeded: readLittleEndian(4))
    }

    /// Reads 8 bytes.
    public mutating func readUInt64() throws(DecodingError) -> UInt64 { try readLittleEndian(8) }

    /// Reads 8 bytes of two's complement.
    public mutating func readInt64() throws(DecodingError) -> Int64 {
        Int64(bitPattern: try readLittleEndian(8))
    }

    /// Reads a LEB128 varint; more than 10 bytes, or bits past the 64th, are an error.
    public mutating func readVarint() throws(DecodingError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readUInt8()
            if shift == 63, byte > 1 { throw error("varint does not fit 64 bits") }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw error("varint does not fit 64 bits") }
        }
    }

    /// Reads a zigzag-coded signed varint.
    public mutating func readSignedVarint() throws(DecodingError) -> Int64 {
        let raw = try readVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// Reads a varint that must lie in `0...limit`, such as a count or a length.
    public mutating func readCount(limit: Int) throws(DecodingError) -> Int {
        let start = offset
        let value = try readVarint()
        guard value <= UInt64(max(0, limit)) else {
            throw DecodingError(
                offset: baseOffset + start, "count is too large value=\(value) limit=\(limit)")
        }
        return Int(value)
    }

    /// Reads exactly `count` bytes.
    public mutating func readBytes(_ count: Int) throws(DecodingError) -> [UInt8] {
        guard count >= 0, count <= remaining else {
            throw error("bytes end early wanted=\(count) left=\(remaining)")
        }
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    /// Reads a varint length and that many bytes.
    public mutating func readSized() throws(DecodingError) -> [UInt8] {
        let count = try readCount(limit: remaining)
        return try readBytes(count)
    }

    /// Reads a varint length and that many bytes of UTF-8.
    public mutating func readSizedString() throws(DecodingError) -> String {
        let start = offset
        let raw = try readSized()
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw DecodingError(offset: baseOffset + start, "text is not UTF-8")
        }
        return text
    }

    /// Skips `count` bytes.
    public mutating func skip(_ count: Int) throws(DecodingError) {
        guard count >= 0, count <= remaining else {
            throw error("bytes end early wanted=\(count) left=\(remaining)")
        }
        offset += count
    }

    private mutating func readLittleEndian(_ count: Int) throws(DecodingError) -> UInt64 {
        guard count <= remaining else {
            throw error("bytes end early wanted=\(count) left=\(remaining)")
        }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        offset += count
        return value
    }
}
