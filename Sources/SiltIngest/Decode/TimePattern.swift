/// A strptime pattern, or RFC 3339, that reads event times.
///
/// `%Y %m %d %H %I %M %S %p %y %j %e %b %B %a %A %f %z %Z %T %D %F %R %s %n %t %%`; `%f` is a fraction of a second of
/// 1 to 9 digits, `%z` is `Z`, `+hh:mm` or `+hhmm`, `%Z` is `UTC`, `GMT` or `Z`. White space matches any white space.
struct TimePattern: Hashable, Sendable {
    private enum Step: Hashable, Sendable {
        case byte(UInt8)
        case space
        case field(UInt8)
    }

    private let steps: [Step]

    /// Compiles a pattern; `nil` when it has a field that is not known.
    init?(_ pattern: String) {
        var steps: [Step] = []
        var bytes = Array(pattern.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == 0x20 || byte == 0x09 {
                steps.append(.space)
            } else if byte != 0x25 {
                steps.append(.byte(byte))
            } else {
                guard let field = bytes.popFirst() else { return nil }
                switch field {
                case UInt8(ascii: "T"): bytes = Array("%H:%M:%S".utf8)[...] + bytes
                case UInt8(ascii: "R"): bytes = Array("%H:%M".utf8)[...] + bytes
                case UInt8(ascii: "F"): bytes = Array("%Y-%m-%d".utf8)[...] + bytes
                case UInt8(ascii: "D"): bytes = Array("%m/%d/%y".utf8)[...] + bytes
                case UInt8(ascii: "n"), UInt8(ascii: "t"): steps.append(.space)
                case UInt8(ascii: "%"): steps.append(.byte(0x25))
                default:
                    guard "YmdHIMSpyjebhBaAfzZs".utf8.contains(field) else { return nil }
                    steps.append(.field(field))
                }
            }
        }
        self.steps = steps
    }

    /// Milliseconds since 1970; `nil` when the text does not fit the pattern.
    func milliseconds(_ bytes: [UInt8], _ range: Range<Int>) -> Int64? {
        var reader = TimeReader(bytes, range)
        for step in steps {
            switch step {
            case .byte(let byte): guard reader.take(byte) else { return nil }
            case .space: reader.skipSpace()
            case .field(let field): guard reader.read(field) else { return nil }
            }
        }
        return reader.isAtEnd ? reader.milliseconds : nil
    }

    /// Reads RFC 3339; a blank may stand for the T, seconds may be left out, and no zone is UTC.
    static func rfc3339(_ bytes: [UInt8], _ range: Range<Int>) -> Int64? {
        var reader = TimeReader(bytes, range)
        guard reader.read(UInt8(ascii: "Y")), reader.take(0x2d), reader.read(UInt8(ascii: "m")),
            reader.take(0x2d),
            reader.read(UInt8(ascii: "d"))
        else { return nil }
        if reader.isAtEnd { return reader.milliseconds }
        guard reader.take(0x54) || reader.take(0x74) || reader.take(0x20),
            reader.read(UInt8(ascii: "H")),
            reader.take(0x3a), reader.read(UInt8(ascii: "M"))
        else { return nil }
        if reader.take(0x3a) {
            guard reader.read(UInt8(ascii: "S")) else { return nil }
            if reader.take(0x2e) { guard reader.read(UInt8(ascii: "f")) else { return nil } }
        }
        if reader.isAtEnd { return reader.milliseconds }
        return reader.read(UInt8(ascii: "z")) && reader.isAtEnd ? reader.milliseconds : nil
    }
}

/// A cursor over the text of a time that collects its fields.
private struct TimeReader {
    private let bytes: [UInt8]
    private var index: Int
    private let end: Int
    private var fields = CivilTime.Fields()
    private var isAfternoon: Bool?
    private var dayOfYear: Int64?
    private var epochSeconds: Int64?

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { index == end }

