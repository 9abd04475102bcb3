internal import SiltBytes
package import SiltModel
internal import SiltStream

/// What is told of an alert that began or ended, in Alertmanager's form.
struct AlertNotice {
    let job: JobDefinition
    let rule: AlertRule
    let fields: AlertKeyFields
    let values: [[UInt8]?]

    init(_ job: JobDefinition, rule: Int, key: [UInt8], values: [[UInt8]?], isApart: Bool) {
        self.job = job
        self.rule = job.alerts[rule]
        fields = AlertKeyFields(job, key, isApart: isApart)
        self.values = values
    }

    /// The labels that make the alert what it is, by name.
    var labels: [(name: String, text: String)] {
        var labels = rule.labels
        func add(_ name: String, _ text: String) {
            if !labels.contains(where: { $0.name == name }) { labels.append((name, text)) }
        }
        add("alertname", rule.name)
        add("job", job.name)
        add("window", job.windows[rule.windowIndex].name)
        for field in fields.fields { add(field.name, field.text) }
        if fields.fields.count != 1 { add("key", fields.text) }
        return labels.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    }

    /// 16 hex digits that are equal for equal labels, as Prometheus makes them (FNV-1a).
    var fingerprint: String {
        var hash: UInt64 = 14_695_981_039_346_656_037
        func add(_ text: String) {
            for byte in Array(text.utf8) + [0xff] {
                hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
            }
        }
        for label in labels {
            add(label.name)
            add(label.text)
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func annotations(windowEnd: Int64) -> JSONValue {
        .object(
            rule.annotations.map { name, text in
                JSONValue.Member(name, .string(text.filled { place($0, windowEnd: windowEnd) }))
            })
    }

    private func place(_ name: String, windowEnd: Int64) -> String {
        if let index = job.aggregates.firstIndex(where: { $0.name == name }) {
            guard index < values.count, let value = values[index] else { return "null" }
            return String(decoding: value, as: UTF8.self)
        }
        switch name {
        case "window.name": return job.windows[rule.windowIndex].name
        case "window.end": return AlertNotice.moment(windowEnd)
        default: return fields[name] ?? ""
        }
    }

    /// The aggregates of the last window for which the condition held.
    var valuesJSON: JSONValue {
        var members: [JSONValue.Member] = []
        for (aggregate, value) in zip(job.aggregates, values) {
            members.append(
                .init(
                    aggregate.name,
                    value.map { .string(String(decoding: $0, as: UTF8.self)) } ?? .null))
        }
        return .object(members)
    }

    private var labelsJSON: JSONValue {
        .object(labels.map { JSONValue.Member($0.name, .string($0.text)) })
    }

    /// One alert of a webhook's message.
    func alert(_ transition: AlertTransition) -> JSONValue {
        .object(
            ("status", .string(transition.isFiring ? "firing" : "resolved")),
            ("labels", labelsJSON),
            ("annotations", annotations(windowEnd: transition.time)),
            ("startsAt", .string(Self.moment(transition.firedAt))),
            (
                "endsAt",
                .string(transition.isFiring ? "0001-01-01T00:00:00Z" : Self.moment(transition.time))
            ),
            ("generatorURL", ""),
            ("fingerprint", .string(fingerprint)))
    }

    /// A pending or firing alert as the list of alerts shows it.
    func state(_ instance: AlertInstance) -> JSONValue {
        let isFiring = instance.phase == .firing
        return .object(
            ("job", .string(job.name)), ("alert", .string(rule.name)),
            ("key", .string(fields.text)),
            ("state", .string(isFiring ? "firing" : "pending")),
            ("since", .string(Self.moment(instance.activeSince))),
            ("startsAt", isFiring ? .string(Self.moment(instance.firedAt)) : .null),
            ("labels", labelsJSON),
            ("values", valuesJSON), ("fingerprint", .string(fingerprint)))
    }

    /// A time as RFC 3339.
    static func moment(_ milliseconds: Int64) -> String {
        var bytes: [UInt8] = []
        CivilTime.append(milliseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The message that a webhook receives: version 4 of Alertmanager's.
package enum AlertMessage {
    /// The body for some alerts of one job.
    package static func body(_ alerts: [JSONValue], job: String) -> [UInt8] {
        let isFiring = alerts.contains { $0["status"]?.stringValue == "firing" }
        return JSONValue.object(
            ("version", "4"), ("groupKey", .string("{}:{job=\"\(job)\"}")),
            ("truncatedAlerts", 0), ("status", .string(isFiring ? "firing" : "resolved")),
            ("receiver", "siltstone"), ("groupLabels", .object(("job", .string(job)))),
            ("commonLabels", common("labels", alerts)),
            ("commonAnnotations", common("annotations", alerts)), ("externalURL", ""),
            ("alerts", .array(alerts))
        ).bytes
    }

    /// The members that all alerts have alike.
    private static func common(_ name: String, _ alerts: [JSONValue]) -> JSONValue {
        let first = alerts.first?[name]?.objectValue ?? []
        return .object(
            first.filter { member in
                alerts.allSatisfy { $0[name]?[member.name] == member.value }
            })
    }
}
