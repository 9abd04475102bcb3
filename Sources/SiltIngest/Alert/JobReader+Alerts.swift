import SiltStream

extension JobReader {
    /// `alerts`: conditions on windows, and who is told.
    mutating func readAlerts(_ map: inout JobMap) {
        guard let node = map.take("alerts") else { return }
        guard let list = node.list else {
            report(node.mark, "alerts must be a list, not \(node.kindName)")
            return
        }
        for node in list {
            guard var alert = takeMap(node, "an alert") else { continue }
            readAlert(&alert, node)
            alert.finish(&self)
        }
    }

    private mutating func readAlert(_ map: inout JobMap, _ node: DocumentNode) {
        let before = diagnostics.count
        var name = ""
        if let node = map.required("name", &self), let text = text(node, "name") {
            if !isName(text) {
                report(node.mark, "alert name may hold letters, digits, '_', '-' and '.' only")
            } else if definition.alerts.contains(where: { $0.name == text }) {
                report(node.mark, "alert name '\(text)' occurs twice")
            }
            name = text
        }
        let window = readAlertWindow(&map, node)
        let condition = readCondition(&map, node)
        let hold = condition?.absence
        if hold != nil, let node = map.take("for") {
            report(node.mark, "an absent alert has no 'for': absent says how long already")
        }
        let wait = map.take("for").flatMap { duration($0, "for") } ?? 0
        let keep = map.take("keep").flatMap { duration($0, "keep") } ?? 0
        var forget: Int64?
        if let node = map.take("forget") {
            forget = duration(node, "forget", minimum: 1)
            if let limit = forget, limit < hold ?? .max {
                report(node.mark, "forget is for absent alerts, and longer than absent")
            }
        }
        let labels = readTexts("labels", &map).compactMap {
            entry -> (name: String, text: String)? in
            if entry.name == "alertname" || entry.name == "job" || entry.name == "window" {
                report(entry.mark, "label '\(entry.name)' is always there")
            }
            if !entry.text.places.isEmpty {
                report(entry.mark, "a label is a text without places; annotations can have them")
            }
            return (entry.name, entry.text.filled { _ in "" })
        }
        let annotations = readTexts("annotations", &map).map { (name: $0.name, text: $0.text) }
        let destinations = readDestinations(&map)
        guard diagnostics.count == before, let window, let condition else { return }
        definition.alerts.append(
            AlertRule(
                name: name, windowIndex: window, condition: condition.kind,
                holdMilliseconds: hold ?? wait, keepMilliseconds: keep, forgetMilliseconds: forget,
                labels: labels, annotations: annotations, destinations: destinations,
                definitionText: JobReader.definitionText(node, definition.windows[window].name)))
    }

    /// What tells alerts apart: all but whom and what to tell.
    private static func definitionText(_ node: DocumentNode, _ window: String) -> String {
        let kept = (node.entries ?? []).filter {
            !["notify", "labels", "annotations", "on"].contains($0.key)
        }
        return window + " " + DocumentNode(.map(kept), mark: node.mark).canonicalText
    }

    private mutating func readAlertWindow(_ map: inout JobMap, _ node: DocumentNode) -> Int? {
        let place = map.take("on")
        guard let place else {
            if definition.windows.count > 1 {
                report(node.mark, "an alert needs 'on', the name of one of the windows")
            }
            return definition.windows.count == 1 ? checked(0, node) : nil
        }
        guard let name = text(place, "on") else { return nil }
        guard let index = definition.windows.firstIndex(where: { $0.name == name }) else {
            report(place.mark, "there is no window '\(name)'")
            return nil
        }
        return checked(index, place)
    }

    private mutating func checked(_ index: Int, _ node: DocumentNode) -> Int? {
        switch definition.windows[index].shape {
        case .count, .global:
            report(node.mark, "an alert needs windows of time, not count or global ones")
            return nil
        case .session:
            if case .kafka = definition.source {
                report(
                    node.mark,
                    "over kafka, an alert needs windows of fixed bounds: sessions are those of one partition"
                )
                return nil
            }
            return index
        default: return index
        }
    }

