import SiltStream

extension JobReader {
    /// Settings that would break what the job promises.
    private static let ownOptions: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit",
        "enable.auto.offset.store", "enable.partition.eof", "auto.offset.reset",
        "enable.idempotence",
    ]

    /// `kafka: {brokers, topic, group, start, out_of_range, stop, isolation, options}`.
    mutating func readKafka(_ node: DocumentNode) {
        guard var map = takeMap(node, "kafka") else { return }
        var kafka = KafkaSettings()
        if let node = map.required("brokers", &self) {
            let brokers = (node.list ?? [node]).compactMap(\.text)
            if brokers.isEmpty || brokers.contains("") {
                report(node.mark, "brokers must be a list of host:port")
            }
            kafka.brokers = brokers
        }
        kafka.topic = map.required("topic", &self).flatMap { text($0, "topic") } ?? ""
        kafka.group = map.take("group").flatMap { text($0, "group") }
        if let node = map.take("start") { kafka.start = start(node) ?? .earliest }
        if let node = map.take("out_of_range") {
            if let text = node.text, ["earliest", "latest", "fail"].contains(text) {
                kafka.outOfRange = text
            } else {
                report(node.mark, "out_of_range is earliest, latest or fail")
            }
        }
        if let node = map.take("stop") {
            if node.text == "end" {
                kafka.stopsAtEnd = true
            } else {
                report(node.mark, "stop is end")
            }
            if kafka.group != nil {
                report(
                    node.mark, "stop: end is for a job without a group, which reads all partitions")
            }
        }
        if let node = map.take("isolation") {
            if let text = node.text, ["read_committed", "read_uncommitted"].contains(text) {
                kafka.options["isolation.level"] = text
            } else {
                report(node.mark, "isolation is read_committed or read_uncommitted")
            }
        }
        if let node = map.take("options") { readOptions(node, &kafka) }
        map.finish(&self)
        definition.source = .kafka(kafka)
    }

    private mutating func start(_ node: DocumentNode) -> KafkaSettings.Start? {
        switch node.text {
        case "earliest": return .earliest
        case "latest": return .latest
        case "group": return .committed
        case let text?:
            if let time = JobDefinition.time(text) { return .time(time) }
        case nil: break
        }
        report(
            node.mark,
            "start is earliest, latest, group, or a time in milliseconds or as RFC 3339 says")
        return nil
    }

    private mutating func readOptions(_ node: DocumentNode, _ kafka: inout KafkaSettings) {
        guard let entries = node.entries else {
            report(node.mark, "options must be a map of librdkafka's settings")
            return
        }
        for entry in entries {
            if JobReader.ownOptions.contains(entry.key) {
                report(entry.mark, "\(entry.key) is set by the job itself")
            } else if let value = entry.value.text {
                kafka.options[entry.key] = value
            } else {
                report(entry.mark, "\(entry.key) must be a text")
            }
        }
    }

    /// What a job over partitions cannot do: its rows are merged from what each partition gives.
    mutating func checkPartitions(_ document: DocumentNode) {
        guard case .kafka = definition.source else { return }
        func mark(_ key: String) -> DocumentMark {
            document.entries?.first { $0.key == key }?.value.mark ?? document.mark
        }
        for window in definition.windows {
            if window.rank != nil || window.discards {
                report(
                    mark("windows"),
                    "window \(window.name): rank and discarding rows need one stream of events, not kafka's partitions"
                )
            }
            if case .session = window.shape, definition.late == .merge {
                report(
                    mark("windows"),
                    "window \(window.name): late events cannot be merged into sessions over kafka; use late: drop or a table"
                )
            }
        }
        let hasHeader = definition.format == .csv || definition.format == .tsv
        if hasHeader, definition.columns == nil {
            report(mark("source"), "messages have no header row: columns must name what they hold")
        }
    }
}

extension JobDefinition {
    /// The time that a text says, in milliseconds since 1970 or as RFC 3339 does; `nil` when it says none.
    package static func time(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        return Int64(text) ?? TimePattern.rfc3339(bytes, 0..<bytes.count)
    }
}
