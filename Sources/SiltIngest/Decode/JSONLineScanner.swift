internal import CSiltstone

/// Scans one JSON object a line, strictly, and keeps only the wanted fields.
///
/// 1. Every loop stops at a newline, which no JSON token may hold; the buffer's last line ends with one, and at least 16
///    readable bytes follow it, so words of 8 bytes can be loaded anywhere within a line.
/// 2. Members usually come in the same order on every line: the name at each position is first compared with the one
///    seen there last (`MemberLayout`), and only looked up when it differs.
/// 3. The whole line is checked, also what is not wanted: syntax, escapes, UTF-8.
/// 4. Lines that are nothing but the known names with short numbers and plain text are read by a C function, many at a time
///    (`scanPlainLines`); it stops at the first that it does not know to be right.
@safe
struct JSONLineScanner {
    /// What is wrong with a line.
    enum Fault: String {
        case notObject = "line is not a JSON object"
        case name = "member name is not a string"
        case colon = "member has no ':'"
        case comma = "expected ',' or '}' after a member"
        case arrayComma = "expected ',' or ']' after an element"
        case value = "value is not a JSON value"
        case string = "string has no end"
        case control = "control character in a string"
        case escape = "unknown escape in a string"
        case surrogate = "surrogate without its other half in a string"
        case utf8 = "string is not UTF-8"
        case number = "number is not a JSON number"
        case depth = "value nests too deep"
        case rest = "text goes on after the object"
    }

    /// The place of a string's contents.
    struct StringRange {
        var start: Int
        var count: Int
        var hasEscapes: Bool
    }

    // Safety: the buffer outlives the scanner, which its maker uses only within `withUnsafeBufferPointer`; every read is at
    // or before the newline that ends the last line, or within the 16 bytes after it (fact 1).
    let bytes: UnsafePointer<UInt8>
    private let tree: FieldTree
    /// The next byte.
    var index: Int
    /// What was wrong with the last line that failed.
    private(set) var fault = Fault.value
    /// Unescaped text, to be placed in the buffer at `scratchStart`.
    private(set) var scratch: [UInt8] = []
    private let scratchStart: Int
    private var layout = MemberLayout()

    /// A scanner of a buffer that ends with a newline and 16 more bytes; `scratchStart` is its length.
    init(
        _ bytes: UnsafePointer<UInt8>, start: Int, scratchStart: Int, tree: FieldTree,
        layout: MemberLayout
    ) {
        unsafe self.bytes = bytes
        index = start
        self.scratchStart = scratchStart
        self.tree = tree
        self.layout = layout
    }

    /// The layout learned, to start the next block with.
    var learnedLayout: MemberLayout { layout }

