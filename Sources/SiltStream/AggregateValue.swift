/// The result of an aggregate, or one of its arguments.
public enum AggregateValue: Hashable, Sendable {
    /// Nothing: all arguments were null, or there were none.
    case null
    /// An exact integer.
    case int(Int64)
    /// A double.
    case double(Double)
    /// Bytes, usually UTF-8 text.
    case bytes([UInt8])
    /// The result cannot be given.
    case error(AggregateError)

    /// The value as the text of a cell, `nil` for null.
    ///
    /// Integers are exact, doubles in the shortest form that reads back the same (`nan`, `inf` and
    /// `-inf` otherwise), bytes as they are, errors `error:` and a name.
    public var text: [UInt8]? {
        switch self {
        case .null: nil
        case .int(let value): Array(String(value).utf8)
        case .double(let value): Array(value.description.utf8)
        case .bytes(let value): value
        case .error(let error): Array("error:\(error.rawValue)".utf8)
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
