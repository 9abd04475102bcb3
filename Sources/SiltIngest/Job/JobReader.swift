import SiltStream

/// Reads a document into a job definition and collects everything that is wrong with it.
struct JobReader {
    private(set) var diagnostics: [JobDiagnostic] = []
    var definition = JobDefinition()
    /// Aggregates besides those that there are.
    let ownFunctions: [OwnFunction]

    init(_ ownFunctions: [OwnFunction]) { self.ownFunctions = ownFunctions }

    /// Notes that something is wrong.
    mutating func report(_ mark: DocumentMark, _ message: String) {
        diagnostics.append(JobDiagnostic(mark, message))
    }

    /// Notes what is wrong with an expression or template within a scalar.
    mutating func report(_ node: DocumentNode, _ error: ExpressionError) {
        var column = node.mark.column + error.column
        if case .scalar(_, true) = node.content { column += 1 }
        report(DocumentMark(line: node.mark.line, column: column), error.message)
    }

    /// Reads the whole document; what could not be read has its default and a finding.
    mutating func read(_ document: DocumentNode) -> JobDefinition {
        guard var map = takeMap(document, "a job file") else { return definition }
        if let node = map.required("job", &self), let name = text(node, "job") {
            if isName(name) {
                definition.name = name
            } else {
                report(
                    node.mark,
                    "job name may hold letters, digits, '_', '-' and '.' only, 1 to 200 of them")
            }
        }
        readSource(&map)
        readTime(&map)
        readMappings(&map)
        if let node = map.take("where") { definition.filter = expression(node, "where") }
        readKey(&map)
        readWindows(&map)
        readAggregates(&map)
        readOutput(&map)
        readEmit(&map)
        readLate(&map)
        readAlerts(&map)
        readReport(&map)
        readSinks(&map)
        readTests(&map)
        map.finish(&self)
        checkWhole(document)
        if diagnostics.isEmpty { checkPattern(document) }
        checkPartitions(document)
        definition.canonicalText = JobReader.withoutIncidentals(document).canonicalText
        return definition
    }

    /// The document without what does not change the rows of a given input.
    private static func withoutIncidentals(_ document: DocumentNode) -> DocumentNode {
        guard let entries = document.entries else { return document }
        let kept = entries.compactMap { entry -> DocumentNode.Entry? in
            if ["tests", "alerts", "report", "sinks"].contains(entry.key) { return nil }
            let incidental: [String] =
                switch entry.key {
                case "source": ["file", "stdin", "http", "kafka", "webhdfs", "tail"]
                case "time": ["align"]
                default: []
                }
            guard !incidental.isEmpty, let inner = entry.value.entries else { return entry }
            let rest = inner.filter { !incidental.contains($0.key) }
            return DocumentNode.Entry(
                key: entry.key, mark: entry.mark,
                value: DocumentNode(.map(rest), mark: entry.value.mark))
        }
        return DocumentNode(.map(kept), mark: document.mark)
    }

    // MARK: - Scalars

    /// The entries of a map; a finding when the node is none.
    mutating func takeMap(_ node: DocumentNode, _ what: String) -> JobMap? {
        guard let entries = node.entries else {
            report(node.mark, "\(what) must be a map, not \(node.kindName)")
            return nil
        }
        return JobMap(entries, mark: node.mark, what: what, &self)
    }

    /// A text; a finding when the node is none.
    mutating func text(_ node: DocumentNode, _ what: String) -> String? {
        guard let text = node.text else {
            report(node.mark, "\(what) must be a text, not \(node.kindName)")
            return nil
        }
        return text
    }

    /// A duration in milliseconds; a finding when the node is none or below `minimum`.
    mutating func duration(_ node: DocumentNode, _ what: String, minimum: Int64 = 0) -> Int64? {
        guard let text = node.text, let value = DurationText.milliseconds(text) else {
            report(
                node.mark,
                "\(what) must be a duration such as 10s, 1m, 1h, 1d or 500ms, not \(node.kindName)")
            return nil
        }
        guard value >= minimum else {
            report(
                node.mark,
                minimum > 0 ? "\(what) must be longer than zero" : "\(what) must not be negative")
            return nil
        }
        return value
    }

