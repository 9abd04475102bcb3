internal import SiltBytes
package import SiltModel
internal import SiltStream

extension JobDefinition {
    /// What the job does and what it costs, a line each; for people.
    ///
    /// - Throws: `invalidArgument` when its windows and aggregates do not go together.
    package func explanation() throws(SiltstoneError) -> [String] {
        let pipeline = try JobPipeline(self)
        let plan = pipeline.plan
        var lines = ["job \(name)", "  reads \(sourceText) as \(format.rawValue)"]
        let paths = plan.fields.paths.map { $0.joined(separator: ".") }
        lines.append("  fields: \(paths.joined(separator: ", "))")
        if filter != nil { lines.append("  keeps the records that `where` is true for") }
        if !mappings.isEmpty {
            lines.append("  computes \(mappings.map(\.name).joined(separator: ", "))")
        }
        lines.append("  records are taken \(plan.isPlain ? "a column at a time" : "one by one")")
        lines.append("  event time: \(time.field.joined(separator: ".")); \(watermarkText)")
        let keys = key.map { $0.joined(separator: ".") }.joined(separator: ", ")
        lines.append(key.isEmpty ? "  one key for all events" : "  key: \(keys)")
        for window in pipeline.windows.plans {
            let names = window.windowNames.joined(separator: ", ")
            var text = "  windows \(names):"
            text +=
                window.paneMilliseconds.map { " panes of \(JobDefinition.durationText($0))" }
                ?? " no fixed panes"
            text +=
                window.openPaneCount.map { ", at most \($0) open at once" }
                ?? ", as many as the events make"
            lines.append(text)
        }
        if sessionGap != nil { lines.append("    each event says how long its session waits") }
        let bytes = aggregates.reduce(0) { $0 + JobDefinition.stateBytes($1.function) }
        let sketches = aggregates.filter {
            JobDefinition.stateBytes($0.function) == JobDefinition.sketchBytes
        }
        lines.append("  state: about \(bytes) bytes for each key in each open pane")
        if !sketches.isEmpty {
            lines.append(
                "    \(sketches.map(\.name).joined(separator: ", ")) grow with their values")
        }
        let panes = pipeline.windows.plans.compactMap(\.openPaneCount).reduce(Int64(0)) {
            $0.addingReportingOverflow($1).partialValue
        }
        let product = panes.multipliedReportingOverflow(by: Int64(bytes) * 1000)
        if !product.overflow, panes > 0 {
            lines.append(
                "    1,000 keys in all open panes: about \(max(1, product.partialValue >> 10)) KiB")
        }
        lines.append(
            "  writes \(aggregates.count + (emitMilliseconds == nil ? 2 : 3)) cells a row into \(table), families \(families.joined(separator: ", "))"
        )
        if let emitMilliseconds {
            lines.append(
                "  shows open windows every \(JobDefinition.durationText(emitMilliseconds))")
        }
        lines.append("  late events: \(lateText)")
        lines.append("  bad records: \(badRecordTable.map { "kept in \($0)" } ?? "counted")")
        for alert in alerts {
            let told = alert.destinations.map { destination in
                switch destination {
                case .webhook(let url): url
                case .table(let name): "table \(name)"
                case .standardOutput: "stdout"
                }
            }
            lines.append(
                "  alert \(alert.name) on \(windows[alert.windowIndex].name), told to "
                    + (told.isEmpty ? "nobody" : told.joined(separator: ", ")))
        }
        return lines + warnings.map { "  warning: \($0)" }
    }

    private var sourceText: String {
        switch source {
        case .file(let path): "the file \(path)\(tails ? ", and what comes after" : "")"
        case .standardInput: "the standard input"
        case .http(let stream): "the stream \(stream)"
        case .generator(let events): "\(events.count) generated events"
        case .webhdfs(let hdfs):
            "the files \(hdfs.path) of HDFS\(tails ? ", and what comes after" : "")"
        case .kafka(let kafka): "the messages of the topic \(kafka.topic)"
        }
    }

    private var watermarkText: String {
        guard let disorder = time.outOfOrderMilliseconds else { return "explicit watermarks" }
        var text =
            "complete up to the greatest less \(JobDefinition.durationText(disorder)) and 1 ms"
        if time.allowedLatenessMilliseconds > 0 {
            text +=
                ", open for \(JobDefinition.durationText(time.allowedLatenessMilliseconds)) more"
        }
        return text
    }

    private var lateText: String {
        switch late {
        case .merge: "merged into the rows they belong to"
        case .table(let name): "kept in \(name)"
        case .drop: "counted"
        }
    }

    private static func durationText(_ milliseconds: Int64) -> String {
        for (scale, unit) in [
            (Int64(86_400_000), "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"),
        ]
        where milliseconds >= scale && milliseconds % scale == 0 {
            return "\(milliseconds / scale) \(unit)"
        }
        return "\(milliseconds) ms"
    }

    private static let sketchBytes = 256

    /// What a slot of an aggregate takes before it grows, in bytes.
    private static func stateBytes(_ function: AggregateFunction) -> Int {
        switch function {
        case .count: 8
        case .sum, .average, .truncatedAverage: 48
        case .min, .max: 16
        case .first, .last: 40
        default: sketchBytes
        }
    }
}
