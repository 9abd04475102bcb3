import SiltBytes
import SiltModel

/// A filter's comparator made ready for many values.
enum ValueComparator {
    case binary([UInt8])
    case binaryPrefix([UInt8])
    case binaryComponent([UInt8], offset: Int)
    case bit([UInt8], FilterComparator.BitOperation)
    case null
    case pattern(TextPattern)
    case substring(SubstringSearch)
    case long(Int64)
    case decimal(ScaledDecimal)
    case number(ScaledDecimal)

    init(_ comparator: FilterComparator) throws(SiltstoneError) {
        switch comparator {
        case .binary(let bytes): self = .binary(bytes.array)
        case .binaryPrefix(let bytes): self = .binaryPrefix(bytes.array)
        case .binaryComponent(let bytes, let offset):
            guard offset >= 0 else {
                throw SiltstoneError(
                    .invalidArgument, "comparator has a negative offset offset=\(offset)")
            }
            self = .binaryComponent(bytes.array, offset: offset)
        case .bit(let bytes, let operation): self = .bit(bytes.array, operation)
        case .null: self = .null
        case .regex(let pattern, let ignoresCase):
            self = .pattern(try TextPattern(pattern, ignoresCase: ignoresCase))
        case .substring(let text): self = .substring(SubstringSearch(text))
        case .long(let number): self = .long(number)
        case .decimal(let text): self = .decimal(try ValueComparator.decimal(text))
        case .number(let text): self = .number(try ValueComparator.decimal(text))
        }
    }

    private static func decimal(_ text: String) throws(SiltstoneError) -> ScaledDecimal {
        guard let number = ScaledDecimal(text) else {
            throw SiltstoneError(
                .invalidArgument, "comparator is no decimal number text=\(text)")
        }
        return number
    }

    /// Whether a value stands so to the comparator; a value that cannot be compared never does.
    func holds(_ comparison: CompareOperator, _ value: Span<UInt8>) -> Bool {
        if comparison == .noOperation { return false }
        guard let order = order(of: value) else { return false }
        return comparison.holds(order)
    }

    /// Below 0 when the value sorts before the comparator, 0 when they are equal; `nil` when the value is of another kind.
    private func order(of value: Span<UInt8>) -> Int? {
        switch self {
        case .binary(let bytes): return ValueComparator.order(value, 0..<value.count, bytes)
        case .binaryPrefix(let bytes):
            return ValueComparator.order(value, 0..<min(value.count, bytes.count), bytes)
        case .binaryComponent(let bytes, let offset):
            let start = min(offset, value.count)
            return ValueComparator.order(
                value, start..<start + min(bytes.count, value.count - start), bytes)
        case .bit(let bytes, let operation):
            return ValueComparator.hasBit(value, bytes, operation) ? 0 : 1
        case .null: return 1
        case .pattern(let pattern): return pattern.isFound(in: value) ? 0 : 1
        case .substring(let search): return search.isFound(in: value) ? 0 : 1
        case .long(let number): return ValueComparator.order(value, number)
        case .decimal(let number):
            return ScaledDecimal(encoded: value).map { $0.order(number) }
        case .number(let number):
            return ScaledDecimal(digits: value).map { $0.order(number) }
        }
    }

    /// Byte order of a part of a value and bytes.
    private static func order(_ value: Span<UInt8>, _ range: Range<Int>, _ bytes: [UInt8]) -> Int {
        let count = min(range.count, bytes.count)
        for index in 0..<count {
            let one = value[range.lowerBound + index]
            if one != bytes[index] { return Int(one) - Int(bytes[index]) }
        }
        return range.count - bytes.count
    }

    private static func hasBit(
        _ value: Span<UInt8>, _ bytes: [UInt8], _ operation: FilterComparator.BitOperation
    ) -> Bool {
        guard value.count == bytes.count else { return false }
        for index in 0..<value.count {
            let joined =
                switch operation {
                case .and: value[index] & bytes[index]
                case .or: value[index] | bytes[index]
                case .xor: value[index] ^ bytes[index]
                }
            if joined != 0 { return true }
        }
        return false
    }

    /// The order of a big-endian two's complement number of any length and a number.
    private static func order(_ value: Span<UInt8>, _ number: Int64) -> Int {
        let (stored, isExact) = parsed(value)
        if !isExact { return stored < 0 ? -1 : 1 }
        return stored < number ? -1 : stored == number ? 0 : 1
    }

    /// A big-endian two's complement number of any length, or the nearest one of 64 bits.
    static func clamped(_ value: Span<UInt8>) -> Int64 { parsed(value).number }

    private static func parsed(_ value: Span<UInt8>) -> (number: Int64, isExact: Bool) {
        let isNegative = value.count > 0 && value[0] & 0x80 != 0
        let sign: UInt8 = isNegative ? 0xff : 0
        var start = 0
        // Bytes that only repeat the sign do not count.
        while value.count - start > 8, value[start] == sign { start += 1 }
        if value.count - start > 8 { return (isNegative ? .min : .max, false) }
        var bits: UInt64 = isNegative ? .max : 0
        for index in start..<value.count { bits = bits << 8 | UInt64(value[index]) }
        let stored = Int64(bitPattern: bits)
        // Eight bytes left after cutting signs may have lost theirs.
        if start > 0, (stored < 0) != isNegative { return (isNegative ? .min : .max, false) }
        return (stored, true)
    }
}
