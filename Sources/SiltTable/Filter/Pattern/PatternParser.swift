import SiltModel

/// Reads Java's regular expressions, as far as a search that never backtracks can evaluate them.
///
/// Not there: back references, looking ahead and behind, possessive and atomic groups, `\G`, `\R`, `\X`,
/// comments mode, and Unicode properties other than the POSIX classes.
struct PatternParser {
    private static let depthMax = 100
    private static let countMax = 1_000

    let scalars: [UInt32]
    var index = 0
    var ignoresCase: Bool
    private var dotMatchesLineEnds = true
    private var isMultiline = false
    private var depth = 0

    init(_ pattern: String, ignoresCase: Bool) {
        scalars = pattern.unicodeScalars.map(\.value)
        self.ignoresCase = ignoresCase
    }

    /// The whole pattern.
    mutating func parse() throws(SiltstoneError) -> PatternNode {
        let node = try alternatives()
        guard index == scalars.count else { throw failure("unmatched )") }
        return node
    }

    func failure(_ what: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "regular expression has \(what) position=\(index)")
    }

    func unsupported(_ what: String) -> SiltstoneError {
        failure("\(what), which is not supported")
    }

    var next: UInt32? { index < scalars.count ? scalars[index] : nil }

    mutating func take(_ character: Character) -> Bool {
        guard let scalar = character.unicodeScalars.first, next == scalar.value else {
            return false
        }
        index += 1
        return true
    }

    private mutating func alternatives() throws(SiltstoneError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= PatternParser.depthMax else { throw failure("groups nested too deeply") }
        // Flags set inside a group end with it.
        let flags = (ignoresCase, dotMatchesLineEnds, isMultiline)
        defer { (ignoresCase, dotMatchesLineEnds, isMultiline) = flags }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .either(branches)
    }

    private mutating func sequence() throws(SiltstoneError) -> PatternNode {
        var parts: [PatternNode] = []
        while let scalar = next, scalar != Scalar.bar, scalar != Scalar.close {
            if startsQuotation() {
                try quotation(&parts)
                continue
            }
            guard let atom = try atom() else { continue }
            parts.append(try quantified(atom))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    private func startsQuotation() -> Bool {
        index + 1 < scalars.count && scalars[index] == Scalar.backslash
            && scalars[index + 1] == Scalar.Q
    }

    /// `\Q…\E`: all characters stand for themselves.
    private mutating func quotation(_ parts: inout [PatternNode]) throws(SiltstoneError) {
        index += 2
        while index < scalars.count {
            if scalars[index] == Scalar.backslash, index + 1 < scalars.count,
                scalars[index + 1] == Scalar.E
            {
                index += 2
                if let last = parts.popLast() { parts.append(try quantified(last)) }
                return
            }
            parts.append(literal(scalars[index]))
            index += 1
        }
    }

    private func literal(_ scalar: UInt32) -> PatternNode { set(ScalarSet(scalar)) }

    private func set(_ set: ScalarSet) -> PatternNode {
        .set(ignoresCase ? set.ignoringCase : set)
    }

    /// One character, class, place or group; `nil` for what only sets flags.
    private mutating func atom() throws(SiltstoneError) -> PatternNode? {
        guard let scalar = next else { return .empty }
        switch scalar {
        case Scalar.open:
            index += 1
            return try group()
        case Scalar.bracket:
            index += 1
            return set(try characterClass())
        case Scalar.backslash:
            index += 1
            return try escape()
        case Scalar.dot:
            index += 1
            return .set(
                dotMatchesLineEnds ? ScalarSet([0...ScalarSet.last]) : ScalarSet.lineEnds.inverted)
        case Scalar.caret:
            index += 1
            return .place(isMultiline ? .lineStart : .start)
        case Scalar.dollar:
            index += 1
            return .place(isMultiline ? .lineEnd : .end)
        case Scalar.star, Scalar.plus, Scalar.question:
            throw failure("a repetition of nothing")
        case Scalar.brace: throw failure("a repetition of nothing")
        default:
            index += 1
            return literal(scalar)
        }
    }

    private static let places: [Unicode.Scalar: PatternNode.Place] = [
        "A": .start, "Z": .end, "z": .veryEnd, "b": .wordEdge, "B": .notWordEdge,
    ]

    private mutating func escape() throws(SiltstoneError) -> PatternNode {
        guard let scalar = next, let letter = Unicode.Scalar(scalar) else {
            throw failure("a backslash at its end")
        }
        switch letter {
        case "A", "Z", "z", "b", "B":
            index += 1
            return .place(PatternParser.places[letter] ?? .start)
        case "1"..."9", "k": throw unsupported("a back reference")
        case "G", "R", "X", "N": throw unsupported("\\\(letter)")
        default: return set(try escapedSet())
        }
    }

    /// After `(`.
    private mutating func group() throws(SiltstoneError) -> PatternNode? {
        let outer = (ignoresCase, dotMatchesLineEnds, isMultiline)
        if take("?") {
            if take("<") {
                if next == Scalar.equals || next == Scalar.exclamation {
                    throw unsupported("looking behind")
                }
                while let scalar = next, scalar != Scalar.greater {
                    guard ScalarSet.word.contains(scalar) else { throw failure("a bad group name") }
                    index += 1
                }
                guard take(">") else { throw failure("an unfinished group name") }
            } else if next == Scalar.equals || next == Scalar.exclamation {
                throw unsupported("looking ahead")
            } else if next == Scalar.greater {
                throw unsupported("an atomic group")
            } else if try flags() {
                return nil
            }
        }
        let node = try alternatives()
        guard take(")") else { throw failure("an unclosed (") }
        (ignoresCase, dotMatchesLineEnds, isMultiline) = outer
        return node
    }

    /// The flags after `(?`, up to the `)` or `:` that ends them.
    ///
    /// - Returns: whether they stood alone, as in `(?i)`; else the inside of a group follows.
    private mutating func flags() throws(SiltstoneError) -> Bool {
        var isOn = true
        while let scalar = next {
            index += 1
            switch scalar {
            case Scalar.i: ignoresCase = isOn
            case Scalar.s: dotMatchesLineEnds = isOn
            case Scalar.m: isMultiline = isOn
            case Scalar.minus: isOn = false
            case Scalar.close: return true
            case Scalar.colon: return false
            default:
                index -= 1
                throw unsupported("a flag")
            }
        }
        throw failure("an unclosed (")
    }

    /// An atom with the repetition that follows, of which Java takes one.
    private mutating func quantified(_ atom: PatternNode) throws(SiltstoneError) -> PatternNode {
        let bounds: (Int, Int?)
        switch next {
        case Scalar.star: bounds = (0, nil)
        case Scalar.plus: bounds = (1, nil)
        case Scalar.question: bounds = (0, 1)
        case Scalar.brace: bounds = (0, 0)
        default: return atom
        }
        let isCounted = next == Scalar.brace
        index += 1
        let (low, high) = isCounted ? try counts() : bounds
        // Lazy or not makes no difference to whether something is found.
        if !take("?"), next == Scalar.plus { throw unsupported("a possessive repetition") }
        return .repeated(atom, min: low, max: high)
    }

    /// After `{`: `n}`, `n,}` or `n,m}`.
    private mutating func counts() throws(SiltstoneError) -> (Int, Int?) {
        let low = try number()
        var high: Int? = low
        if take(",") { high = next == Scalar.closeBrace ? nil : try number() }
        guard take("}") else { throw failure("an unfinished repetition") }
        if let high, high < low { throw failure("a repetition that ends before it begins") }
        return (low, high)
    }

    private mutating func number() throws(SiltstoneError) -> Int {
        var value = 0
        let start = index
        while let scalar = next, ScalarSet.digits.contains(scalar) {
            value = value * 10 + Int(scalar - 0x30)
            guard value <= PatternParser.countMax else {
                throw failure("a repetition above \(PatternParser.countMax)")
            }
            index += 1
        }
        guard index > start else { throw failure("a repetition without a number") }
        return value
    }
}

/// The characters that mean something.
enum Scalar {
    static let open: UInt32 = 0x28
    static let close: UInt32 = 0x29
    static let star: UInt32 = 0x2a
    static let plus: UInt32 = 0x2b
    static let minus: UInt32 = 0x2d
    static let dot: UInt32 = 0x2e
    static let colon: UInt32 = 0x3a
    static let equals: UInt32 = 0x3d
    static let greater: UInt32 = 0x3e
    static let question: UInt32 = 0x3f
    static let exclamation: UInt32 = 0x21
    static let dollar: UInt32 = 0x24
    static let bracket: UInt32 = 0x5b
    static let backslash: UInt32 = 0x5c
    static let closeBracket: UInt32 = 0x5d
    static let caret: UInt32 = 0x5e
    static let brace: UInt32 = 0x7b
    static let bar: UInt32 = 0x7c
    static let closeBrace: UInt32 = 0x7d
    static let ampersand: UInt32 = 0x26
    static let E: UInt32 = 0x45
    static let Q: UInt32 = 0x51
    static let i: UInt32 = 0x69
    static let m: UInt32 = 0x6d
    static let s: UInt32 = 0x73
}
