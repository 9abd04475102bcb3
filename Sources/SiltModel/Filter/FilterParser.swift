import SiltBytes

/// Parses HBase's filter language: `PrefixFilter('a') AND (RowFilter(=, 'substring:b') OR SKIP ValueFilter(!=, 'binary:0'))`.
///
/// `SKIP` and `WHILE` bind tighter than `AND`, and `AND` tighter than `OR`.
struct FilterParser {
    /// The deepest nesting of parentheses and of `SKIP` and `WHILE`.
    private static let depthMax = 64

    let text: [UInt8]
    var offset = 0

    init(_ text: [UInt8]) { self.text = text }

    /// The filter that the whole text is.
    mutating func parse() throws(SiltstoneError) -> Filter {
        let filter = try parseAny(depth: 0)
        skipSpace()
        guard offset == text.count else {
            throw text[offset] == UInt8(ascii: ")")
                ? refuse("has a ')' without its '('")
                : refuse("goes on where AND, OR or its end should be")
        }
        return filter
    }

    func refuse(_ reason: String, at place: Int? = nil) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "filter \(reason) at=\(place ?? offset)")
    }

    mutating func skipSpace() {
        while offset < text.count, isSpace(text[offset]) { offset += 1 }
    }

    func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
            || byte == UInt8(ascii: "\r")
    }

    // MARK: Operators

    private mutating func parseAny(depth: Int) throws(SiltstoneError) -> Filter {
        var parts = [try parseAll(depth: depth)]
        while takeBetween("OR") { parts.append(try parseAll(depth: depth)) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func parseAll(depth: Int) throws(SiltstoneError) -> Filter {
        var parts = [try parseOne(depth: depth)]
        while takeBetween("AND") { parts.append(try parseOne(depth: depth)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func parseOne(depth: Int) throws(SiltstoneError) -> Filter {
        skipSpace()
        guard depth <= Self.depthMax else {
            throw refuse("is nested too deeply max=\(Self.depthMax)")
        }
        guard offset < text.count else { throw refuse("ends where a filter should be") }
        if takeKeyword("SKIP") { return .skip(try parseOne(depth: depth + 1)) }
        if takeKeyword("WHILE") { return .whileMatch(try parseOne(depth: depth + 1)) }
        guard text[offset] == UInt8(ascii: "(") else { return try parseSimple() }
        let open = offset
        offset += 1
        let inner = try parseAny(depth: depth + 1)
        skipSpace()
        guard offset < text.count, text[offset] == UInt8(ascii: ")") else {
            throw refuse("has a '(' without its ')'", at: open)
        }
        offset += 1
        return inner
    }

    /// `AND` or `OR`, with a space or a parenthesis on both sides.
    private mutating func takeBetween(_ word: StaticString) -> Bool {
        let start = offset
        skipSpace()
        let isApart = offset > start || (start > 0 && text[start - 1] == UInt8(ascii: ")"))
        guard isApart, takeKeyword(word) else {
            offset = start
            return false
        }
        return true
    }

    /// A word in capitals with a space or `(` after it.
    private mutating func takeKeyword(_ word: StaticString) -> Bool {
        let bytes = Array(word.description.utf8)
        let end = offset + bytes.count
        guard end < text.count, text[offset..<end].elementsEqual(bytes),
            isSpace(text[end]) || text[end] == UInt8(ascii: "(")
        else { return false }
        offset = end
        return true
    }

    // MARK: Simple filters

    private mutating func parseSimple() throws(SiltstoneError) -> Filter {
        let start = offset
        while offset < text.count, isNameByte(text[offset]) { offset += 1 }
        guard offset > start else { throw refuse("has no name where one should be") }
        let name = String(decoding: text[start..<offset], as: UTF8.self)
        skipSpace()
        guard offset < text.count, text[offset] == UInt8(ascii: "(") else {
            throw refuse("has no '(' after the name \(name)")
        }
        offset += 1
        return try FilterArguments(name: name, start: start, list: try parseArguments(of: name))
            .filter()
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "'"), UInt8(ascii: ","): false
        default: !isSpace(byte)
        }
    }

    private mutating func parseArguments(of name: String)
        throws(SiltstoneError) -> [FilterArguments.Argument]
    {
        var list: [FilterArguments.Argument] = []
        skipSpace()
        if offset < text.count, text[offset] == UInt8(ascii: ")") {
            offset += 1
            return list
        }
        while true {
            skipSpace()
            list.append(try parseArgument())
            skipSpace()
            guard offset < text.count else { throw refuse("ends within the arguments of \(name)") }
            let byte = text[offset]
            guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: ")") else {
                throw refuse("has no ',' or ')' after an argument of \(name)")
            }
            offset += 1
            if byte == UInt8(ascii: ")") { return list }
        }
    }

    private mutating func parseArgument() throws(SiltstoneError) -> FilterArguments.Argument {
        let start = offset
        guard offset < text.count else { throw refuse("ends where an argument should be") }
        if text[offset] == UInt8(ascii: "'") {
            return .init(text: try parseQuoted(), isQuoted: true, place: start)
        }
        while offset < text.count, isNameByte(text[offset]) { offset += 1 }
        guard offset > start else { throw refuse("has no argument where one should be") }
        return .init(text: Array(text[start..<offset]), isQuoted: false, place: start)
    }

    /// Bytes between single quotes; two quotes stand for one.
    private mutating func parseQuoted() throws(SiltstoneError) -> [UInt8] {
        let open = offset
        let quote = UInt8(ascii: "'")
        offset += 1
        var bytes: [UInt8] = []
        while offset < text.count {
            if text[offset] == quote {
                guard offset + 1 < text.count, text[offset + 1] == quote else {
                    offset += 1
                    return bytes
                }
                offset += 1
            }
            bytes.append(text[offset])
            offset += 1
        }
        throw refuse("has a quote that is not closed", at: open)
    }
}
