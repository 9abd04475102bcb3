extension JobReader {
    /// `source`: where events come from and how they are written.
    mutating func readSource(_ map: inout JobMap) {
        guard let node = map.required("source", &self), var source = takeMap(node, "source") else {
            return
        }
        var kinds: [String] = []
        if let file = source.take("file") {
            kinds.append("file")
            if let path = text(file, "file") { definition.source = .file(path) }
        }
        if let standardInput = source.take("stdin") {
            kinds.append("stdin")
            if standardInput.bool != true { report(standardInput.mark, "stdin must be true") }
            definition.source = .standardInput
        }
        if let http = source.take("http") {
            kinds.append("http")
            if var inner = takeMap(http, "http"), let stream = inner.required("stream", &self) {
                if let name = text(stream, "stream") {
                    if !isName(name) {
                        report(
                            stream.mark,
                            "stream name may hold letters, digits, '_', '-' and '.' only")
                    }
                    definition.source = .http(stream: name)
                }
                inner.finish(&self)
            }
        }
        for key in ["kafka", "webhdfs"] where source.take(key) != nil {
            kinds.append(key)
            report(node.mark, "source \(key) is not supported yet; there are file, stdin and http")
        }
        if kinds.isEmpty {
            report(node.mark, "source needs one of file, stdin and http")
        } else if kinds.count > 1 {
            report(
                node.mark,
                "source takes exactly one of file, stdin and http, not \(kinds.joined(separator: " and "))"
            )
        }
        readFormat(&source)
        if let tail = source.take("tail") {
            switch tail.bool {
            case false?: break
            case true?: report(tail.mark, "tail is not supported yet")
            case nil: report(tail.mark, "tail must be true or false, not \(tail.kindName)")
            }
        }
        source.finish(&self)
    }

    private mutating func readFormat(_ source: inout JobMap) {
        if let node = source.take("format") {
            switch node.text {
            case "ndjson": definition.format = .ndjson
            case "csv": definition.format = .csv
            case "tsv": definition.format = .tsv
            case "line_protocol":
                report(
                    node.mark,
                    "format line_protocol is not supported yet; there are ndjson, csv and tsv")
            default: report(node.mark, "format must be ndjson, csv or tsv, not \(node.kindName)")
            }
        }
        if let node = source.take("columns") {
            if definition.format == .ndjson { report(node.mark, "columns is for csv and tsv only") }
            let names = node.list?.compactMap(\.text) ?? []
            if names.isEmpty || names.count != node.list?.count || Set(names).count != names.count {
                report(node.mark, "columns must be a list of names, each once")
            }
            definition.columns = names
        }
        guard let node = source.take("nulls") else { return }
        if definition.format == .ndjson { report(node.mark, "nulls is for csv and tsv only") }
        let nodes = node.list ?? [node]
        for node in nodes {
            if case .scalar(let text, _) = node.content {
                definition.nullTexts.append(text)
            } else {
                report(node.mark, "nulls must be texts, not \(node.kindName)")
            }
        }
    }

    /// `time`: event time and completeness.
    mutating func readTime(_ map: inout JobMap) {
        guard let node = map.required("time", &self), var time = takeMap(node, "time") else {
            return
        }
        if let node = time.required("field", &self), let path = field(node, "field") {
            definition.time.field = path
        }
        if let node = time.take("unit"), let text = text(node, "unit") {
            if let unit = TimeUnit(text) {
                definition.time.unit = unit
            } else {
                report(
                    node.mark,
                    "unit must be s, ms, us, ns, rfc3339 or a strptime pattern with known fields, not '\(text)'"
                )
            }
        }
        if let node = time.take("watermark_field") {
            definition.time.watermarkField = field(node, "watermark_field")
        }
        if let node = time.take("out_of_order") {
            definition.time.outOfOrderMilliseconds = duration(node, "out_of_order")
        } else if definition.time.watermarkField == nil {
            definition.time.outOfOrderMilliseconds = 0
        }
        if let node = time.take("allowed_lateness") {
            definition.time.allowedLatenessMilliseconds = duration(node, "allowed_lateness") ?? 0
        }
        if let node = time.take("idle") {
            definition.time.idleMilliseconds = duration(node, "idle", minimum: 1)
        }
        if let node = time.take("max_future") {
            definition.time.maxFutureMilliseconds = duration(node, "max_future")
        }
        time.finish(&self)
    }
}
