import SiltStream

extension JobReader {
    /// `report`: charts and tables of the job's rows.
    mutating func readReport(_ map: inout JobMap) {
        guard let node = map.take("report"), var report = takeMap(node, "report") else { return }
        let before = diagnostics.count
        let title = report.take("title").flatMap { text($0, "title") } ?? definition.name
        let words = report.take("text").flatMap { text($0, "text") } ?? ""
        var zone = TimeZoneRules.utc
        if let node = report.take("timezone"), let name = text(node, "timezone") {
            if let rules = TimeZoneFiles.rules(name) {
                zone = rules
            } else {
                self.report(node.mark, "there is no time zone '\(name)' on this machine")
            }
        }
        let last = report.take("last").flatMap { duration($0, "last", minimum: 1) }
        let every = report.take("every").flatMap { duration($0, "every", minimum: 1000) }
        let names = readNames("names", &report)
        let units = readNames("units", &report)
        let weights = readWeights(&report)
        var summary: [Int]?
        if let node = report.take("summary") {
            var named: [Int] = []
            for node in node.list ?? [node] {
                guard let name = self.text(node, "summary") else { continue }
                if let index = aggregate(node, name) { named.append(index) }
            }
            summary = named
        }
        var parts: [ReportDefinition.Part] = []
        if let node = report.required("charts", &self) {
            if let list = node.list, !list.isEmpty {
                for node in list {
                    if let part = readPart(node, names, units, weights) { parts.append(part) }
                }
            } else {
                self.report(
                    node.mark, "charts must be a list of at least one of line, bar and table")
            }
        }
        report.finish(&self)
        guard diagnostics.count == before else { return }
        definition.report = ReportDefinition(
            title: title, text: words, zone: zone, lastMilliseconds: last,
            everyMilliseconds: every, summary: summary, parts: parts)
    }

    private mutating func aggregate(_ node: DocumentNode, _ name: String) -> Int? {
        let index = definition.aggregates.firstIndex { $0.name == name }
        if index == nil { report(node.mark, "there is no aggregate '\(name)'") }
        return index
    }

    private mutating func readNames(_ key: String, _ map: inout JobMap) -> [Int: String] {
        guard let node = map.take(key), let entries = takeMap(node, key) == nil ? nil : node.entries
        else { return [:] }
        var names: [Int: String] = [:]
        for entry in entries {
            guard let index = aggregate(entry.value, entry.key),
                let text = text(entry.value, entry.key)
            else { continue }
            names[index] = text
        }
        return names
    }

    private mutating func readWeights(_ map: inout JobMap) -> [Int: Int] {
        guard let node = map.take("weights"),
            let entries = takeMap(node, "weights") == nil ? nil : node.entries
        else { return [:] }
        var weights: [Int: Int] = [:]
        for entry in entries {
            guard let index = aggregate(entry.value, entry.key),
                let name = text(entry.value, entry.key),
                let weight = aggregate(entry.value, name)
            else { continue }
            weights[index] = weight
        }
        return weights
    }

    private mutating func readPart(
        _ node: DocumentNode, _ names: [Int: String], _ units: [Int: String], _ weights: [Int: Int]
    ) -> ReportDefinition.Part? {
        guard var map = takeMap(node, "a chart") else { return nil }
        let kinds = ["line", "bar", "table"].compactMap { name in map.take(name).map { (name, $0) }
        }
        guard kinds.count == 1, let (kind, what) = kinds.first else {
            report(node.mark, "a chart is exactly one of line, bar and table")
            return nil
        }
        let title = map.take("title").flatMap { text($0, "title") }
        let window = readReportWindow(&map, node)
        var combination: ReportDefinition.Combination?
        if let node = map.take("combine") {
            combination = node.text.flatMap { ReportDefinition.Combination(rawValue: $0) }
            if combination == nil { report(node.mark, "combine is sum, min, max, mean or last") }
            if combination == .sum, let window, overlaps(window) {
                report(
                    node.mark,
                    "the windows overlap, so their sum counts events more than once")
            }
        }
        var measures: [ReportDefinition.Measure] = []
        for node in kind == "table" ? what.list ?? [what] : [what] {
            guard let name = text(node, kind), let index = aggregate(node, name), let window else {
                continue
            }
            let function = definition.aggregates[index].function
            if function.hasEntries, kind != "bar" {
                report(node.mark, "the values that \(function.name) counts are for a bar")
            } else if function == .collect || function == .largest, kind != "table" {
                report(node.mark, "\(kind) needs numbers, and \(function.name) gives a list")
            }
            measures.append(
                ReportDefinition.Measure(
                    aggregate: index, label: names[index] ?? name, unit: units[index] ?? "",
                    combination: combination ?? usual(function, window), weight: weights[index]))
        }
        let keyCount = readCount(&map, kind == "line" ? ("keys", 6, 24) : ("top", 10, 1000))
        var only: [String]?
        if let node = map.take("only") {
            only = (node.list ?? [node]).compactMap { text($0, "only") }
        }
        let step = kind == "line" ? readStep(&map) : nil
        var isSplit = false
        if kind == "line", let node = map.take("split") {
            if let value = node.bool {
                isSplit = value
            } else {
                report(node.mark, "split is true or false")
            }
        }
        map.finish(&self)
        guard let window, !measures.isEmpty else { return nil }
        let shown: ReportDefinition.Kind =
            kind == "line" ? .line(step: step, isSplit: isSplit) : kind == "bar" ? .bar : .table
        return ReportDefinition.Part(
            kind: shown, title: title, windowIndex: window, measures: measures,
            keyCountMax: keyCount, keys: only)
    }

    private mutating func readReportWindow(_ map: inout JobMap, _ node: DocumentNode) -> Int? {
        guard let place = map.take("on") else {
            if definition.windows.count > 1 {
                report(node.mark, "a chart needs 'on', the name of one of the windows")
            }
            return definition.windows.count == 1 ? 0 : nil
        }
        guard let name = text(place, "on") else { return nil }
        let index = definition.windows.firstIndex { $0.name == name }
        if index == nil { report(place.mark, "there is no window '\(name)'") }
        return index
    }

    private mutating func readCount(
        _ map: inout JobMap, _ rule: (key: String, usual: Int, most: Int)
    ) -> Int {
        guard let node = map.take(rule.key) else { return rule.usual }
        guard let count = node.text.flatMap({ Int($0) }), (1...rule.most).contains(count) else {
            report(node.mark, "\(rule.key) is a number from 1 to \(rule.most)")
            return rule.usual
        }
        return count
    }

    private mutating func readStep(_ map: inout JobMap) -> ReportDefinition.Step? {
        guard let node = map.take("each") else { return nil }
        let step = node.text.flatMap { ReportDefinition.Step(rawValue: $0) }
        if step == nil { report(node.mark, "each is hour, day, week or month") }
        return step
    }

    /// Whether windows of one key share events.
    private func overlaps(_ window: Int) -> Bool {
        switch definition.windows[window].shape {
        case .hopping(let size, let slide, _), .count(let size, let slide): slide < size
        case .cumulate: true
        case .tumbling, .session, .calendar, .global: false
        }
    }

    /// How windows are usually combined.
    private func usual(
        _ function: AggregateFunction, _ window: Int
    ) -> ReportDefinition.Combination {
        switch function {
        case .count, .sum, .increase, .delta, .topValues, .values, .histogram:
            overlaps(window) ? .last : .sum
        case .min: .min
        case .max: .max
        case .first, .last, .collect, .largest: .last
        default: .mean
        }
    }
}
