internal import SiltStream

/// Numbers and times as a report's reader wants them.
enum ReportText {
    /// A number with separators between thousands and as many decimals as matter.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "−∞" : "∞" }
        let size = abs(value)
        if size >= 1e15 || size > 0 && size < 0.0005 { return scientific(value) }
        if value == value.rounded() || size >= 1000 { return fixed(value, 0) }
        if size >= 10 { return fixed(value, 1) }
        return fixed(value, size >= 0.1 ? 2 : 4)
    }

    /// A number with so many decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e18 else { return scientific(value) }
        let digits = String(Int64(scaled))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        var whole = padded.dropLast(decimals)
        var groups: [Substring] = []
        while whole.count > 3 {
            groups.insert(whole.suffix(3), at: 0)
            whole = whole.dropLast(3)
        }
        groups.insert(whole, at: 0)
        let text =
            groups.joined(separator: ",") + (decimals > 0 ? "." + padded.suffix(decimals) : "")
        return value < 0 && scaled > 0 ? "−" + text : text
    }

    private static func scientific(_ value: Double) -> String {
        var (size, exponent) = (abs(value), 0)
        while size >= 10 {
            size /= 10
            exponent += 1
        }
        while size < 1 {
            size *= 10
            exponent -= 1
        }
        return (value < 0 ? "−" : "") + fixed(size, 2) + "e\(exponent)"
    }

    /// A number as a label of an axis whose steps are so wide: `1.5 M`, `20 k`.
    static func label(_ value: Double, step: Double) -> String {
        for (unit, name, least) in [
            (1e12, " T", 2e11), (1e9, " G", 2e8), (1e6, " M", 2e5), (1e3, " k", 1e3),
        ] where abs(value) >= unit && step >= least {
            return fixed(value / unit, decimals(step / unit)) + name
        }
        if step < 1e-6 { return number(value) }
        return fixed(value, decimals(step))
    }

    private static func decimals(_ step: Double) -> Int {
        var (count, rest) = (0, step)
        while count < 6, abs(rest - rest.rounded()) > 1e-6 * abs(rest) {
            rest *= 10
            count += 1
        }
        return count
    }

    /// A number and what it is counted in.
    static func amount(_ value: Double, _ unit: String) -> String {
        number(value) + (unit.isEmpty ? "" : " " + unit)
    }

    /// Text that HTML shows as it is.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Characters that HTML does not allow.
            case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t":
                result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A text that is not longer than so many characters.
    static func short(_ text: String, _ count: Int) -> String {
        text.count <= count ? text : text.prefix(count - 1) + "…"
    }
}

/// Times as the clocks of a zone show them.
struct ReportClock {
    let zone: TimeZoneRules

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private struct Fields {
        var year = 0
        var month = 1
        var day = 1
        var clock = ""
    }

    /// Milliseconds since 1970 as if the local time were UTC.
    func local(_ time: Int64) -> Int64 {
        time &+ Int64(zone.offset(at: CivilTime.floorDivide(time, 1000))) * 1000
    }

    private func fields(_ time: Int64) -> Fields {
        var bytes: [UInt8] = []
        CivilTime.append(local(time), to: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "T")
        let date = parts[0].split(separator: "-").compactMap { Int($0) }
        guard date.count == 3, parts.count == 2 else { return Fields() }
        return Fields(
            year: date[0], month: date[1], day: date[2], clock: String(parts[1].prefix(5)))
    }

    func year(_ time: Int64) -> String { String(fields(time).year) }
    func month(_ time: Int64) -> String { Self.months[fields(time).month - 1] }
    func day(_ time: Int64) -> String {
        let fields = fields(time)
        return "\(fields.day) \(Self.months[fields.month - 1])"
    }
    func clock(_ time: Int64) -> String { fields(time).clock }

    /// `1 Jan 2013, 05:00`, without the clock at midnight.
    func moment(_ time: Int64) -> String {
        let fields = fields(time)
        let date = "\(fields.day) \(Self.months[fields.month - 1]) \(fields.year)"
        return fields.clock == "00:00" ? date : date + ", " + fields.clock
    }

    /// The beginning of the step that holds a time.
    func floor(_ time: Int64, _ step: ReportDefinition.Step) -> Int64 {
        let fields = fields(time)
        let local = local(time)
        let day = CivilTime.floorDivide(local, 86_400_000)
        switch step {
        case .hour: return time - (local - CivilTime.floorDivide(local, 3_600_000) * 3_600_000)
        case .day: return instant(day)
        case .week: return instant(Self.monday(day))
        case .month:
            return instant(
                CivilTime.days(year: Int64(fields.year), month: Int64(fields.month), day: 1))
        }
    }

    /// The Monday at or before a day; 1970-01-01 was a Thursday.
    private static func monday(_ day: Int64) -> Int64 {
        CivilTime.floorDivide(day + 3, 7) * 7 - 3
    }

    /// When a day, counted from 1970, begins.
    func instant(_ day: Int64) -> Int64 { zone.instant(ofLocal: day * 86_400) * 1000 }

    /// Places on an axis of time and their labels: as many as there is room for, at round times.
    func ticks(from first: Int64, to last: Int64, count: Int) -> [(time: Int64, label: String)] {
        let span = max(1, last - first)
        let minute: Int64 = 60_000
        let steps: [Int64] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map { $0 * minute }
        if let step = steps.first(where: { span / $0 < count }), span < 4 * 86_400_000 {
            var ticks: [(Int64, String)] = []
            var time = first - (local(first) - CivilTime.floorDivide(local(first), step) * step)
            while time <= last, ticks.count < 100 {
                if time >= first {
                    ticks.append((time, clock(time) == "00:00" ? day(time) : clock(time)))
                }
                time += step
            }
            return ticks
        }
        let days = span / 86_400_000
        var ticks: [(Int64, String)] = []
        if let step = [1, 2, 7, 14].first(where: { days / $0 < Int64(count) }) {
            var day = CivilTime.floorDivide(local(first), 86_400_000)
            if step >= 7 { day = Self.monday(day) }
            while ticks.count < 100 {
                let time = instant(day)
                if time > last { break }
                if time >= first { ticks.append((time, self.day(time))) }
                day += step
            }
            return ticks
        }
        let fields = fields(first)
        let months = days / 30
        let step = [1, 2, 3, 6, 12, 24, 60, 120, 600].first { months / $0 < Int64(count) } ?? 1200
        var month = Int64(fields.year) * 12 + Int64(fields.month) - 1
        month -= month % step
        while ticks.count < 100 {
            let year = CivilTime.floorDivide(month, 12)
            let time = instant(CivilTime.days(year: year, month: month - year * 12 + 1, day: 1))
            if time > last { break }
            if time >= first {
                ticks.append(
                    (time, step < 12 ? "\(self.month(time)) \(self.year(time))" : self.year(time)))
            }
            month += step
        }
        return ticks
    }
}
