import SiltModel

extension PatternParser {
    /// After a backslash: what stands for one character, in and out of brackets.
    mutating func escapedSet() throws(SiltstoneError) -> ScalarSet {
        guard let scalar = next, let letter = Unicode.Scalar(scalar) else {
            throw failure("a backslash at its end")
        }
        index += 1
        switch letter {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "h": return ScalarSet([0x09...0x09, 0x20...0x20, 0xa0...0xa0, 0x2000...0x200a])
        case "v": return ScalarSet.lineEnds.union(ScalarSet([0x0b...0x0c]))
        case "t": return ScalarSet(0x09)
        case "n": return ScalarSet(0x0a)
        case "r": return ScalarSet(0x0d)
        case "f": return ScalarSet(0x0c)
        case "a": return ScalarSet(0x07)
        case "e": return ScalarSet(0x1b)
        case "0": return ScalarSet(try code(digitCount: 1...3, base: 8))
        case "u": return ScalarSet(try code(digitCount: 4...4, base: 16))
        case "x":
            guard take("{") else { return ScalarSet(try code(digitCount: 2...2, base: 16)) }
            let value = try code(digitCount: 1...6, base: 16)
            guard take("}") else { throw failure("an unfinished character code") }
            return ScalarSet(value)
        case "p", "P":
            let found = try property()
            return letter == "P" ? found.inverted : found
        case "A"..."Z", "a"..."z", "1"..."9":
            index -= 1
            throw unsupported("\\\(letter)")
        default: return ScalarSet(scalar)
        }
    }

    private mutating func code(digitCount: ClosedRange<Int>, base: UInt32) throws(SiltstoneError)
        -> UInt32
    {
        var value: UInt32 = 0
        var count = 0
        while count < digitCount.upperBound, let scalar = next, let letter = Unicode.Scalar(scalar),
            let digit = Character(letter).hexDigitValue, digit < base
        {
            value = value * base + UInt32(digit)
            count += 1
            index += 1
        }
        guard count >= digitCount.lowerBound, value <= ScalarSet.last else {
            throw failure("a bad character code")
        }
        return value
    }

    /// After `\p`: `{Name}`.
    private mutating func property() throws(SiltstoneError) -> ScalarSet {
        guard take("{") else { throw unsupported("a Unicode property") }
        var name = ""
        while let scalar = next, ScalarSet.word.contains(scalar),
            let letter = Unicode.Scalar(scalar)
        {
            name.unicodeScalars.append(letter)
            index += 1
        }
        guard take("}"), let found = ScalarSet.named[name] else {
            throw unsupported("the property \(name)")
        }
        return found
    }

    /// After `[`: alternatives, ranges, classes inside, `&&` for what is in both, up to `]`.
    mutating func characterClass(depth: Int = 0) throws(SiltstoneError) -> ScalarSet {
        guard depth <= 20 else { throw failure("brackets nested too deeply") }
        let isInverted = take("^")
        var left: ScalarSet?
        var set = ScalarSet.empty
        var isEmpty = true
        while let scalar = next {
            if scalar == Scalar.closeBracket, !isEmpty || left != nil {
                index += 1
                if let left { set = left.intersection(set) }
                // Java ignores case before it inverts.
                if ignoresCase { set = set.ignoringCase }
                return isInverted ? set.inverted : set
            }
            if scalar == Scalar.ampersand, index + 1 < scalars.count,
                scalars[index + 1] == Scalar.ampersand
            {
                index += 2
                left = left.map { $0.intersection(set) } ?? set
                set = .empty
                isEmpty = true
                continue
            }
            isEmpty = false
            if take("[") {
                set = set.union(try characterClass(depth: depth + 1))
            } else {
                set = set.union(try classRange())
            }
        }
        throw failure("an unclosed [")
    }

    /// One character, or two with `-` between, or an escaped set.
    private mutating func classRange() throws(SiltstoneError) -> ScalarSet {
        let first = try classItem()
        guard next == Scalar.minus, index + 1 < scalars.count,
            scalars[index + 1] != Scalar.closeBracket, scalars[index + 1] != Scalar.bracket,
            let low = first.only
        else { return first }
        index += 1
        guard let high = try classItem().only, low <= high else {
            throw failure("a bad range of characters")
        }
        return ScalarSet([low...high])
    }

    private mutating func classItem() throws(SiltstoneError) -> ScalarSet {
        guard let scalar = next else { throw failure("an unclosed [") }
        index += 1
        return scalar == Scalar.backslash ? try escapedSet() : ScalarSet(scalar)
    }
}

extension ScalarSet {
    /// The one scalar of the set; `nil` when it has none or more.
    var only: UInt32? {
        ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
    }
}
