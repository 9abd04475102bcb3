/// Calendar windows: so many days, weeks, months or years of a time zone.
///
/// Windows of less than a day are always counted in elapsed time, so there are no hours here. A day
/// that begins in a gap of the clocks begins when the gap does; one that begins twice, the first
/// time.
public struct CalendarRule: Hashable, Sendable {
    /// What is counted.
    public enum Unit: String, Hashable, Sendable {
        case day, week, month, year
    }

    /// What is counted.
    public let unit: Unit
    /// How many make a window; they are counted from 1970, months and years from year 0.
    public let count: Int64
    /// Whose clocks.
    public let zone: TimeZoneRules
    /// The first day of a week, 1 for Monday to 7 for Sunday.
    public let firstWeekday: Int

    /// Windows of so many units.
    public init(
        _ unit: Unit, count: Int64 = 1, zone: TimeZoneRules = .utc, firstWeekday: Int = 1
    ) {
        self.unit = unit
        self.count = count
        self.zone = zone
        self.firstWeekday = min(7, max(1, firstWeekday))
    }

    /// The rule in words that never change.
    var formatText: String { "\(unit.rawValue) \(count) \(zone.name) \(firstWeekday)" }

    /// Start and end of the window that holds a time.
    public func bounds(of timestamp: Int64) -> (start: Int64, end: Int64) {
        let index = index(of: timestamp)
        return (start(of: index), start(of: index + 1))
    }

    private static let dayMilliseconds: Int64 = 86_400_000

    /// The index of the window that holds a time.
    func index(of timestamp: Int64) -> Int64 {
        let seconds = CalendarRule.floor(timestamp, 1000)
        let local = saturatingSum(timestamp, Int64(zone.offset(at: seconds)) * 1000)
        var index = index(ofDay: CalendarRule.floor(local, CalendarRule.dayMilliseconds))
        // Clocks set back over midnight show a day again that has ended.
        while start(of: index) > timestamp { index -= 1 }
        while start(of: index + 1) <= timestamp, start(of: index + 1) < .max { index += 1 }
        return index
    }

    private func index(ofDay day: Int64) -> Int64 {
        switch unit {
        case .day: CalendarRule.floor(day, count)
        case .week:
            CalendarRule.floor(CalendarRule.floor(day + weekShift, 7), count)
        case .month: CalendarRule.floor(CalendarRule.month(ofDay: day), count)
        case .year:
            CalendarRule.floor(CalendarRule.floor(CalendarRule.month(ofDay: day), 12), count)
        }
    }

    /// Days from the first day of a week to the Thursday that 1970 began with.
    private var weekShift: Int64 { Int64((4 - firstWeekday + 7) % 7) }

    /// The first millisecond of a window, within 64 bits.
    func start(of index: Int64) -> Int64 {
        let (units, overflow) = index.multipliedReportingOverflow(by: count)
        guard !overflow, units.magnitude < 1 << 38 else { return index < 0 ? .min : .max }
        let day: Int64
        switch unit {
        case .day: day = units
        case .week: day = units * 7 - weekShift
        case .month: day = CalendarRule.day(ofMonth: units)
        case .year: day = CalendarRule.day(ofMonth: units * 12)
        }
        let seconds = day.multipliedReportingOverflow(by: 86_400)
        guard !seconds.overflow, seconds.partialValue.magnitude < 1 << 53 else {
            return day < 0 ? .min : .max
        }
        let instant = zone.instant(ofLocal: seconds.partialValue)
        let (start, isPast) = instant.multipliedReportingOverflow(by: 1000)
        return isPast ? (day < 0 ? .min : .max) : start
    }

    // MARK: Civil days

    /// Months from the year 0 to a day counted from 1970.
    static func month(ofDay day: Int64) -> Int64 {
        let shifted = day + 719_468
        let era = floor(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        return (yearOfEra + era * 400) * 12 + monthFromMarch + 2
    }

    /// The first day, counted from 1970, of a month counted from the year 0.
    static func day(ofMonth month: Int64) -> Int64 {
        let fromMarch = month - 2
        let year = floor(fromMarch, 12)
        let era = floor(year, 400)
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (fromMarch - year * 12) + 2) / 5
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The quotient rounded down, for a positive divisor.
    static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
}