    /// An expression; a finding when the node is none.
    mutating func expression(_ node: DocumentNode, _ what: String) -> Expression? {
        guard let text = text(node, what) else { return nil }
        do {
            return try ExpressionParser.parse(text)
        } catch {
            report(node, error)
            return nil
        }
    }

    /// The path of a field; a finding when the node is none.
    mutating func field(_ node: DocumentNode, _ what: String) -> [String]? {
        guard let expression = expression(node, what) else { return nil }
        guard case .field(let path, _) = expression else {
            report(node.mark, "\(what) must be a field")
            return nil
        }
        return path
    }

    /// Whether a text can name a job, window or aggregate.
    func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text.first != "."
            && text.utf8.allSatisfy { byte in
                byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || byte == 0x2d
                    || byte == 0x2e
            }
    }

    /// The name of a table; a finding when the node is none.
    mutating func tableName(_ node: DocumentNode, _ what: String) -> String? {
        guard let name = text(node, what) else { return nil }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ isName(String($0)) }),
            parts[0] != "silt" || parts.count == 1
        else {
            report(
                node.mark,
                "\(what) must be a table's name: letters, digits, '_', '-', '.', and a namespace before ':'"
            )
            return nil
        }
        return name
    }

    // MARK: - Rules between keys

    private mutating func checkWhole(_ document: DocumentNode) {
        func mark(_ key: String) -> DocumentMark {
            document.entries?.first { $0.key == key }?.value.mark ?? document.mark
        }
        for part in definition.row.parts {
            if case .field(let path) = part, !definition.key.contains(path) {
                report(
                    mark("into"),
                    "row uses {\(path.joined(separator: "."))}, which is not one of the key's fields"
                )
            }
        }
        if !definition.row.parts.contains(.key) {
            for path in definition.key where !definition.row.parts.contains(.field(path)) {
                report(
                    mark("into"),
                    "row leaves out the key's field \(path.joined(separator: ".")), so rows of different keys would overwrite each other; use {key} or {\(path.joined(separator: "."))}"
                )
            }
        }
        if definition.windows.count > 1, !definition.row.parts.contains(.windowName),
            !definition.family.parts.contains(.windowName)
        {
            report(
                mark("into"),
                "the windows would overwrite each other's cells; use {window.name} in the family or the row"
            )
        }
        let windows = definition.windows
        for (index, window) in windows.enumerated() {
            if case .hopping(let size, let slide, _) = window.shape, slide > size {
                definition.warnings.append(
                    "window \(window.name) hops further than its size: events between are in no window"
                )
            }
            let family = definition.family.text(windowName: window.name)
            let isPlain = family.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7f && $0 != 0x3a && $0 != 0x2f && $0 != 0x5c
            }
            if index == 0 || definition.family.parts.contains(.windowName) {
                if !(1...255).contains(family.utf8.count) || !isPlain || family.first == "." {
                    report(mark("into"), "family '\(family)' is not a family's name")
                }
            }
        }
        if let filter = definition.filter {
            let sources = definition.mappings.flatMap { $0.expression.fields }
            filter.visitFields { path, column in
                guard path.count == 1, definition.mappings.contains(where: { $0.name == path[0] })
                else { return }
                if !sources.contains(path) {
                    definition.warnings.append(
                        "where is evaluated before map, so \(path[0]) is the field of the record there (column \(column + 1))"
                    )
                }
            }
        }
        for name in [definition.badRecordTable, lateTable]
        where name == definition.table && name != nil {
            report(
                mark("into"), "the table of late or bad records must not be the table of the rows")
        }
    }

    private var lateTable: String? {
        if case .table(let name) = definition.late { name } else { nil }
    }
}
