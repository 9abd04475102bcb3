/// Parses the expressions of job files.
///
/// From weakest to strongest: `or`, `and`, `not`, comparisons (with `is [not] null`, `[not] in (…)`, `[not] like`,
/// `[not] between … and …`), `+ - ||`, `* / %`, unary minus. Keywords are in any case.
struct ExpressionParser {
    private var tokens: [ExpressionToken]
    private var index = 0
    private var depth = 0

    /// Parses a whole text as one expression.
    static func parse(_ text: String) throws(ExpressionError) -> Expression {
        var parser = try ExpressionParser(text)
        let expression = try parser.expression()
        try parser.expectEnd()
        return expression
    }

    init(_ text: String) throws(ExpressionError) {
        var lexer = ExpressionLexer(text)
        tokens = try lexer.tokens()
    }

    var token: ExpressionToken { tokens[index] }
    var column: Int { tokens[index].column }

    /// The lower-case unquoted name at the current place, else `nil`.
    var keyword: String? {
        if case .name(let name, false) = token.kind { name.lowercased() } else { nil }
    }

    mutating func advance() { if index + 1 < tokens.count { index += 1 } }

    mutating func take(symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func take(keyword: String) -> Bool {
        guard self.keyword == keyword else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws(ExpressionError) {
        guard take(symbol: symbol) else {
            throw ExpressionError(
                column: column, message: "expected '\(symbol)' but found \(found)")
        }
    }

    func expectEnd() throws(ExpressionError) {
        guard token.kind == .end else {
            throw ExpressionError(column: column, message: "expected the end but found \(found)")
        }
    }

    var found: String {
        switch token.kind {
        case .name(let name, _): "'\(name)'"
        case .integer(let value): "'\(value)'"
        case .number(let value): "'\(value)'"
        case .string(let text): "the text '\(text)'"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end"
        }
    }

    mutating func expression() throws(ExpressionError) -> Expression {
        guard depth < 64 else {
            throw ExpressionError(column: column, message: "expression nests too deep limit=64")
        }
        depth += 1
        defer { depth -= 1 }
        var left = try conjunction()
        while keyword == "or" {
            let place = column
            advance()
            left = .binary(.or, left, try conjunction(), column: place)
        }
        return left
    }

    private mutating func conjunction() throws(ExpressionError) -> Expression {
        var left = try negation()
        while keyword == "and" {
            let place = column
            advance()
            left = .binary(.and, left, try negation(), column: place)
        }
        return left
    }

    private mutating func negation() throws(ExpressionError) -> Expression {
        guard keyword == "not" else { return try comparison() }
        let place = column
        advance()
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else {
            throw ExpressionError(column: place, message: "expression nests too deep limit=64")
        }
        return .unary(.not, try negation(), column: place)
    }

    private mutating func comparison() throws(ExpressionError) -> Expression {
        let left = try sum()
        let place = column
        if case .symbol(let symbol) = token.kind, let operation = Self.comparisons[symbol] {
            advance()
            return .binary(operation, left, try sum(), column: place)
        }
        if take(keyword: "is") {
            let isNegated = take(keyword: "not")
            guard take(keyword: "null") else {
                throw ExpressionError(column: column, message: "expected 'null' but found \(found)")
            }
            return .unary(isNegated ? .isNotNull : .isNull, left, column: place)
        }
        let isNegated = take(keyword: "not")
        let result: Expression
        if take(keyword: "in") {
            try expect(symbol: "(")
            var items = [left, try sum()]
            while take(symbol: ",") { items.append(try sum()) }
            try expect(symbol: ")")
            result = .call(.inList, items, column: place)
        } else if take(keyword: "like") {
            result = .binary(.like, left, try sum(), column: place)
        } else if take(keyword: "between") {
            let low = try sum()
            guard take(keyword: "and") else {
                throw ExpressionError(column: column, message: "expected 'and' but found \(found)")
            }
            let high = try sum()
            result = .binary(
                .and, .binary(.greaterOrEqual, left, low, column: place),
                .binary(.lessOrEqual, left, high, column: place), column: place)
        } else if isNegated {
            throw ExpressionError(
                column: column, message: "expected 'in', 'like' or 'between' but found \(found)")
        } else {
            return left
        }
        return isNegated ? .unary(.not, result, column: place) : result
    }

    private static let comparisons: [String: ExpressionOperation] = [
        "=": .equal, "==": .equal, "!=": .notEqual, "<>": .notEqual, "<": .less, "<=": .lessOrEqual,
        ">": .greater, ">=": .greaterOrEqual,
    ]

    private mutating func sum() throws(ExpressionError) -> Expression {
        var left = try product()
        while true {
            let place = column
            if take(symbol: "+") {
                left = .binary(.add, left, try product(), column: place)
            } else if take(symbol: "-") {
                left = .binary(.subtract, left, try product(), column: place)
            } else if take(symbol: "||") {
                left = .call(.concatenate, [left, try product()], column: place)
            } else {
                return left
            }
        }
    }

    private mutating func product() throws(ExpressionError) -> Expression {
        var left = try factor()
        while true {
            let place = column
            if take(symbol: "*") {
                left = .binary(.multiply, left, try factor(), column: place)
            } else if take(symbol: "/") {
                left = .binary(.divide, left, try factor(), column: place)
            } else if take(symbol: "%") {
                left = .binary(.remainder, left, try factor(), column: place)
            } else {
                return left
            }
        }
    }

    private mutating func factor() throws(ExpressionError) -> Expression {
        let place = column
        guard take(symbol: "-") else { return try primary() }
        switch token.kind {
        case .integer(let value):
            advance()
            return .literal(.integer(-value), column: place)
        case .number(let value):
            advance()
            return .literal(.number(-value), column: place)
        default:
            depth += 1
            defer { depth -= 1 }
            guard depth < 64 else {
                throw ExpressionError(column: place, message: "expression nests too deep limit=64")
            }
            return .unary(.negate, try factor(), column: place)
        }
    }

    private mutating func primary() throws(ExpressionError) -> Expression {
        let place = column
        switch token.kind {
        case .integer(let value):
            advance()
            return .literal(.integer(value), column: place)
        case .number(let value):
            advance()
            return .literal(.number(value), column: place)
        case .string(let text):
            advance()
            return .literal(.string(text), column: place)
        case .symbol("("):
            advance()
            let inner = try expression()
            try expect(symbol: ")")
            return inner
        case .name(let name, let isQuoted):
            return try named(name, isQuoted: isQuoted)
        default:
            throw ExpressionError(column: place, message: "expected a value but found \(found)")
        }
    }

    private static let reserved: Set<String> = [
        "and", "or", "not", "is", "in", "like", "between", "where",
    ]

    private mutating func named(_ name: String, isQuoted: Bool) throws(ExpressionError)
        -> Expression
    {
        let place = column
        let lower = name.lowercased()
        if !isQuoted {
            switch lower {
            case "null":
                advance()
                return .literal(.null, column: place)
            case "true", "false":
                advance()
                return .literal(.bool(lower == "true"), column: place)
            default:
                if Self.reserved.contains(lower) {
                    throw ExpressionError(
                        column: place, message: "expected a value but found '\(name)'")
                }
            }
        }
        advance()
        if !isQuoted, token.kind == .symbol("(") { return try call(lower, at: place) }
        return .field(try path(from: name), column: place)
    }

    private mutating func path(from name: String) throws(ExpressionError) -> [String] {
        var path = [name]
        while take(symbol: ".") {
            guard case .name(let next, _) = token.kind else {
                throw ExpressionError(
                    column: column, message: "expected a field name but found \(found)")
            }
            path.append(next)
            advance()
        }
        if token.kind == .symbol("[") {
            throw ExpressionError(column: column, message: "elements of arrays cannot be read yet")
        }
        return path
    }

    /// The arguments of a call, the current token being its opening parenthesis.
    mutating func arguments() throws(ExpressionError) -> [Expression] {
        try expect(symbol: "(")
        var arguments: [Expression] = []
        if take(symbol: ")") { return arguments }
        repeat { arguments.append(try expression()) } while take(symbol: ",")
        try expect(symbol: ")")
        return arguments
    }

    private mutating func call(_ name: String, at place: Int) throws(ExpressionError) -> Expression
    {
        guard let function = ExpressionOperation.function(name) else {
            throw ExpressionError(
                column: place,
                message:
                    "there is no function '\(name)'; there are \(ExpressionOperation.functionNames)"
            )
        }
        let arguments = try arguments()
        guard function.counts.contains(arguments.count) else {
            let counts = function.counts
            let wanted =
                counts.count == 1
                ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw ExpressionError(
                column: place, message: "\(name) takes \(wanted) arguments, not \(arguments.count)")
        }
        return .call(function.operation, arguments, column: place)
    }
}
