internal import SiltBytes

/// The result of an aggregate, or one of its arguments.
///
/// Doubles are equal when their bits are: NaN equals itself and -0.0 differs from 0.0.
public enum AggregateValue: Hashable, Sendable {
    /// Nothing: all arguments were null, or there were none.
    case null
    /// An exact integer.
    case int(Int64)
    /// A double.
    case double(Double)
    /// Bytes, usually UTF-8 text.
    case bytes([UInt8])
    /// Several values.
    case list([AggregateValue])
    /// Several results, each under a name: a cell each.
    case entries([AggregateEntry])
    /// The result cannot be given.
    case error(AggregateError)

    /// The value as the text of a cell, `nil` for null.
    ///
    /// Integers are exact, doubles in the shortest form that reads back the same (`nan`, `inf` and
    /// `-inf` otherwise), bytes as they are, lists and entries as JSON, errors `error:` and a name.
    public var text: [UInt8]? {
        switch self {
        case .null: nil
        case .int(let value): Array(String(value).utf8)
        case .double(let value): Array(value.description.utf8)
        case .bytes(let value): value
        case .list(let values): Array("[\(values.map(\.json).joined(separator: ","))]".utf8)
        case .entries(let entries):
            Array(
                ("{"
                    + entries.map {
                        AggregateValue.bytes($0.name).json + ":" + $0.value.json
                    }.joined(separator: ",") + "}").utf8)
        case .error(let error): Array("error:\(error.rawValue)".utf8)
        }
    }

    /// Appends `text`, if there is one.
    package func appendText(to bytes: inout [UInt8]) {
        switch self {
        case .null: break
        case .int(let value): DecimalText.append(value, to: &bytes)
        case .double(let value):
            if !AggregateValue.appendShort(value, to: &bytes) {
                bytes.append(contentsOf: value.description.utf8)
            }
        default: bytes.append(contentsOf: text ?? [])
        }
    }

    /// Appends the description of a double that is a number of at most four decimals and 15 digits; `false` for others.
    ///
    /// No two numbers of so few digits are the same double, so these are the shortest that read back as it.
    private static func appendShort(_ value: Double, to bytes: inout [UInt8]) -> Bool {
        guard value.magnitude < 1e11, value.magnitude >= 1e-3 else { return false }
        let number = (value * 10_000).rounded()
        guard number / 10_000 == value else { return false }
        if value < 0 { bytes.append(0x2d) }
        let digits = UInt64(number.magnitude)
        DecimalText.append(digits / 10_000, width: 1, to: &bytes)
        bytes.append(0x2e)
        DecimalText.append(digits % 10_000, width: 4, to: &bytes)
        // One decimal stays, whatever it is.
        for _ in 0..<3 where bytes[bytes.count - 1] == 0x30 { bytes.removeLast() }
        return true
    }

    /// The value as JSON; what JSON cannot say is a text.
    private var json: String {
        switch self {
        case .null: return "null"
        case .int(let value): return String(value)
        case .double(let value) where value.isFinite: return value.description
        case .list, .entries: return String(decoding: text ?? [], as: UTF8.self)
        default:
            var quoted = "\""
            for scalar in String(decoding: text ?? [], as: UTF8.self).unicodeScalars {
                switch scalar {
                case "\"", "\\": quoted += "\\\(scalar)"
                case "\n": quoted += "\\n"
                case _ where scalar.value < 0x20:
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: quoted.unicodeScalars.append(scalar)
                }
            }
            return quoted + "\""
        }
    }
}

/// One of several results of an aggregate.
public struct AggregateEntry: Hashable, Sendable {
    /// What was counted.
    public let name: [UInt8]
    /// The result.
    public let value: AggregateValue
}

extension AggregateValue {
    /// Whether two values are the same to the bit.
    public static func == (left: AggregateValue, right: AggregateValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.int(let left), .int(let right)): left == right
        case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
        case (.bytes(let left), .bytes(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.entries(let left), .entries(let right)): left == right
        case (.error(let left), .error(let right)): left == right
        default: false
        }
    }

    /// Feeds the bits of the value.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .int(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value.bitPattern)
        case .bytes(let value): hasher.combine(value)
        case .list(let values): hasher.combine(values)
        case .entries(let entries): hasher.combine(entries)
        case .error(let error): hasher.combine(error)
        }
    }
}

/// Why an aggregate has no value.
public enum AggregateError: String, Hashable, Sendable {
    /// A sum of integers does not fit 64 bits.
    case integerOverflow = "integer_overflow"
    /// A sum or average met bytes that are no number.
    case notANumber = "not_a_number"
}
