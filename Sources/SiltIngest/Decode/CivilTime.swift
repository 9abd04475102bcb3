internal import SiltBytes

/// Dates and times of the Gregorian calendar in UTC, as milliseconds since 1970.
enum CivilTime {
    /// The fields of a date and time; `month` and `day` count from 1.
    struct Fields: Equatable {
        var year: Int64 = 1970
        var month: Int64 = 1
        var day: Int64 = 1
        var hour: Int64 = 0
        var minute: Int64 = 0
        var second: Int64 = 0
        var millisecond: Int64 = 0
        /// East of Greenwich.
        var zoneMinutes: Int64 = 0
    }

    /// Days since 1970-01-01 (Howard Hinnant's days_from_civil).
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func daysInMonth(year: Int64, month: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Milliseconds since 1970; `nil` when a field is out of its range.
    ///
    /// A leap second is the last millisecond of its minute.
    static func milliseconds(_ fields: Fields) -> Int64? {
        guard (-99_999_999...99_999_999).contains(fields.year), (1...12).contains(fields.month),
            fields.day >= 1,
            fields.day <= daysInMonth(year: fields.year, month: fields.month),
            (0...23).contains(fields.hour),
            (0...59).contains(fields.minute), (0...60).contains(fields.second),
            (-1439...1439).contains(fields.zoneMinutes)
        else { return nil }
        let isLeap = fields.second == 60
        let days = days(year: fields.year, month: fields.month, day: fields.day)
        let minutes = (days * 24 + fields.hour) * 60 + fields.minute - fields.zoneMinutes
        return minutes * 60_000 + (isLeap ? 59_999 : fields.second * 1000 + fields.millisecond)
    }

    /// Appends RFC 3339 in UTC, with milliseconds when they are not zero.
    static func append(_ milliseconds: Int64, to bytes: inout [UInt8]) {
        let day = floorDivide(milliseconds, 86_400_000)
        let rest = milliseconds &- day &* 86_400_000
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        if year < 0 { bytes.append(0x2d) }
        appendPadded(abs(year), 4, to: &bytes)
        bytes.append(0x2d)
        appendPadded(month, 2, to: &bytes)
        bytes.append(0x2d)
        appendPadded(dayOfYear - (153 * monthIndex + 2) / 5 + 1, 2, to: &bytes)
        bytes.append(0x54)
        appendPadded(rest / 3_600_000, 2, to: &bytes)
        bytes.append(0x3a)
        appendPadded(rest / 60_000 % 60, 2, to: &bytes)
        bytes.append(0x3a)
        appendPadded(rest / 1000 % 60, 2, to: &bytes)
        if rest % 1000 != 0 {
            bytes.append(0x2e)
            appendPadded(rest % 1000, 3, to: &bytes)
        }
        bytes.append(0x5a)
    }

    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func appendPadded(_ value: Int64, _ width: Int, to bytes: inout [UInt8]) {
        DecimalText.append(UInt64(value), width: width, to: &bytes)
    }
}
