/// When clocks are set every year, as the `TZ` variable of POSIX says it: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct YearlyClockRule: Hashable, Sendable {
    /// A moment of a year.
    private enum Day: Hashable, Sendable {
        /// Day 1 to 365, never counting 29 February.
        case fixed(Int64)
        /// Day 0 to 365.
        case counted(Int64)
        /// A weekday (0 is Sunday) of a week (5 is the last) of a month.
        case weekday(month: Int64, week: Int64, day: Int64)
    }

    private struct Change: Hashable, Sendable {
        let day: Day
        let seconds: Int64
    }

    private var standardOffset = 0
    private var summerOffset = 0
    private var begin: Change?
    private var end: Change?

    /// The rule of a text; `nil` when it is none.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard YearlyClockRule.skipName(&rest),
            let standard = YearlyClockRule.seconds(&rest)
        else { return nil }
        standardOffset = Int(-standard)
        summerOffset = standardOffset
        if rest.isEmpty { return }
        guard YearlyClockRule.skipName(&rest) else { return nil }
        summerOffset = standardOffset + 3600
        if let first = rest.first, first != 0x2c {
            guard let summer = YearlyClockRule.seconds(&rest) else { return nil }
            summerOffset = Int(-summer)
        }
        guard let begin = YearlyClockRule.change(&rest), let end = YearlyClockRule.change(&rest)
        else { return nil }
        (self.begin, self.end) = (begin, end)
    }

    private static func skipName(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let old = rest.count
        if rest.first == 0x3c {
            guard let close = rest.firstIndex(of: 0x3e) else { return false }
            rest = rest[(close + 1)...]
        } else {
            rest = rest.drop { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a }
        }
        return rest.count < old
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        var value: Int64?
        while let digit = rest.first, digit >= 0x30, digit <= 0x39, (value ?? 0) < 100_000 {
            value = (value ?? 0) * 10 + Int64(digit - 0x30)
            rest.removeFirst()
        }
        return value
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func seconds(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        var sign: Int64 = 1
        if rest.first == 0x2d || rest.first == 0x2b { sign = rest.removeFirst() == 0x2d ? -1 : 1 }
        guard var total = number(&rest) else { return nil }
        total *= 3600
        var unit: Int64 = 60
        while rest.first == 0x3a {
            rest.removeFirst()
            guard let part = number(&rest) else { return nil }
            total += part * unit
            unit = 1
        }
        return sign * total
    }

    private static func change(_ rest: inout ArraySlice<UInt8>) -> Change? {
        guard rest.popFirst() == 0x2c else { return nil }
        let day: Day
        if rest.first == 0x4d {
            rest.removeFirst()
            guard let month = number(&rest), rest.popFirst() == 0x2e, let week = number(&rest),
                rest.popFirst() == 0x2e, let weekday = number(&rest), (1...12).contains(month),
                (1...5).contains(week), (0...6).contains(weekday)
            else { return nil }
            day = .weekday(month: month, week: week, day: weekday)
        } else if rest.first == 0x4a {
            rest.removeFirst()
            guard let number = number(&rest) else { return nil }
            day = .fixed(number)
        } else {
            guard let number = number(&rest) else { return nil }
            day = .counted(number)
        }
        guard rest.first == 0x2f else { return Change(day: day, seconds: 7200) }
        rest.removeFirst()
        return seconds(&rest).map { Change(day: day, seconds: $0) }
    }

    /// How many seconds clocks are ahead at a time in seconds since 1970.
    func offset(at seconds: Int64) -> Int {
        guard let begin, let end else { return standardOffset }
        let local = seconds + Int64(standardOffset)
        let month = CalendarRule.month(ofDay: CalendarRule.floor(local, 86_400))
        let year = CalendarRule.floor(month, 12)
        let from = YearlyClockRule.moment(begin, year) - Int64(standardOffset)
        let to = YearlyClockRule.moment(end, year) - Int64(summerOffset)
        let isSummer =
            from < to ? seconds >= from && seconds < to : seconds >= from || seconds < to
        return isSummer ? summerOffset : standardOffset
    }

    /// A change in a year, in seconds of the clocks before it.
    private static func moment(_ change: Change, _ year: Int64) -> Int64 {
        let first = CalendarRule.day(ofMonth: year * 12)
        let day: Int64
        switch change.day {
        case .counted(let number): day = first + number
        case .fixed(let number):
            let isLeap = CalendarRule.day(ofMonth: year * 12 + 12) - first == 366
            day = first + number - 1 + (isLeap && number >= 60 ? 1 : 0)
        case .weekday(let month, let week, let weekday):
            let start = CalendarRule.day(ofMonth: year * 12 + month - 1)
            let next = CalendarRule.day(ofMonth: year * 12 + month)
            // 1 January 1970 was a Thursday.
            let startWeekday = start + 4 - CalendarRule.floor(start + 4, 7) * 7
            var found = start + (weekday - startWeekday + 7) % 7 + (week - 1) * 7
            while found >= next { found -= 7 }
            day = found
        }
        return day * 86_400 + change.seconds
    }
}
