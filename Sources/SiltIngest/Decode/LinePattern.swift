/// Lines of logs by a regular expression: what its named groups match are the fields.
///
/// The expression must match the whole line. A group that takes no part, matches nothing or matches one of the job's null
/// texts is null.
struct LinePattern {
    private let expression: Regex<AnyRegexOutput>
    private let groups: [(name: String, slot: Int)]
    private let nullTexts: Set<String>

    /// A reader of the groups whose paths are given, by slot; `nil` when the expression is none.
    init?(_ pattern: String, paths: [[String]], nullTexts: [String]) {
        guard let expression = LinePattern.compile(pattern) else { return nil }
        self.expression = expression
        self.nullTexts = Set(nullTexts)
        groups = paths.enumerated().map { ($1.joined(separator: "."), $0) }
    }

    private static func compile(_ pattern: String) -> Regex<AnyRegexOutput>? {
        try? Regex(pattern).matchingSemantics(.unicodeScalar)
    }

    /// Why a text is no such expression; `nil` when it is one.
    static func problem(_ pattern: String) -> String? {
        do {
            _ = try Regex(pattern)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The names of an expression's groups.
    static func groupNames(_ pattern: String) -> Set<String> {
        var names: Set<String> = []
        var rest = Substring(pattern)
        while let start = rest.range(of: "(?") {
            rest = rest[start...].dropFirst(2)
            if rest.first == "P" { rest = rest.dropFirst() }
            guard rest.first == "<", let end = rest.firstIndex(of: ">") else { continue }
            let name = rest[rest.index(after: rest.startIndex)..<end]
            if let first = name.first, first != "=", first != "!" { names.insert(String(name)) }
        }
        return names
    }

    /// Reads a line into the slots from `row` on; what is wrong with it, or `nil`.
    func read(_ bytes: [UInt8], _ line: Range<Int>, _ target: inout [Datum], _ row: Int) -> String?
    {
        guard let text = String(validating: bytes[line], as: UTF8.self) else {
            return "line is not UTF-8"
        }
        guard let match = try? expression.wholeMatch(in: text) else {
            return "line does not fit the pattern"
        }
        for (name, slot) in groups {
            guard let range = match.output[name]?.range, !range.isEmpty,
                !nullTexts.contains(String(text[range]))
            else {
                target[row + slot] = .null
                continue
            }
            let offset = text.utf8.distance(from: text.startIndex, to: range.lowerBound)
            let count = text.utf8.distance(from: range.lowerBound, to: range.upperBound)
            target[row + slot] = Datum(
                textAt: line.lowerBound + offset, count: count, tag: Datum.Tag.untyped)
        }
        return nil
    }
}

extension Substring {
    /// The place of the first occurrence of an ASCII text.
    fileprivate func range(of text: String) -> Index? {
        var place = startIndex
        while place < endIndex {
            if self[place...].hasPrefix(text) { return place }
            place = index(after: place)
        }
        return nil
    }
}
