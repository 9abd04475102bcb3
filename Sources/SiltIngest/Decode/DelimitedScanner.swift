/// A cursor over delimited fields.
struct DelimitedScanner {
    /// What became of a record.
    enum Outcome: Equatable {
        case record(count: Int, hasHighBytes: Bool)
        /// The block ends within it.
        case incomplete
        case textAfterQuote
        /// The input ends within a quoted field.
        case openQuote
    }

    /// A field: where its text is, and whether the record ends with it.
    struct Field {
        let range: Range<Int>
        /// Whether the text is in `scratch` (it had doubled quotes).
        let isScratch: Bool
        let endsRecord: Bool
    }

    /// The next byte.
    var index: Int
    /// One past the last byte of the block.
    let end: Int
    let delimiter: UInt8
    /// Texts without their doubled quotes; placed in the buffer at `scratchStart`.
    var scratch: [UInt8] = []
    let scratchStart: Int
    /// One past the last byte of the record that ended last, without its line end.
    var recordEnd = 0
    /// The bits of all bytes seen since it was last cleared.
    var highBits: UInt8 = 0
    /// Why the last field was none.
    private(set) var problem = Outcome.incomplete

    init(index: Int, end: Int, delimiter: UInt8, scratchStart: Int) {
        self.index = index
        self.end = end
        self.delimiter = delimiter
        self.scratchStart = scratchStart
    }

    /// Takes an empty line when one is next.
    mutating func skipBlankLine(_ bytes: [UInt8]) -> Bool {
        if bytes[index] == 0x0a {
            index += 1
            return true
        }
        guard bytes[index] == 0x0d, index + 1 < end, bytes[index + 1] == 0x0a else { return false }
        index += 2
        return true
    }

    /// Whether a line ends within the block at or after a place.
    func hasNewline(_ bytes: [UInt8], from place: Int) -> Bool {
        bytes[place..<end].contains(0x0a)
    }

    /// Moves past the end of the current line.
    mutating func skipLine(_ bytes: [UInt8]) {
        let start = index
        while index < end, bytes[index] != 0x0a { index += 1 }
        recordEnd = index
        if recordEnd > start, bytes[recordEnd - 1] == 0x0d { recordEnd -= 1 }
        if index < end { index += 1 }
    }

    /// Takes the next field and what ends it; `nil` with a `problem`.
    ///
    /// The end of final input ends a record.
    @inline(__always)
    mutating func scanField(_ bytes: [UInt8], isFinal: Bool) -> Field? {
        let start = index
        if start < end, bytes[start] == 0x22 { return scanQuoted(bytes, isFinal: isFinal) }
        var place = start
        var bits = highBits
        let end = self.end
        let delimiter = self.delimiter
        while place < end {
            let byte = bytes[place]
            if byte == delimiter || byte == 0x0a { break }
            bits |= byte
            place &+= 1
        }
        highBits = bits
        if place == end {
            guard isFinal else {
                problem = .incomplete
                return nil
            }
            index = end
            recordEnd = end
            return Field(range: start..<end, isScratch: false, endsRecord: true)
        }
        index = place &+ 1
        if bytes[place] == delimiter {
            return Field(range: start..<place, isScratch: false, endsRecord: false)
        }
        let last = place > start && bytes[place &- 1] == 0x0d ? place &- 1 : place
        recordEnd = last
        return Field(range: start..<last, isScratch: false, endsRecord: true)
    }

    @inline(never)
    private mutating func scanQuoted(_ bytes: [UInt8], isFinal: Bool) -> Field? {
        let start = index + 1
        var place = start
        var scratchFrom = -1
        while true {
            guard place < end else {
                problem = isFinal ? .openQuote : .incomplete
                return nil
            }
            let byte = bytes[place]
            if byte != 0x22 {
                highBits |= byte
                if scratchFrom >= 0 { scratch.append(byte) }
                place += 1
            } else if place + 1 < end, bytes[place + 1] == 0x22 {
                if scratchFrom < 0 {
                    scratchFrom = scratch.count
                    scratch.append(contentsOf: bytes[start..<place])
                }
                scratch.append(0x22)
                place += 2
            } else {
                break
            }
        }
        let range = scratchFrom >= 0 ? scratchFrom..<scratch.count : start..<place
        let isScratch = scratchFrom >= 0
        var next = place + 1
        if next < end, bytes[next] == delimiter {
            index = next + 1
            return Field(range: range, isScratch: isScratch, endsRecord: false)
        }
        recordEnd = next
        if next < end, bytes[next] == 0x0d { next += 1 }
        if next < end, bytes[next] == 0x0a {
            index = next + 1
            return Field(range: range, isScratch: isScratch, endsRecord: true)
        }
        guard next == end else {
            problem = .textAfterQuote
            return nil
        }
        guard isFinal else {
            problem = .incomplete
            return nil
        }
        index = end
        return Field(range: range, isScratch: isScratch, endsRecord: true)
    }

    /// Whether a range of bytes is UTF-8.
    static func isUTF8(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        String(validating: bytes[range], as: UTF8.self) != nil
    }
}
