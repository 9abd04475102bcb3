import SiltStream

extension JobReader {
    /// `session: {gap, max, touch}`.
    ///
    /// A gap is a duration, or an expression that gives the milliseconds after each event.
    mutating func readSession(_ window: inout JobMap, _ kinds: inout Int) -> WindowSpec.Shape? {
        guard let node = window.take("session") else { return nil }
        kinds += 1
        guard var inner = takeMap(node, "session") else { return nil }
        let gapNode = inner.required("gap", &self)
        let gap = gapNode.flatMap { readGap($0, inWindow: node) }
        let maximum = inner.take("max").flatMap { duration($0, "max", minimum: 1) }
        if maximum != nil, definition.sessionGap != nil, let gapNode {
            report(gapNode.mark, "max is for sessions with one gap for all events")
        }
        var joins = true
        if let node = inner.take("touch") {
            switch node.text {
            case "merge": break
            case "split": joins = false
            default: report(node.mark, "touch is merge or split")
            }
        }
        inner.finish(&self)
        guard let gap else { return nil }
        return .session(gapMilliseconds: gap, maximumMilliseconds: maximum, joinsTouching: joins)
    }

    private mutating func readGap(_ node: DocumentNode, inWindow window: DocumentNode) -> Int64? {
        let isOther = definition.windows.contains {
            if case .session = $0.shape { true } else { false }
        }
        let text = node.text ?? ""
        let isDuration = text.isEmpty || DurationText.milliseconds(text) != nil
        if isOther, !isDuration || definition.sessionGap != nil {
            report(
                window.mark,
                "sessions whose gap is an expression must be the only session window of a job")
            return nil
        }
        // A number with a wrong unit is meant as a duration, and told as one.
        if isDuration || text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true {
            return duration(node, "gap", minimum: 1)
        }
        definition.sessionGap = expression(node, "gap")
        // Each event has its own; the least there can be stands for them.
        return definition.sessionGap == nil ? nil : 1
    }

    /// `count: {size, every}`.
    mutating func readCount(_ window: inout JobMap, _ kinds: inout Int) -> WindowSpec.Shape? {
        guard let node = window.take("count") else { return nil }
        kinds += 1
        guard var inner = takeMap(node, "count") else { return nil }
        let size = inner.required("size", &self).flatMap { number($0, "size") }
        let slide = inner.take("every").flatMap { number($0, "every") } ?? size
        inner.finish(&self)
        guard let size, let slide else { return nil }
        return .count(size: size, slide: slide)
    }

    /// `calendar: {unit, count, timezone, week_start}`.
    mutating func readCalendar(_ window: inout JobMap, _ kinds: inout Int) -> WindowSpec.Shape? {
        guard let node = window.take("calendar") else { return nil }
        kinds += 1
        var inner: JobMap
        var unit: CalendarRule.Unit?
        if let text = node.text {
            unit = CalendarRule.Unit(rawValue: text)
            if unit == nil { report(node.mark, "calendar is one of day, week, month and year") }
            inner = JobMap([], mark: node.mark, what: "calendar", &self)
        } else {
            guard let map = takeMap(node, "calendar") else { return nil }
            inner = map
            if let node = inner.required("unit", &self) {
                unit = node.text.flatMap { CalendarRule.Unit(rawValue: $0) }
                if unit == nil { report(node.mark, "unit is one of day, week, month and year") }
            }
        }
        let count = inner.take("count").flatMap { number($0, "count") } ?? 1
        var zone = TimeZoneRules.utc
        for found in [inner.take("timezone"), window.take("timezone")] {
            guard let found, let name = text(found, "timezone") else { continue }
            if let rules = TimeZoneFiles.rules(name) {
                zone = rules
            } else {
                report(
                    found.mark,
                    "there is no time zone '\(name)' in \(TimeZoneFiles.folder); one is Europe/Berlin"
                )
            }
        }
        var weekday = 1
        if let node = inner.take("week_start") {
            let names = [
                "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
            ]
            if let index = names.firstIndex(where: { $0 == node.text }) {
                weekday = index + 1
            } else {
                report(node.mark, "week_start is a day of the week such as monday")
            }
        }
        inner.finish(&self)
        guard let unit else { return nil }
        return .calendar(CalendarRule(unit, count: count, zone: zone, firstWeekday: weekday))
    }

    /// `rank: {by, top, from, to, order}`.
    mutating func readRank(_ window: inout JobMap) -> WindowSpec.Rank? {
        guard let node = window.take("rank"), var inner = takeMap(node, "rank") else { return nil }
        let by = inner.required("by", &self).flatMap { text($0, "by") }
        let first = inner.take("from").flatMap { number($0, "from") } ?? 1
        let top = inner.take("top").flatMap { number($0, "top") }
        let last = inner.take("to").flatMap { number($0, "to") } ?? top
        var isAscending = false
        if let node = inner.take("order") {
            switch node.text {
            case "descending": break
            case "ascending": isAscending = true
            default: report(node.mark, "order is descending or ascending")
            }
        }
        inner.finish(&self)
        guard let last, first <= last else {
            report(node.mark, "rank needs top, or from and to, such as {by: n, top: 10}")
            return nil
        }
        guard let by else { return nil }
        return WindowSpec.Rank(by: by, places: Int(first)...Int(last), isAscending: isAscending)
    }

    /// A whole number of at least one; a finding when the node is none.
    private mutating func number(_ node: DocumentNode, _ what: String) -> Int64? {
        guard let text = node.text, let value = Int64(text), (1...1_000_000_000).contains(value)
        else {
            report(node.mark, "\(what) must be a whole number of at least 1")
            return nil
        }
        return value
    }
}