    @inline(__always) var byte: UInt8 { unsafe bytes[index] }
    @inline(__always) private func at(_ place: Int) -> UInt8 { unsafe bytes[place] }
    @inline(__always) private func word(_ place: Int) -> UInt64 {
        unsafe UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self)
    }

    @inline(__always) mutating func skipSpace() {
        while byte == 0x20 || byte == 0x09 || byte == 0x0d { index &+= 1 }
    }

    @inline(never) private mutating func fail(_ fault: Fault) -> Bool {
        self.fault = fault
        return false
    }

    /// Moves to the newline at or after the current byte.
    mutating func skipToNewline() {
        while true {
            let word = word(index) ^ 0x0a0a_0a0a_0a0a_0a0a
            let hit = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if hit != 0 {
                index &+= hit.trailingZeroBitCount >> 3
                return
            }
            index &+= 8
        }
    }

    /// Scans the object that begins at the current byte into the slots from `row` on; ends at the line's newline.
    mutating func scanLine(_ slots: inout MutableSpan<Datum>, _ row: Int) -> Bool {
        guard byte == 0x7b else { return fail(.notObject) }
        index &+= 1
        skipSpace()
        if byte == 0x7d {
            index &+= 1
        } else {
            guard scanMembers(&slots, row) else { return false }
        }
        skipSpace()
        return byte == 0x0a ? true : fail(.rest)
    }

    private mutating func scanMembers(_ slots: inout MutableSpan<Datum>, _ row: Int) -> Bool {
        var position = 0
        while true {
            guard byte == 0x22 else { return fail(.name) }
            var node = -1
            var isDone = false
            if layout.matches(position, word(index &+ 1), word(index &+ 9)),
                at(index &+ 1 &+ layout.byteCount(position)) == 0x22
            {
                node = layout.node(position)
                let leaf = layout.leaf(position)
                index &+= layout.byteCount(position) &+ 2
                if leaf >= 0, byte == 0x3a, let value = scanPlain(at: index &+ 1) {
                    slots[row &+ leaf] = value
                    isDone = true
                }
            } else {
                guard let name = scanString() else { return false }
                node = lookUp(name, among: tree.roots)
                if !name.hasEscapes {
                    layout.learn(
                        position, word(name.start), word(name.start &+ 8), count: name.count,
                        node: node, leaf: tree.leaf(node))
                }
            }
            position &+= 1
            if !isDone {
                skipSpace()
                guard byte == 0x3a else { return fail(.colon) }
                index &+= 1
                skipSpace()
                guard scanValue(node, &slots, row, depth: 1) else { return false }
            }
            skipSpace()
            if byte == 0x2c {
                index &+= 1
                skipSpace()
            } else if byte == 0x7d {
                index &+= 1
                return true
            } else {
                return fail(.comma)
            }
        }
    }

    private mutating func lookUp(_ name: StringRange, among nodes: [Int]) -> Int {
        if name.hasEscapes {
            let plain = unescape(name)
            return nodes.first { tree.nodes[$0].name == plain } ?? -1
        }
        for node in nodes {
            let wanted = tree.nodes[node].name
            guard wanted.count == name.count else { continue }
            var place = 0
            while place < wanted.count, wanted[place] == at(name.start &+ place) { place &+= 1 }
            if place == wanted.count { return node }
        }
        return -1
    }

    /// Scans a value; `node` is what it is wanted for, or -1.
    private mutating func scanValue(
        _ node: Int, _ slots: inout MutableSpan<Datum>, _ row: Int, depth: Int
    )
        -> Bool
    {
        guard node >= 0 else { return skipValue(&slots, row, depth: depth) }
        let slot = tree.nodes[node].slot
        if !tree.nodes[node].children.isEmpty {
            for below in tree.nodes[node].slotsBelow { slots[row &+ below] = .missing }
            if byte == 0x7b {
                let start = index
                guard scanObject(tree.nodes[node].children, &slots, row, depth: depth) else {
                    return false
                }
                if slot >= 0 {
                    slots[row &+ slot] = Datum(
                        textAt: start, count: index &- start, tag: Datum.Tag.nested)
                }
                return true
            }
            if slot < 0 { return skipValue(&slots, row, depth: depth) }
        }
        switch byte {
        case 0x22:
            guard let string = scanString() else { return false }
            slots[row &+ slot] = text(string)
        case 0x7b, 0x5b:
            let start = index
            guard skipValue(&slots, row, depth: depth) else { return false }
            slots[row &+ slot] = Datum(textAt: start, count: index &- start, tag: Datum.Tag.nested)
        case 0x74, 0x66, 0x6e:
            guard let literal = scanLiteral() else { return false }
            slots[row &+ slot] = literal
        default:
            guard let number = scanNumber() else { return false }
            slots[row &+ slot] = number
        }
        return true
    }

    private mutating func scanObject(
        _ nodes: [Int], _ slots: inout MutableSpan<Datum>, _ row: Int, depth: Int
    )
        -> Bool
    {
        guard depth < 64 else { return fail(.depth) }
        index &+= 1
        skipSpace()
        if byte == 0x7d {
            index &+= 1
            return true
        }
        while true {
            guard byte == 0x22 else { return fail(.name) }
            guard let name = scanString() else { return false }
            let node = nodes.isEmpty ? -1 : lookUp(name, among: nodes)
            skipSpace()
            guard byte == 0x3a else { return fail(.colon) }
            index &+= 1
            skipSpace()
            guard scanValue(node, &slots, row, depth: depth &+ 1) else { return false }
            skipSpace()
            if byte == 0x2c {
                index &+= 1
                skipSpace()
            } else if byte == 0x7d {
                index &+= 1
                return true
            } else {
                return fail(.comma)
            }
        }
    }

    private mutating func skipValue(
        _ slots: inout MutableSpan<Datum>, _ row: Int, depth: Int
    ) -> Bool {
        switch byte {
        case 0x22: return scanString() != nil
        case 0x7b: return scanObject([], &slots, row, depth: depth)
        case 0x5b:
            guard depth < 64 else { return fail(.depth) }
            index &+= 1
            skipSpace()
            if byte == 0x5d {
                index &+= 1
                return true
            }
            while true {
                guard skipValue(&slots, row, depth: depth &+ 1) else { return false }
                skipSpace()
                if byte == 0x2c {
                    index &+= 1
                    skipSpace()
                } else if byte == 0x5d {
                    index &+= 1
                    return true
                } else {
                    return fail(.arrayComma)
                }
            }
        case 0x74, 0x66, 0x6e: return scanLiteral() != nil
        default: return scanNumber() != nil
        }
    }
}

// MARK: - Scalars

