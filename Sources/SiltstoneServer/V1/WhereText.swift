import SiltBytes
import SiltModel

/// Parses the query's `where`: `cf:age >= 18 and (cf:city = 'Ulm' or cf:city is null)`.
///
/// A number compares numbers, a text bytes. A row that lacks a column passes no comparison of it, as in SQL; `row` is
/// the row's key.
struct WhereText {
    private static let depthMax = 64

    private let text: [UInt8]
    private var offset = 0
    /// The columns that are compared, which the read must see.
    private(set) var columns: [Column] = []

    private init(_ text: [UInt8]) { self.text = text }

    /// The filter that a text stands for, and the columns it looks at.
    static func parse(_ text: Bytes) throws(SiltstoneError) -> (filter: Filter, columns: [Column]) {
        var parser = WhereText(text.array)
        let filter = try parser.parseAny(depth: 0, isNegated: false)
        parser.skipSpace()
        guard parser.offset == parser.text.count else {
            throw parser.refuse("goes on where 'and', 'or' or its end should be")
        }
        return (filter, parser.columns)
    }

    private func refuse(_ reason: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "where \(reason) at=\(offset)")
    }

    // MARK: Operators; `not` is moved down to the comparisons

    private mutating func parseAny(depth: Int, isNegated: Bool) throws(SiltstoneError) -> Filter {
        var parts = [try parseAll(depth: depth, isNegated: isNegated)]
        while take(word: "or") { parts.append(try parseAll(depth: depth, isNegated: isNegated)) }
        if parts.count == 1 { return parts[0] }
        return isNegated ? .all(parts) : .any(parts)
    }

    private mutating func parseAll(depth: Int, isNegated: Bool) throws(SiltstoneError) -> Filter {
        var parts = [try parseOne(depth: depth, isNegated: isNegated)]
        while take(word: "and") { parts.append(try parseOne(depth: depth, isNegated: isNegated)) }
        if parts.count == 1 { return parts[0] }
        return isNegated ? .any(parts) : .all(parts)
    }

    private mutating func parseOne(depth: Int, isNegated: Bool) throws(SiltstoneError) -> Filter {
        guard depth < Self.depthMax else {
            throw refuse("is nested too deeply max=\(Self.depthMax)")
        }
        if take(word: "not") { return try parseOne(depth: depth + 1, isNegated: !isNegated) }
        if take(sign: "(") {
            let filter = try parseAny(depth: depth + 1, isNegated: isNegated)
            guard take(sign: ")") else { throw refuse("lacks a ')'") }
            return filter
        }
        return try parseComparison(isNegated: isNegated)
    }

    private mutating func parseComparison(isNegated: Bool) throws(SiltstoneError) -> Filter {
        let name = try parseName()
        guard let column = try column(name) else {
            let comparison = try parseOperator()
            guard case .binary(let key) = try parseValue() else {
                throw refuse("compares row with something else than a text")
            }
            return .row(isNegated ? Self.opposite(comparison) : comparison, .binary(key))
        }
        if !columns.contains(column) { columns.append(column) }
        if take(word: "is") {
            let isNull = take(word: "not") == isNegated
            guard take(word: "null") else { throw refuse("lacks 'null' after 'is'") }
            return Self.test(
                column, isNull ? .equal : .notEqual, .null, dropsIfMissing: !isNull)
        }
        let isNotIn = take(word: "not")
        if take(word: "in") {
            return try parseList(column, isNegated: isNegated != isNotIn)
        }
        if isNotIn { throw refuse("lacks 'in' after 'not'") }
        let comparison = try parseOperator()
        return Self.test(
            column, isNegated ? Self.opposite(comparison) : comparison, try parseValue())
    }

    private mutating func parseList(_ column: Column, isNegated: Bool) throws(SiltstoneError)
        -> Filter
    {
        guard take(sign: "(") else { throw refuse("lacks a '(' after 'in'") }
        var parts: [Filter] = []
        repeat {
            parts.append(Self.test(column, isNegated ? .notEqual : .equal, try parseValue()))
        } while take(sign: ",")
        guard take(sign: ")") else { throw refuse("lacks a ')'") }
        return isNegated ? .all(parts) : .any(parts)
    }

    private static func test(
        _ column: Column, _ comparison: CompareOperator, _ comparator: FilterComparator,
        dropsIfMissing: Bool = true
    ) -> Filter {
        .singleColumnValue(
            Filter.ColumnTest(
                family: Bytes(column.family), qualifier: column.qualifier, comparison, comparator),
            Filter.RowRule(dropsIfMissing: dropsIfMissing))
    }

    private static func opposite(_ comparison: CompareOperator) -> CompareOperator {
        switch comparison {
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .equal: .notEqual
        case .notEqual: .equal
        case .greaterOrEqual: .less
        case .greater: .lessOrEqual
        case .noOperation: .noOperation
        }
    }

    // MARK: Words

    /// The column of a name; `nil` for the row's key.
    private func column(_ name: [UInt8]) throws(SiltstoneError) -> Column? {
        if name.elementsEqual("row".utf8) { return nil }
        guard name.contains(UInt8(ascii: ":")) else {
            throw refuse("has a column that is not written family:qualifier")
        }
        return Column(parsing: name[...])
    }

    /// A column's name, in backquotes where it has other signs than letters, digits, `_`, `-`, `.` and `:`.
    private mutating func parseName() throws(SiltstoneError) -> [UInt8] {
        skipSpace()
        if offset < text.count, text[offset] == UInt8(ascii: "`") {
            return try parseQuoted(UInt8(ascii: "`"))
        }
        let start = offset
        while offset < text.count, Self.isNamePart(text[offset]) { offset += 1 }
        guard offset > start else { throw refuse("lacks a column") }
        return Array(text[start..<offset])
    }

    private mutating func parseOperator() throws(SiltstoneError) -> CompareOperator {
        let signs: [(String, CompareOperator)] = [
            ("<=", .lessOrEqual), (">=", .greaterOrEqual), ("<>", .notEqual), ("!=", .notEqual),
            ("==", .equal), ("<", .less), (">", .greater), ("=", .equal),
        ]
        for (sign, comparison) in signs where take(sign: sign) { return comparison }
        throw refuse("lacks a comparison")
    }

    private mutating func parseValue() throws(SiltstoneError) -> FilterComparator {
        skipSpace()
        guard offset < text.count else { throw refuse("ends where a value should be") }
        let first = text[offset]
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
            return .binary(Bytes(try parseQuoted(first)))
        }
        let start = offset
        while offset < text.count, Self.isNumberPart(text[offset]) { offset += 1 }
        let number = String(decoding: text[start..<offset], as: UTF8.self)
        guard let value = Double(number), value.isFinite else {
            offset = start
            throw refuse("has a value that is neither a number nor a text in quotes")
        }
        return .number(number)
    }

    /// A text between two equal signs; the sign itself is written twice.
    private mutating func parseQuoted(_ sign: UInt8) throws(SiltstoneError) -> [UInt8] {
        var result: [UInt8] = []
        offset += 1
        while offset < text.count {
            let byte = text[offset]
            offset += 1
            if byte == sign {
                guard offset < text.count, text[offset] == sign else { return result }
                offset += 1
            }
            result.append(byte)
        }
        throw refuse("lacks the end of a quoted text")
    }

    private mutating func take(word: String) -> Bool {
        skipSpace()
        let end = offset + word.utf8.count
        guard end <= text.count, end == text.count || !Self.isNamePart(text[end]),
            zip(text[offset..<end], word.utf8).allSatisfy({ $0 | 0x20 == $1 })
        else { return false }
        offset = end
        return true
    }

    private mutating func take(sign: String) -> Bool {
        skipSpace()
        guard text[offset...].starts(with: sign.utf8) else { return false }
        offset += sign.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while offset < text.count, text[offset] == 0x20 || (0x09...0x0d).contains(text[offset]) {
            offset += 1
        }
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte | 0x20) || (0x30...0x3a).contains(byte) || byte == 0x5f
            || byte == 0x2d || byte == 0x2e || byte >= 0x80
    }

    private static func isNumberPart(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == 0x2b || byte == 0x2d || byte == 0x2e
            || byte | 0x20 == 0x65
    }
}
