public import SiltBytes

/// What a filter compares stored bytes with, with HBase's meanings.
public enum FilterComparator: Hashable, Sendable {
    /// How a bit comparator joins its bytes with the stored ones.
    public enum BitOperation: String, Hashable, Sendable, CaseIterable {
        /// Some bit is set in both.
        case and = "AND"
        /// Some bit is set in one of them.
        case or = "OR"
        /// Some bit is set in exactly one of them.
        case xor = "XOR"
    }

    /// The bytes themselves, in byte order.
    case binary(Bytes)
    /// As `binary`, looking at no more stored bytes than it has.
    case binaryPrefix(Bytes)
    /// As `binary`, looking at as many stored bytes as it has from an offset on.
    case binaryComponent(Bytes, offset: Int)
    /// Equal when the lengths are the same and the joined bytes are not all zero.
    case bit(Bytes, BitOperation)
    /// Equal only when there is no value at all, which no stored cell is.
    case null
    /// Equal when the pattern is found anywhere in the UTF-8 text; `.` matches line ends too.
    case regex(String, ignoresCase: Bool = false)
    /// Equal when the text occurs anywhere, whatever its case.
    case substring(String)
    /// A 64-bit big-endian two's complement number, compared as a number.
    case long(Int64)
    /// A decimal number, compared with HBase's encoding of one: a scale of 4 bytes, then the unscaled two's complement.
    case decimal(String)
    /// A decimal number, compared as a number with text such as `-12.5`; text that is no number is never equal, less or greater.
    case number(String)

    /// Whether the comparator only tells equal from different, so that only `=` and `!=` make sense.
    public var onlyFindsEquality: Bool {
        switch self {
        case .regex, .substring: true
        default: false
        }
    }
}