extension JSONLineScanner {
    /// Scans what most values are: ASCII without escapes, or a short number without sign and exponent.
    ///
    /// Moves behind it; gives `nil` and does not move for all others, also those that are no JSON.
    @inline(__always)
    private mutating func scanPlain(at place: Int) -> Datum? {
        if at(place) == 0x22 {
            var end = place &+ 1
            while true {
                let hit = JSONLineScanner.special(word(end))
                end &+= hit.trailingZeroBitCount >> 3
                if hit != 0 { break }
            }
            guard at(end) == 0x22 else { return nil }
            index = end &+ 1
            return Datum(textAt: place &+ 1, count: end &- place &- 1)
        }
        var end = place
        let hit = JSONLineScanner.beyondNumbers(word(end))
        end &+= hit.trailingZeroBitCount >> 3
        if hit == 0 {
            let hit = JSONLineScanner.beyondNumbers(word(end))
            guard hit != 0 else { return nil }
            end &+= hit.trailingZeroBitCount >> 3
        }
        // Zeros in front, a point at either end and exponents are for the careful way.
        let first = at(place)
        guard at(end) | 0x20 != 0x65, first != 0x2e, at(end &- 1) != 0x2e,
            first != 0x30 || end == place &+ 1 || at(place &+ 1) == 0x2e
        else { return nil }
        // Safety: the place is at or before the line's newline, which 16 bytes follow (fact 1).
        guard let number = unsafe PlainNumber.parse(bytes + place, count: end &- place) else {
            return nil
        }
        index = end
        return number
    }

