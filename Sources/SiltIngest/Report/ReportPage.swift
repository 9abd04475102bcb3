package import SiltModel
internal import SiltStream
package import SiltTable

/// A report of a job's rows as one file.
package struct Report {
    private let job: JobDefinition
    private let definition: ReportDefinition
    private let data: [Int: ReportData]
    private let clock: ReportClock

    /// Reads what a job's report shows.
    ///
    /// - Throws: `invalidArgument` when the job file has no report; `notFound` when the job has no table yet.
    package init(_ job: JobDefinition, in store: TableStore) throws(SiltstoneError) {
        guard let definition = job.report else {
            throw SiltstoneError(
                .invalidArgument, "the job file has no 'report' job=\(job.name)")
        }
        self.job = job
        self.definition = definition
        clock = ReportClock(zone: definition.zone)
        var data: [Int: ReportData] = [:]
        for part in definition.parts where data[part.windowIndex] == nil {
            data[part.windowIndex] = try ReportData(
                job, window: part.windowIndex, last: definition.lastMilliseconds, in: store)
        }
        self.data = data
    }

    // MARK: CSV

    /// Every window that the report is made of: a line each.
    package var csv: String {
        var lines = [
            (["window", "key", "start", "end"] + job.aggregates.map(\.name)).map(Self.quoted)
                .joined(separator: ",")
        ]
        for (window, data) in data.sorted(by: { $0.key < $1.key }) {
            let entries = Dictionary(grouping: data.entries, by: \.point)
            for (index, point) in data.points.enumerated() {
                var fields = [
                    job.windows[window].name, data.keys[point.key],
                    AlertNotice.moment(point.start), AlertNotice.moment(point.end),
                ]
                for (aggregate, value) in point.values.enumerated() {
                    let several = entries[index]?.filter { $0.aggregate == aggregate }
                    fields.append(
                        value ?? several?.map { "\($0.name)=\(ReportText.plain($0.value))" }
                            .joined(separator: " ") ?? "")
                }
                lines.append(fields.map(Self.quoted).joined(separator: ","))
            }
        }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    private static func quoted(_ field: String) -> String {
        let needsQuotes = field.utf8.contains { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }
        return needsQuotes ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
    }

    // MARK: HTML

    /// The report as a page that needs nothing else: no script, no other file, no address.
    package var html: String {
        let title = ReportText.escaped(definition.title)
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(title)</title>
            <style>
            \(ReportStyle.text)
            </style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            <p class="summary">\(summary)</p>

            """
        for part in definition.parts {
            guard let data = data[part.windowIndex] else { continue }
            page += section(part, data)
        }
        page += """
            <footer>Job \(ReportText.escaped(job.name)), table \(ReportText.escaped(job.table)). Times are of \(ReportText.escaped(definition.zone.name)).</footer>
            </main>
            </body>
            </html>

            """
        return page
    }

    private func title(_ part: ReportDefinition.Part) -> String {
        if let title = part.title { return title }
        let labels = part.measures.map(\.label).joined(separator: ", ")
        switch part.kind {
        case .line(let step, _): return "\(labels) by \(step?.rawValue ?? windowWords(part))"
        case .bar: return "\(labels): the most"
        case .table: return labels
        }
    }

    /// What a window is, in a word or two.
    private func windowWords(_ part: ReportDefinition.Part) -> String {
        "window \(job.windows[part.windowIndex].name)"
    }

    private func section(_ part: ReportDefinition.Part, _ data: ReportData) -> String {
        let title = title(part)
        var html = "<section>\n<h2>\(ReportText.escaped(title))</h2>\n"
        switch part.kind {
        case .line(let step, let isSplit):
            html += lines(part, data, step, isSplit, title)
        case .bar:
            let measure = part.measures[0]
            let isCounted = job.aggregates[measure.aggregate].function.hasEntries
            var values =
                isCounted
                ? data.entryTotals(measure)
                : data.totals(measure).map { (data.keys[$0.key], $0.value) }
            if let keys = part.keys { values = values.filter { keys.contains($0.0) } }
            let shown = Array(values.prefix(part.keyCountMax))
            html += ReportChart(clock: clock).bars(shown, measure, title: title)
            html += note(
                [
                    combined([measure], data, part),
                    rest(values.count - shown.count, isCounted ? "value" : "key"),
                ])
        case .table: html += table(part, data)
        }
        return html + "</section>\n"
    }

    private func lines(
        _ part: ReportDefinition.Part, _ data: ReportData, _ step: ReportDefinition.Step?,
        _ isSplit: Bool, _ title: String
    ) -> String {
        let lines = ReportLines(data, part, step: step, clock)
        let chart = ReportChart(clock: clock)
        let measure = part.measures[0]
        var html = ""
        if isSplit {
            html += "<div class=\"split\">\n"
            for (index, line) in lines.lines.enumerated() {
                html +=
                    "<figure><figcaption>\(ReportText.escaped(name(line.name)))</figcaption>\n"
                    + chart.lines(
                        [line], step: lines.stepMilliseconds, measure,
                        title: "\(title): \(name(line.name))", firstColour: index, isSmall: true)
                    + "</figure>\n"
            }
            html += "</div>\n"
        } else {
            if lines.lines.count > 1 || lines.lines.first.map({ !$0.name.isEmpty }) == true {
                html += "<ul class=\"legend\">"
                for (index, line) in lines.lines.enumerated() {
                    html +=
                        "<li class=\"c\(index % ReportChart.colourCount + 1)\">\(ReportText.escaped(name(line.name)))</li>"
                }
                html += "</ul>\n"
            }
            html += chart.lines(
                lines.lines, step: lines.stepMilliseconds, measure, title: title)
        }
        let isDense = lines.lines.contains {
            Double($0.points.count) > (isSplit ? 398.0 : 880.0) / 1.5
        }
        let unit = isSplit && !measure.unit.isEmpty ? "In \(measure.unit)." : ""
        return html
            + note([
                unit,
                step == nil
                    ? ""
                    : "Each point is the windows of a \(step?.rawValue ?? "") together: \(measure.combination.words)\(weighing(measure)).",
                isDense
                    ? "Bands reach from the least to the greatest of neighbouring windows; the line is their mean."
                    : "",
                rest(lines.otherCount, "key"),
            ])
    }

    private func name(_ key: String) -> String { key.isEmpty ? "all events" : key }

    private func rest(_ count: Int, _ what: String) -> String {
        count > 0
            ? "\(ReportText.number(Double(count))) more \(what)\(count == 1 ? "" : "s") not shown."
            : ""
    }

    private func weighing(_ measure: ReportDefinition.Measure) -> String {
        guard measure.combination == .mean, let weight = measure.weight else { return "" }
        return ", weighed by \(job.aggregates[weight].name)"
    }

    private func combined(
        _ measures: [ReportDefinition.Measure], _ data: ReportData, _ part: ReportDefinition.Part
    ) -> String {
        guard data.points.count > 1 else { return "" }
        let words = measures.map { "\($0.label) \($0.combination.words)\(weighing($0))" }
        return "All windows of \(job.windows[part.windowIndex].name) together: "
            + words.joined(separator: "; ") + "."
    }

    private func note(_ sentences: [String]) -> String {
        let text = sentences.filter { !$0.isEmpty }.joined(separator: " ")
        return text.isEmpty ? "" : "<p class=\"note\">\(ReportText.escaped(text))</p>\n"
    }

    private func table(_ part: ReportDefinition.Part, _ data: ReportData) -> String {
        let order = data.totals(part.measures[0])
        var keys = order.map(\.key)
        if let names = part.keys { keys = keys.filter { names.contains(data.keys[$0]) } }
        let shown = keys.prefix(part.keyCountMax)
        var places: [Int: Int] = [:]
        for (place, key) in shown.enumerated() { places[key] = place }
        var sums = Array(
            repeating: Array(repeating: ReportSum(), count: part.measures.count), count: shown.count
        )
        var texts: [[(end: Int64, text: String)?]] = Array(
            repeating: Array(repeating: nil, count: part.measures.count), count: shown.count)
        for point in data.points {
            guard let place = places[point.key] else { continue }
            for (column, measure) in part.measures.enumerated() {
                data.add(point, measure, to: &sums[place][column])
                if measure.combination == .last, let text = point.values[measure.aggregate],
                    texts[place][column].map({ $0.end <= point.end }) ?? true
                {
                    texts[place][column] = (point.end, text)
                }
            }
        }
        let names = job.key.map { $0.joined(separator: ".") }.joined(separator: " # ")
        var html =
            "<table>\n<thead><tr><th scope=\"col\">\(ReportText.escaped(names.isEmpty ? "key" : names))</th>"
        for measure in part.measures {
            let unit = measure.unit.isEmpty ? "" : " (\(measure.unit))"
            html +=
                "<th scope=\"col\" class=\"number\">\(ReportText.escaped(measure.label + unit))</th>"
        }
        html += "</tr></thead>\n<tbody>\n"
        for (place, key) in shown.enumerated() {
            html += "<tr><th scope=\"row\">\(ReportText.escaped(name(data.keys[key])))</th>"
            for (column, measure) in part.measures.enumerated() {
                var text = sums[place][column].value(measure.combination).map {
                    ReportText.number($0)
                }
                if text == nil { text = texts[place][column]?.text }
                html += "<td class=\"number\">\(ReportText.escaped(text ?? "–"))</td>"
            }
            html += "</tr>\n"
        }
        return html + "</tbody>\n</table>\n"
            + note([combined(part.measures, data, part), rest(keys.count - shown.count, "key")])
    }

    // MARK: Summary

    /// What was looked at and the figures that stand out, in a paragraph.
    private var summary: String {
        var sentences = definition.text.isEmpty ? [] : [definition.text]
        let points = definition.parts.compactMap { data[$0.windowIndex]?.points }.flatMap { $0 }
        guard let first = points.map(\.start).min(), let last = points.map(\.end).max() else {
            return ReportText.escaped(
                (sentences + ["There are no windows yet."]).joined(separator: " "))
        }
        let keys = Set(data.values.flatMap(\.keys)).count
        let count = data.values.map(\.points.count).reduce(0, +)
        sentences.append(
            "From \(clock.moment(first)) to \(clock.moment(last)) (\(definition.zone.name)): \(ReportText.number(Double(count))) windows of \(ReportText.number(Double(keys))) key\(keys == 1 ? "" : "s")."
        )
        var seen: Set<Int> = []
        for part in definition.parts {
            guard let data = data[part.windowIndex] else { continue }
            for measure in part.measures
            where seen.count < 3 && (definition.summary?.contains(measure.aggregate) ?? true)
                && !job.aggregates[measure.aggregate].function.hasEntries
                && seen.insert(measure.aggregate).inserted
            {
                if let sentence = sentence(measure, data, part) { sentences.append(sentence) }
            }
        }
        return ReportText.escaped(sentences.joined(separator: " "))
    }

    private func sentence(
        _ measure: ReportDefinition.Measure, _ data: ReportData, _ part: ReportDefinition.Part
    ) -> String? {
        var total = ReportSum()
        var greatest: (value: Double, point: ReportData.Point)?
        for point in data.points {
            data.add(point, measure, to: &total)
            if let value = point.values[measure.aggregate].flatMap({ Double($0) }), value.isFinite,
                greatest.map({ value > $0.value }) ?? true
            {
                greatest = (value, point)
            }
        }
        guard let greatest, let range = total.range else { return nil }
        let key = data.keys[greatest.point.key]
        let place = (key.isEmpty ? "" : "\(key), ") + clock.moment(greatest.point.start)
        let most =
            "the most in one window \(ReportText.amount(greatest.value, measure.unit)) (\(place))"
        let label = measure.label.prefix(1).uppercased() + measure.label.dropFirst()
        switch measure.combination {
        case .sum:
            let sum = ReportText.amount(total.value(.sum) ?? 0, measure.unit)
            return "\(label): \(sum) in all, \(most)."
        case .mean:
            return
                "\(label): \(ReportText.amount(total.value(.mean) ?? 0, measure.unit)) on average\(weighing(measure)), \(most)."
        case .min:
            return "\(label): \(ReportText.amount(range.least, measure.unit)) at least."
        case .max, .last: return "\(label): \(most)."
        }
    }
}

extension ReportText {
    /// A number as a program reads it.
    static func plain(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? value.description
    }
}
