/// A token of an expression and the column at which it begins, counted from 0.
struct ExpressionToken: Equatable {
    enum Kind: Equatable {
        /// A name; `isQuoted` when written in backticks or double quotes, and then never a keyword.
        case name(String, isQuoted: Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    let column: Int
}

/// What is wrong with an expression, and at which column, counted from 0.
struct ExpressionError: Error, Equatable {
    let column: Int
    let message: String
}

/// Cuts an expression into tokens.
struct ExpressionLexer {
    private let characters: [Character]
    private var index = 0

    init(_ text: String) { characters = Array(text) }

    mutating func tokens() throws(ExpressionError) -> [ExpressionToken] {
        var tokens: [ExpressionToken] = []
        while true {
            while index < characters.count, characters[index].isWhitespace { index += 1 }
            let column = index
            guard index < characters.count else {
                tokens.append(ExpressionToken(kind: .end, column: column))
                return tokens
            }
            tokens.append(ExpressionToken(kind: try kind(), column: column))
        }
    }

    private mutating func kind() throws(ExpressionError) -> ExpressionToken.Kind {
        let character = characters[index]
        if character == "'" { return .string(try quoted(by: "'")) }
        if character == "\"" || character == "`" {
            return .name(try quoted(by: character), isQuoted: true)
        }
        if character.isASCII, character.isNumber { return try number() }
        if character == "_" || character.isLetter {
            let start = index
            while index < characters.count, isNamePart(characters[index]) { index += 1 }
            return .name(String(characters[start..<index]), isQuoted: false)
        }
        for symbol in ["<=", ">=", "!=", "<>", "==", "||"] where matches(symbol) {
            index += 2
            return .symbol(symbol)
        }
        guard "=<>+-*/%(),.[]".contains(character) else {
            throw ExpressionError(column: index, message: "unexpected character '\(character)'")
        }
        index += 1
        return .symbol(String(character))
    }

    private func isNamePart(_ character: Character) -> Bool {
        character == "_" || character.isLetter || character.isNumber
    }

    private func matches(_ symbol: String) -> Bool {
        index + 1 < characters.count && String(characters[index...(index + 1)]) == symbol
    }

    private mutating func quoted(by quote: Character) throws(ExpressionError) -> String {
        let start = index
        index += 1
        var text = ""
        while index < characters.count {
            let character = characters[index]
            index += 1
            if character != quote {
                text.append(character)
            } else if index < characters.count, characters[index] == quote {
                text.append(quote)
                index += 1
            } else {
                return text
            }
        }
        throw ExpressionError(
            column: start, message: "the text that begins here has no closing \(quote)")
    }

    private mutating func number() throws(ExpressionError) -> ExpressionToken.Kind {
        let start = index
        func isDigit(_ index: Int) -> Bool {
            index < characters.count && characters[index].isASCII && characters[index].isNumber
        }
        while isDigit(index) { index += 1 }
        var isInteger = true
        if index < characters.count, characters[index] == ".", isDigit(index + 1) {
            isInteger = false
            index += 1
            while isDigit(index) { index += 1 }
        }
        if index < characters.count, characters[index] == "e" || characters[index] == "E" {
            var next = index + 1
            if next < characters.count, characters[next] == "+" || characters[next] == "-" {
                next += 1
            }
            if isDigit(next) {
                isInteger = false
                index = next
                while isDigit(index) { index += 1 }
            }
        }
        if index < characters.count, isNamePart(characters[index]) {
            throw ExpressionError(
                column: index, message: "number goes on with '\(characters[index])'")
        }
        let text = String(characters[start..<index])
        if isInteger {
            guard let value = Int64(text) else {
                throw ExpressionError(
                    column: start, message: "integer does not fit 64 bits value=\(text)")
            }
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite else {
            throw ExpressionError(column: start, message: "number is too large value=\(text)")
        }
        return .number(value)
    }
}
