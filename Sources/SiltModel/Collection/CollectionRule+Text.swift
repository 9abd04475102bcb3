extension CollectionRule {
    /// Reads a rule: `maxversions=N`, `maxage=N` and a unit (`ms`, `s`, `m`, `h`, `d`), `and`, `or`, parentheses.
    ///
    /// `and` binds more closely than `or`.
    ///
    /// - Throws: `invalidArgument` naming the place of what is wrong.
    public init(parsing text: String) throws(SiltstoneError) {
        var parser = CollectionRuleParser(text)
        try self.init(try parser.read())
    }

    /// The rule as `init(parsing:)` reads it.
    public var text: String { Self.text(of: tree) }

    private static func text(of tree: Tree) -> String {
        switch tree {
        case .maxVersions(let count): "maxversions=\(count)"
        case .maxAge(let milliseconds): "maxage=\(duration(milliseconds))"
        case .union(let trees): trees.map { inner($0) }.joined(separator: " or ")
        case .intersection(let trees): trees.map { inner($0) }.joined(separator: " and ")
        }
    }

    private static func inner(_ tree: Tree) -> String {
        switch tree {
        case .maxVersions, .maxAge: text(of: tree)
        case .union, .intersection: "(\(text(of: tree)))"
        }
    }

    fileprivate static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    private static func duration(_ milliseconds: Int64) -> String {
        for unit in units.reversed() where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }
}

/// Reads the text of a collection rule.
private struct CollectionRuleParser {
    private let bytes: [UInt8]
    private var place = 0
    private var depth = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func read() throws(SiltstoneError) -> CollectionRule.Tree {
        let tree = try union()
        skipBlanks()
        guard place == bytes.count else { throw error("expected and, or, or the end") }
        return tree
    }

    private mutating func union() throws(SiltstoneError) -> CollectionRule.Tree {
        var trees = [try intersection()]
        while takes(word: "or") { trees.append(try intersection()) }
        return trees.count == 1 ? trees[0] : .union(trees)
    }

    private mutating func intersection() throws(SiltstoneError) -> CollectionRule.Tree {
        var trees = [try part()]
        while takes(word: "and") { trees.append(try part()) }
        return trees.count == 1 ? trees[0] : .intersection(trees)
    }

    private mutating func part() throws(SiltstoneError) -> CollectionRule.Tree {
        if takes("(") {
            depth += 1
            guard depth <= CollectionRule.depthMax else { throw error("too many parentheses") }
            let tree = try union()
            guard takes(")") else { throw error("expected )") }
            depth -= 1
            return tree
        }
        if takes(word: "maxversions") {
            guard takes("=") else { throw error("expected =") }
            guard let count = Int(exactly: try number()) else { throw error("number is too large") }
            return .maxVersions(count)
        }
        if takes(word: "maxage") {
            guard takes("=") else { throw error("expected =") }
            let count = try number()
            let start = place
            while place < bytes.count, Self.isLetter(bytes[place]) { place += 1 }
            let suffix = String(decoding: bytes[start..<place], as: UTF8.self).lowercased()
            guard let unit = CollectionRule.units.first(where: { $0.suffix == suffix }) else {
                throw error("expected a unit: ms, s, m, h or d")
            }
            let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
            guard !overflow else { throw error("age is too long") }
            return .maxAge(milliseconds: milliseconds)
        }
        throw error("expected maxversions, maxage or (")
    }

    private mutating func number() throws(SiltstoneError) -> Int64 {
        skipBlanks()
        let start = place
        while place < bytes.count, (0x30...0x39).contains(bytes[place]) { place += 1 }
        guard let number = Int64(String(decoding: bytes[start..<place], as: UTF8.self)) else {
            throw error("expected a number")
        }
        return number
    }

    private mutating func skipBlanks() {
        while place < bytes.count, bytes[place] == 0x20 || bytes[place] == 0x09 { place += 1 }
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard place < bytes.count, UInt32(bytes[place]) == character.value else { return false }
        place += 1
        return true
    }

    /// Takes a word, in either case.
    private mutating func takes(word: String) -> Bool {
        skipBlanks()
        var end = place
        while end < bytes.count, Self.isLetter(bytes[end]) { end += 1 }
        guard String(decoding: bytes[place..<end], as: UTF8.self).lowercased() == word else {
            return false
        }
        place = end
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    private func error(_ what: String) -> SiltstoneError {
        SiltstoneError(
            .invalidArgument,
            "collection rule is wrong: \(what) rule=\(String(decoding: bytes, as: UTF8.self)) offset=\(place)"
        )
    }
}