    /// The high bits of a word's bytes that end plain text: quotes, backslashes, controls, bytes beyond ASCII.
    ///
    /// Those after the first may be wrong.
    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ 0x2222_2222_2222_2222
        let slash = word ^ 0x5c5c_5c5c_5c5c_5c5c
        let ones: UInt64 = 0x0101_0101_0101_0101
        let special =
            (quote &- ones) & ~quote | (slash &- ones) & ~slash
            | (word &- 0x2020_2020_2020_2020) & ~word | word
        return special & 0x8080_8080_8080_8080
    }

    /// The high bits of a word's bytes that are neither digits, points nor slashes, which lie between.
    @inline(__always)
    private static func beyondNumbers(_ word: UInt64) -> UInt64 {
        let below = ~((word | 0x8080_8080_8080_8080) &- 0x2e2e_2e2e_2e2e_2e2e)
        let above = (word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x4646_4646_4646_4646
        return (below | above | word) & 0x8080_8080_8080_8080
    }

    private mutating func scanLiteral() -> Datum? {
        let word = word(index)
        if word & 0xffff_ffff == 0x6c6c_756e {  // null
            index &+= 4
            return .null
        }
        if word & 0xffff_ffff == 0x6575_7274 {  // true
            index &+= 4
            return Datum(true)
        }
        if word & 0xff_ffff_ffff == 0x65_736c_6166 {  // false
            index &+= 5
            return Datum(false)
        }
        _ = fail(.value)
        return nil
    }

    /// Scans a string, the current byte being its opening quote; ends after its closing one.
    @inline(__always)
    private mutating func scanString() -> StringRange? {
        index &+= 1
        let start = index
        while true {
            let hit = JSONLineScanner.special(word(index))
            // Eight when there is none.
            index &+= hit.trailingZeroBitCount >> 3
            if hit == 0 { continue }
            if byte == 0x22 {
                index &+= 1
                return StringRange(start: start, count: index &- 1 &- start, hasEscapes: false)
            }
            return scanStringRest(from: start)
        }
    }

    /// The slow way: escapes, bytes beyond ASCII, faults.
    @inline(never)
    private mutating func scanStringRest(from start: Int) -> StringRange? {
        var hasEscapes = false
        while true {
            let next = byte
            if next == 0x22 {
                index &+= 1
                return StringRange(start: start, count: index &- 1 &- start, hasEscapes: hasEscapes)
            }
            if next == 0x5c {
                hasEscapes = true
                guard checkEscape() else { return nil }
            } else if next < 0x20 {
                _ = fail(next == 0x0a ? .string : .control)
                return nil
            } else if next < 0x80 {
                index &+= 1
            } else {
                guard checkSequence() else { return nil }
            }
        }
    }

    private mutating func checkEscape() -> Bool {
        switch at(index &+ 1) {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74:
            index &+= 2
            return true
        case 0x75:
            guard let first = hexadecimal(index &+ 2) else { return fail(.escape) }
            index &+= 6
            guard (0xd800..<0xe000).contains(first) else { return true }
            guard first < 0xdc00, byte == 0x5c, at(index &+ 1) == 0x75 else {
                return fail(.surrogate)
            }
            guard let second = hexadecimal(index &+ 2) else { return fail(.escape) }
            guard (0xdc00..<0xe000).contains(second) else { return fail(.surrogate) }
            index &+= 6
            return true
        default: return fail(.escape)
        }
    }

    /// Four hex digits; stops at the newline, so it never reads past it.
    private func hexadecimal(_ place: Int) -> UInt32? {
        var value: UInt32 = 0
        for offset in 0..<4 {
            let byte = at(place &+ offset)
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte &- 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte &- 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte &- 0x57)
            default: return nil
            }
        }
        return value
    }

    /// One UTF-8 sequence of two to four bytes.
    private mutating func checkSequence() -> Bool {
        guard let count = UTF8Check.sequenceCount(byte, at(index &+ 1)) else { return fail(.utf8) }
        if count > 2, at(index &+ 2) & 0xc0 != 0x80 { return fail(.utf8) }
        if count > 3, at(index &+ 3) & 0xc0 != 0x80 { return fail(.utf8) }
        index &+= count
        return true
    }

    @inline(__always)
    private mutating func text(_ string: StringRange) -> Datum {
        guard string.hasEscapes else { return Datum(textAt: string.start, count: string.count) }
        let plain = unescape(string)
        scratch.append(contentsOf: plain)
        return Datum(textAt: scratchStart + scratch.count - plain.count, count: plain.count)
    }

    /// The contents of a checked string without escapes.
    private func unescape(_ string: StringRange) -> [UInt8] {
        var result: [UInt8] = []
        var place = string.start
        let end = string.start + string.count
        while place < end {
            let byte = at(place)
            guard byte == 0x5c else {
                result.append(byte)
                place += 1
                continue
            }
            let code = at(place + 1)
            place += 2
            switch code {
            case 0x62: result.append(0x08)
            case 0x66: result.append(0x0c)
            case 0x6e: result.append(0x0a)
            case 0x72: result.append(0x0d)
            case 0x74: result.append(0x09)
            case 0x75:
                var value = hexadecimal(place) ?? 0
                place += 4
                if (0xd800..<0xdc00).contains(value) {
                    value =
                        0x10000 + (value - 0xd800) << 10
                        + ((hexadecimal(place + 2) ?? 0xdc00) - 0xdc00)
                    place += 6
                }
                if let scalar = Unicode.Scalar(value) {
                    result.append(contentsOf: UTF8.encode(scalar) ?? .init())
                }
            default: result.append(code)
            }
        }
        return result
    }

    /// Scans a number.
    ///
    /// One too large for its type is a failure as a value, not of the line.
    private mutating func scanNumber() -> Datum? {
        let start = index
        let isNegative = byte == 0x2d
        if isNegative { index &+= 1 }
        let first = index
        var mantissa: UInt64 = 0
        while true {
            let digit = byte &- 0x30
            if digit > 9 { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            index &+= 1
        }
        let digits = index &- first
        guard digits > 0 else {
            _ = fail(isNegative ? .number : .value)
            return nil
        }
        if digits > 1, at(first) == 0x30 {
            _ = fail(.number)
            return nil
        }
        if byte != 0x2e, byte | 0x20 != 0x65 {
            if digits > 18 { return slowNumber(from: start, isInteger: true) }
            return Datum(
                isNegative ? 0 &- Int64(bitPattern: mantissa) : Int64(bitPattern: mantissa))
        }
        var fraction = 0
        if byte == 0x2e {
            index &+= 1
            let point = index
            while true {
                let digit = byte &- 0x30
                if digit > 9 { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                index &+= 1
            }
            fraction = index &- point
            guard fraction > 0 else {
                _ = fail(.number)
                return nil
            }
        }
        if byte | 0x20 == 0x65 {
            index &+= 1
            if byte == 0x2b || byte == 0x2d { index &+= 1 }
            let exponent = index
            while byte &- 0x30 <= 9 { index &+= 1 }
            guard index > exponent else {
                _ = fail(.number)
                return nil
            }
            return slowNumber(from: start, isInteger: false)
        }
        if digits &+ fraction <= 18, mantissa <= 1 << 53 {
            let value = Double(mantissa) / NumberText.exactPowers[fraction]
            return Datum(isNegative ? -value : value)
        }
        return slowNumber(from: start, isInteger: false)
    }

    @inline(never)
    private func slowNumber(from start: Int, isInteger: Bool) -> Datum {
        // Safety: the range was just scanned, so it lies within the line.
        let text = unsafe String(
            decoding: UnsafeBufferPointer(start: bytes + start, count: index - start), as: UTF8.self
        )
        if isInteger {
            return Int64(text).map { Datum($0) } ?? Datum(.integerTooBig, at: 0)
        }
        guard let value = Double(text), value.isFinite else { return Datum(.numberTooBig, at: 0) }
        return Datum(value)
    }
}
