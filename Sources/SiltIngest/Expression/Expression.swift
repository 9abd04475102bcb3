/// An expression as parsed: a tree.
///
/// `ExpressionProgram` is what runs.
indirect enum Expression: Equatable, Sendable {
    /// What a literal is.
    enum Literal: Equatable, Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
    }

    case literal(Literal, column: Int)
    case field([String], column: Int)
    case unary(ExpressionOperation, Expression, column: Int)
    case binary(ExpressionOperation, Expression, Expression, column: Int)
    case call(ExpressionOperation, [Expression], column: Int)

    /// Every field path that is read, each once.
    var fields: [[String]] {
        var result: [[String]] = []
        visitFields { path, _ in
            if !result.contains(path) { result.append(path) }
        }
        return result
    }

    /// Whether another expression says the same, wherever it stands.
    func isSame(as other: Expression) -> Bool {
        switch (self, other) {
        case (.literal(let one, _), .literal(let two, _)): one == two
        case (.field(let one, _), .field(let two, _)): one == two
        case (.unary(let operation, let one, _), .unary(let other, let two, _)):
            operation == other && one.isSame(as: two)
        case (
            .binary(let operation, let one, let right, _),
            .binary(let other, let two, let second, _)
        ):
            operation == other && one.isSame(as: two) && right.isSame(as: second)
        case (.call(let operation, let one, _), .call(let other, let two, _)):
            operation == other && one.count == two.count
                && zip(one, two).allSatisfy { $0.isSame(as: $1) }
        default: false
        }
    }

    /// Visits every field with its column.
    func visitFields(_ body: ([String], Int) -> Void) {
        switch self {
        case .literal: break
        case .field(let path, let column): body(path, column)
        case .unary(_, let operand, _): operand.visitFields(body)
        case .binary(_, let left, let right, _):
            left.visitFields(body)
            right.visitFields(body)
        case .call(_, let arguments, _):
            for argument in arguments { argument.visitFields(body) }
        }
    }
}

/// What a node of an expression does.
enum ExpressionOperation: UInt8 {
    case literal, field
    case and, or, not, negate, isNull, isNotNull
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case add, subtract, multiply, divide, remainder
    case inList, like, concatenate
    case lower, upper, trim, length, coalesce, abs, round, floor, ceil, substring, contains,
        startsWith, endsWith
    case condition, exists, number, text, nullIf

    /// A function of a name and how many arguments it takes; `nil` when there is none.
    static func function(_ name: String) -> (
        operation: ExpressionOperation, counts: ClosedRange<Int>
    )? {
        switch name {
        case "lower": (.lower, 1...1)
        case "upper": (.upper, 1...1)
        case "trim": (.trim, 1...1)
        case "length": (.length, 1...1)
        case "concat": (.concatenate, 1...64)
        case "coalesce": (.coalesce, 1...64)
        case "abs": (.abs, 1...1)
        case "round": (.round, 1...1)
        case "floor": (.floor, 1...1)
        case "ceil": (.ceil, 1...1)
        case "substr": (.substring, 2...3)
        case "contains": (.contains, 2...2)
        case "starts_with": (.startsWith, 2...2)
        case "ends_with": (.endsWith, 2...2)
        case "if": (.condition, 2...3)
        case "exists": (.exists, 1...1)
        case "number": (.number, 1...1)
        case "text": (.text, 1...1)
        case "nullif": (.nullIf, 2...2)
        default: nil
        }
    }

    /// The functions, for messages.
    static let functionNames =
        "lower, upper, trim, length, concat, coalesce, abs, round, floor, ceil, substr, contains, starts_with, "
        + "ends_with, if, exists, number, text, nullif"
}
