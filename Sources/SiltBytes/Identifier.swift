/// A 128-bit identifier of a table, region, file or log incarnation; written as 32 hex digits.
public struct Identifier: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The first 64 bits.
    public let high: UInt64
    /// The last 64 bits.
    public let low: UInt64

    /// An identifier of two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A version-7 UUID (RFC 9562): milliseconds since 1970, then 74 random bits; later ones sort later.
    ///
    /// - Parameters:
    ///   - milliseconds: the time, in milliseconds since 1970; the low 48 bits are kept.
    ///   - random: two random words.
    public init(milliseconds: Int64, random: (UInt64, UInt64)) {
        high = UInt64(truncatingIfNeeded: milliseconds) << 16 | 0x7000 | random.0 & 0xfff
        low = random.1 & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    }

    /// The identifier written as 32 hex digits; `nil` when the text is anything else.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text), bytes.count == 16 else { return nil }
        var reader = ByteReader(bytes)
        guard let first = try? reader.readUInt64(), let second = try? reader.readUInt64() else {
            return nil
        }
        self.init(high: first.byteSwapped, low: second.byteSwapped)
    }

    /// The 16 bytes, most significant first.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.write(high.byteSwapped)
        writer.write(low.byteSwapped)
        return writer.bytes
    }

    /// 32 lower-case hex digits.
    public var description: String { Hex.encode(bytes) }

    /// Numeric order, which is also the order of the text.
    public static func < (left: Identifier, right: Identifier) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension ByteWriter {
    /// Appends the 16 bytes of an identifier.
    public mutating func write(_ value: Identifier) { write(contentsOf: value.bytes) }
}

extension ByteReader {
    /// Reads the 16 bytes of an identifier.
    public mutating func readIdentifier() throws(DecodingError) -> Identifier {
        let first = try readUInt64()
        let second = try readUInt64()
        return Identifier(high: first.byteSwapped, low: second.byteSwapped)
    }
}
