/// An immutable sequence of bytes, compared byte by byte: row keys, qualifiers and values.
///
/// Copies share storage. A string literal gives its UTF-8 bytes.
public struct Bytes: Hashable, Sendable {
    /// The bytes themselves.
    public let array: [UInt8]

    /// Takes the bytes of an array; no copy.
    @inlinable
    public init(_ array: [UInt8]) { self.array = array }

    /// Copies the bytes of a sequence.
    @inlinable
    public init(_ bytes: some Sequence<UInt8>) { self.array = Array(bytes) }

    /// The UTF-8 bytes of a string.
    @inlinable
    public init(_ string: String) { self.array = Array(string.utf8) }

    /// No bytes.
    public static let empty = Bytes([UInt8]())

    /// The number of bytes.
    @inlinable public var count: Int { array.count }

    /// Whether there are no bytes.
    @inlinable public var isEmpty: Bool { array.isEmpty }

    /// The bytes as text when they are valid UTF-8, else `nil`.
    public var string: String? { String(validating: array, as: UTF8.self) }

    /// The bytes as text; bytes outside printable ASCII are written `\xNN`, as the HBase shell does.
    public var description: String {
        if let text = string,
            !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
        {
            return text
        }
        var result = ""
        for byte in array {
            if byte >= 0x20, byte < 0x7f, byte != 0x5c {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "\\x" + Hex.encode([byte]).uppercased()
            }
        }
        return result
    }

    /// Whether the bytes begin with `prefix`.
    public func hasPrefix(_ prefix: Bytes) -> Bool {
        array.count >= prefix.array.count && array.prefix(prefix.array.count) == prefix.array[...]
    }

    /// The smallest key greater than every key that begins with these bytes; `nil` when there is none
    /// (all bytes are 0xFF, or there are no bytes).
    public var prefixSuccessor: Bytes? {
        var copy = array
        while let last = copy.last {
            if last < 0xff {
                copy[copy.count - 1] = last + 1
                return Bytes(copy)
            }
            copy.removeLast()
        }
        return nil
    }
}

extension Bytes: Comparable {
    /// Byte-wise order; a prefix sorts before what it is a prefix of.
    @inlinable
    public static func < (left: Bytes, right: Bytes) -> Bool {
        left.array.lexicographicallyPrecedes(right.array)
    }
}

extension Bytes: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The UTF-8 bytes of the literal.
    @inlinable
    public init(stringLiteral value: String) { self.init(value) }

    /// The bytes listed.
    @inlinable
    public init(arrayLiteral elements: UInt8...) { self.init(elements) }
}
