extension JobReader {
    private static let ownSinkOptions: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "group.id", "enable.idempotence",
        "transactional.id", "acks", "request.required.acks",
    ]

    /// `sinks`: where rows go besides the table.
    mutating func readSinks(_ map: inout JobMap) {
        guard let node = map.take("sinks") else { return }
        guard let list = node.list else {
            report(node.mark, "sinks must be a list, not \(node.kindName)")
            return
        }
        for entry in list {
            guard var sink = takeMap(entry, "a sink") else { continue }
            var count = 0
            if let node = sink.take("kafka") {
                count += 1
                readKafkaSink(node)
            }
            if let node = sink.take("webhdfs") {
                count += 1
                if let settings = readWebHDFS(node) { add(.webhdfs(settings), node.mark) }
            }
            if count != 1 { report(entry.mark, "a sink is one of kafka and webhdfs") }
            sink.finish(&self)
        }
        if !definition.sinks.isEmpty, case .kafka = definition.source {
            report(
                node.mark,
                "rows of jobs over kafka grow as partitions come, so they have no sinks but the table"
            )
        }
    }

    private mutating func add(_ sink: SinkSettings, _ mark: DocumentMark) {
        if definition.sinks.contains(where: { $0.name == sink.name }) {
            report(mark, "sink \(sink.name) occurs twice")
        }
        definition.sinks.append(sink)
    }

    private mutating func readKafkaSink(_ node: DocumentNode) {
        guard var map = takeMap(node, "kafka") else { return }
        var kafka = KafkaSinkSettings()
        if let node = map.required("brokers", &self) {
            kafka.brokers = (node.list ?? [node]).compactMap(\.text)
            if kafka.brokers.isEmpty || kafka.brokers.contains("") {
                report(node.mark, "brokers must be a list of host:port")
            }
        }
        kafka.topic = map.required("topic", &self).flatMap { text($0, "topic") } ?? ""
        if let node = map.take("transactions") {
            if let value = node.bool {
                kafka.isTransactional = value
            } else {
                report(node.mark, "transactions must be true or false, not \(node.kindName)")
            }
        }
        for entry in map.take("options")?.entries ?? [] {
            if Self.ownSinkOptions.contains(entry.key) {
                report(entry.mark, "\(entry.key) is set by the job itself")
            } else if let value = entry.value.text {
                kafka.options[entry.key] = value
            } else {
                report(entry.mark, "\(entry.key) must be a text")
            }
        }
        map.finish(&self)
        add(.kafka(kafka), node.mark)
    }
}