    mutating func take(_ byte: UInt8) -> Bool {
        guard index < end, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    mutating func skipSpace() {
        while index < end, bytes[index] == 0x20 || (0x09...0x0d).contains(bytes[index]) {
            index += 1
        }
    }

    private mutating func number(_ counts: ClosedRange<Int>) -> Int64? {
        var value: Int64 = 0
        let start = index
        while index < end, index - start < counts.upperBound, bytes[index] &- 0x30 <= 9 {
            value = value * 10 + Int64(bytes[index] &- 0x30)
            index += 1
        }
        return index - start >= counts.lowerBound ? value : nil
    }

    private mutating func set(
        _ field: WritableKeyPath<CivilTime.Fields, Int64>, _ counts: ClosedRange<Int>
    ) -> Bool {
        guard let value = number(counts) else { return false }
        fields[keyPath: field] = value
        return true
    }

    mutating func read(_ field: UInt8) -> Bool {
        switch Character(Unicode.Scalar(field)) {
        case "Y":
            guard let value = number(4...4) else { return false }
            fields.year = value
            return true
        case "m": return set(\.month, 1...2)
        case "d": return set(\.day, 1...2)
        case "e":
            skipSpace()
            return set(\.day, 1...2)
        case "H", "I": return set(\.hour, 1...2)
        case "M": return set(\.minute, 1...2)
        case "S": return set(\.second, 1...2)
        case "y":
            guard let value = number(2...2) else { return false }
            fields.year = value < 69 ? 2000 + value : 1900 + value
            return true
        case "j":
            dayOfYear = number(1...3)
            return dayOfYear != nil
        case "s": return readEpoch()
        case "f": return readFraction()
        case "p": return readHalf()
        case "b", "h", "B": return readName(TimeReader.months) { $0.fields.month = $1 + 1 }
        case "a", "A": return readName(TimeReader.weekdays) { _, _ in }
        case "z": return readZone()
        default: return readZoneName()
        }
    }

    private mutating func readEpoch() -> Bool {
        let isNegative = take(0x2d)
        guard let value = number(1...15) else { return false }
        epochSeconds = isNegative ? -value : value
        return true
    }

    private mutating func readFraction() -> Bool {
        let start = index
        guard var value = number(1...9) else { return false }
        for _ in (index - start)..<9 { value *= 10 }
        fields.millisecond = value / 1_000_000
        while index < end, bytes[index] &- 0x30 <= 9 { index += 1 }
        return true
    }

    private mutating func readHalf() -> Bool {
        guard index + 2 <= end, bytes[index + 1] | 0x20 == UInt8(ascii: "m") else { return false }
        let letter = bytes[index] | 0x20
        guard letter == UInt8(ascii: "a") || letter == UInt8(ascii: "p") else { return false }
        isAfternoon = letter == UInt8(ascii: "p")
        index += 2
        return true
    }

    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september",
        "october", "november",
        "december",
    ].map { Array($0.utf8) }
    private static let weekdays = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ].map { Array($0.utf8) }

    private mutating func readName(_ names: [[UInt8]], _ use: (inout TimeReader, Int64) -> Void)
        -> Bool
    {
        let start = index
        while index < end, (bytes[index] | 0x20) &- 0x61 < 26 { index += 1 }
        let word = bytes[start..<index].map { $0 | 0x20 }
        guard
            let place = names.firstIndex(where: { $0 == word || $0.prefix(3).elementsEqual(word) })
        else {
            return false
        }
        use(&self, Int64(place))
        return true
    }

    private mutating func readZone() -> Bool {
        if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return true }
        let isWest = index < end && bytes[index] == 0x2d
        guard take(0x2b) || take(0x2d), let hours = number(2...2) else { return false }
        _ = take(0x3a)
        guard let minutes = number(2...2), hours < 24, minutes < 60 else { return false }
        fields.zoneMinutes = (isWest ? -1 : 1) * (hours * 60 + minutes)
        return true
    }

    private mutating func readZoneName() -> Bool {
        for name in ["UTC", "GMT", "Z"] where bytes[index..<end].starts(with: name.utf8) {
            index += name.utf8.count
            return true
        }
        return false
    }

    var milliseconds: Int64? {
        if let epochSeconds { return epochSeconds * 1000 + fields.millisecond }
        var fields = fields
        if let isAfternoon {
            guard (1...12).contains(fields.hour) else { return nil }
            fields.hour = fields.hour % 12 + (isAfternoon ? 12 : 0)
        }
        guard let dayOfYear else { return CivilTime.milliseconds(fields) }
        let isLeap = CivilTime.daysInMonth(year: fields.year, month: 2) == 29
        guard dayOfYear >= 1, dayOfYear <= (isLeap ? 366 : 365) else { return nil }
        fields.month = 1
        fields.day = 1
        return CivilTime.milliseconds(fields).map { $0 + (dayOfYear - 1) * 86_400_000 }
    }
}
