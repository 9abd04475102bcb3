/// How a stored value must stand to a filter's comparator: the cell is kept when `cell operator comparator` holds.
public enum CompareOperator: UInt8, Hashable, Sendable, CaseIterable {
    /// The stored value sorts before.
    case less
    /// The stored value sorts before or is equal.
    case lessOrEqual
    /// They are equal, or the pattern is found.
    case equal
    /// They differ, or the pattern is not found.
    case notEqual
    /// The stored value sorts after or is equal.
    case greaterOrEqual
    /// The stored value sorts after.
    case greater
    /// Never holds.
    case noOperation

    /// HBase's name, such as `LESS_OR_EQUAL`.
    public var name: String {
        switch self {
        case .less: "LESS"
        case .lessOrEqual: "LESS_OR_EQUAL"
        case .equal: "EQUAL"
        case .notEqual: "NOT_EQUAL"
        case .greaterOrEqual: "GREATER_OR_EQUAL"
        case .greater: "GREATER"
        case .noOperation: "NO_OP"
        }
    }

    /// The sign in the filter language, such as `<=`; `nil` for `noOperation`.
    public var symbol: String? {
        switch self {
        case .less: "<"
        case .lessOrEqual: "<="
        case .equal: "="
        case .notEqual: "!="
        case .greaterOrEqual: ">="
        case .greater: ">"
        case .noOperation: nil
        }
    }

    /// The operator of HBase's name; `nil` when there is none.
    public init?(name: String) {
        guard let found = CompareOperator.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }

    /// The operator of a sign in the filter language; `nil` when there is none.
    public init?(symbol: String) {
        guard let found = CompareOperator.allCases.first(where: { $0.symbol == symbol }) else {
            return nil
        }
        self = found
    }

    /// Whether it holds of an order: below 0 when the stored value sorts before the comparator.
    @inlinable
    public func holds(_ order: Int) -> Bool {
        switch self {
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .equal: order == 0
        case .notEqual: order != 0
        case .greaterOrEqual: order >= 0
        case .greater: order > 0
        case .noOperation: false
        }
    }
}
