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
        if let generator = source.take("generator") {
            kinds.append("generator")
            readGenerator(generator)
        }
        if let kafka = source.take("kafka") {
            kinds.append("kafka")
            readKafka(kafka)
        }
        if let webhdfs = source.take("webhdfs") {
            kinds.append("webhdfs")
            if let settings = readWebHDFS(webhdfs) { definition.source = .webhdfs(settings) }
        }
        if kinds.isEmpty {
            report(node.mark, "source needs one of file, stdin, http, kafka, webhdfs and generator")
        } else if kinds.count > 1 {
            report(
                node.mark,
                "source takes exactly one of file, stdin, http, kafka, webhdfs and generator, not \(kinds.joined(separator: " and "))"
            )
        }
        readFormat(&source)
        if let tail = source.take("tail") {
            switch tail.bool {
            case false?: break
            case true?:
                definition.tails = true
                switch definition.source {
                case .file, .webhdfs: break
                default: report(tail.mark, "tail is for file and webhdfs only")
                }
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
            case "line_protocol": definition.format = .lineProtocol
            case "regex": definition.format = .regex
            default:
                report(
                    node.mark,
                    "format must be ndjson, csv, tsv, line_protocol or regex, not \(node.kindName)")
            }
        }
        readPattern(&source)
        if let node = source.take("columns") {
            if ![.csv, .tsv].contains(definition.format) {
                report(node.mark, "columns is for csv and tsv only")
            }
            let names = node.list?.compactMap(\.text) ?? []
            if names.isEmpty || names.count != node.list?.count || Set(names).count != names.count {
                report(node.mark, "columns must be a list of names, each once")
            }
            definition.columns = names
        }
        guard let node = source.take("nulls") else { return }
        if [.ndjson, .lineProtocol].contains(definition.format) {
            report(node.mark, "nulls is for csv, tsv and regex only")
        }
        let nodes = node.list ?? [node]
        for node in nodes {
            if case .scalar(let text, _) = node.content {
                definition.nullTexts.append(text)
            } else {
                report(node.mark, "nulls must be texts, not \(node.kindName)")
            }
        }
    }

    private mutating func readPattern(_ source: inout JobMap) {
        guard let node = source.take("pattern") else {
            if definition.format == .regex {
                report(source.mark, "format regex needs a pattern with named groups")
            }
            return
        }
        guard let pattern = text(node, "pattern") else { return }
        if definition.format != .regex { report(node.mark, "pattern is for format regex only") }
        if let problem = LinePattern.problem(pattern) {
            report(node.mark, "pattern is not a regular expression: \(problem)")
        }
        definition.pattern = pattern
    }

    /// Makes sure that the pattern has a group for every field that the job reads.
    mutating func checkPattern(_ document: DocumentNode) {
        guard definition.format == .regex, let pattern = definition.pattern else { return }
        let names = LinePattern.groupNames(pattern)
        let mark = document.entries?.first { $0.key == "source" }?.value.mark ?? document.mark
        for path in JobPlan(definition).fields.paths {
            let name = path.joined(separator: ".")
            if !names.contains(name) {
                report(mark, "pattern has no group '\(name)', which the job reads")
            }
        }
    }

    private mutating func readGenerator(_ node: DocumentNode) {
        guard var map = takeMap(node, "generator") else { return }
        var events = GeneratedEvents()
        func whole(_ key: String, _ range: ClosedRange<Int64>, _ reader: inout JobReader) -> Int64?
        {
            guard let node = map.take(key) else { return nil }
            guard let value = node.text.flatMap({ Int64($0) }), range.contains(value) else {
                reader.report(
                    node.mark,
                    "\(key) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
                return nil
            }
            return value
        }
        if let value = whole("events", 0...1_000_000_000_000, &self) { events.count = Int(value) }
        if let value = whole("seed", 0...Int64.max, &self) { events.seed = UInt64(value) }
        if let value = whole("keys", 1...1_000_000, &self) { events.keyCount = Int(value) }
        if let value = whole("start", 0...4_102_444_800_000, &self) {
            events.startMilliseconds = value
        }
        if let node = map.take("every"), let value = duration(node, "every") {
            events.everyMilliseconds = min(value, 86_400_000)
        }
        if let node = map.take("disorder"), let value = duration(node, "disorder") {
            events.disorderMilliseconds = min(value, 86_400_000)
        }
        map.finish(&self)
        definition.source = .generator(events)
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
        if let node = time.take("align") {
            definition.time.alignMilliseconds = duration(node, "align", minimum: 1)
            if case .kafka = definition.source {
            } else {
                report(node.mark, "align is for the partitions of kafka")
            }
        }
        if let node = time.take("max_future") {
            definition.time.maxFutureMilliseconds = duration(node, "max_future")
        }
        time.finish(&self)
    }
}