    private mutating func readCondition(_ map: inout JobMap, _ node: DocumentNode) -> (
        kind: AlertRule.Condition, absence: Int64?
    )? {
        var found: [(kind: AlertRule.Condition, absence: Int64?)] = []
        var count = 0
        if let node = map.take("if") {
            count += 1
            if let expression = expression(node, "if") {
                expression.visitFields { path, column in
                    let name = path.joined(separator: ".")
                    if !isKnown(name, inExpression: true) {
                        report(
                            node,
                            ExpressionError(
                                column: column,
                                message:
                                    "'\(name)' is neither an aggregate nor a field of the key"))
                    }
                }
                found.append((.threshold(expression), nil))
            }
        }
        if let node = map.take("absent") {
            count += 1
            if let time = duration(node, "absent", minimum: 1) { found.append((.absence, time)) }
        }
        if let node = map.take("change") {
            count += 1
            if let change = readChange(node) { found.append((change, nil)) }
        }
        if count != 1 { report(node.mark, "an alert needs exactly one of if, absent and change") }
        return count == 1 ? found.first : nil
    }

    private mutating func readChange(_ node: DocumentNode) -> AlertRule.Condition? {
        guard var map = takeMap(node, "change") else { return nil }
        var aggregate: Int?
        if let node = map.required("of", &self), let name = text(node, "of") {
            aggregate = definition.aggregates.firstIndex { $0.name == name }
            if aggregate == nil { report(node.mark, "there is no aggregate '\(name)'") }
        }
        var amount: Double?
        var isRelative = false
        if let node = map.required("by", &self), let text = text(node, "by") {
            isRelative = text.hasSuffix("%")
            amount = Double(isRelative ? String(text.dropLast()) : text)
            if let value = amount, value >= 0, value.isFinite {
                if isRelative { amount = value / 100 }
            } else {
                report(node.mark, "by is a number such as 100, or a percentage such as 50%")
            }
        }
        var direction = AlertRule.Direction.any
        if let node = map.take("direction") {
            if let known = AlertRule.Direction(rawValue: node.text ?? "") {
                direction = known
            } else {
                report(node.mark, "direction is up, down or any")
            }
        }
        map.finish(&self)
        guard let aggregate, let amount else { return nil }
        return .change(
            aggregate: aggregate, by: amount, isRelative: isRelative, direction: direction)
    }

    private func isKnown(_ name: String, inExpression: Bool) -> Bool {
        name == "key" || name == "window.start" || name == "window.end"
            || name == "window.name" && !inExpression
            || definition.aggregates.contains { $0.name == name }
            || definition.key.contains { $0.joined(separator: ".") == name }
    }

    private mutating func readTexts(
        _ key: String, _ map: inout JobMap
    ) -> [(name: String, text: AlertText, mark: DocumentMark)] {
        guard let node = map.take(key) else { return [] }
        guard let entries = node.entries else {
            report(node.mark, "\(key) must be a map of names to texts, not \(node.kindName)")
            return []
        }
        var texts: [(name: String, text: AlertText, mark: DocumentMark)] = []
        for entry in entries {
            if texts.contains(where: { $0.name == entry.key }) {
                report(entry.mark, "'\(entry.key)' occurs twice in \(key)")
            }
            guard let text = text(entry.value, entry.key) else { continue }
            do {
                let parsed = try AlertText(text)
                for place in parsed.places where !isKnown(place, inExpression: false) {
                    report(
                        entry.value.mark,
                        "'{\(place)}' is neither an aggregate, a field of the key nor key, window.name, window.start or window.end"
                    )
                }
                texts.append((entry.key, parsed, entry.value.mark))
            } catch {
                report(entry.value, error)
            }
        }
        return texts
    }

    private mutating func readDestinations(_ map: inout JobMap) -> [AlertRule.Destination] {
        guard let node = map.take("notify") else { return [] }
        var destinations: [AlertRule.Destination] = []
        for node in node.list ?? [node] {
            guard var entry = takeMap(node, "an entry of notify") else { continue }
            var found: [AlertRule.Destination] = []
            if let node = entry.take("webhook"), let url = text(node, "webhook") {
                if WebhookURL(url) == nil {
                    report(
                        node.mark,
                        "webhook must be a URL such as http://host:9093/path; for https put a proxy between"
                    )
                }
                found.append(.webhook(url))
            }
            if let node = entry.take("table"), let name = tableName(node, "table") {
                if name == definition.table {
                    report(node.mark, "the table of alerts must not be the table of the rows")
                }
                found.append(.table(name))
            }
            if let node = entry.take("stdout") {
                if node.bool != true { report(node.mark, "stdout must be true") }
                found.append(.standardOutput)
            }
            if found.count != 1 {
                report(node.mark, "an entry of notify is exactly one of webhook, table and stdout")
            }
            entry.finish(&self)
            for destination in found {
                if destinations.contains(destination) {
                    report(node.mark, "the same is notified twice")
                } else {
                    destinations.append(destination)
                }
            }
        }
        return destinations
    }
}
