import SiltBytes
import SiltModel

/// Prints rows in one of the formats.
///
/// When the command named columns (and no whole family) and one version each, `table` and `csv` have a
/// line a row with those columns; else a line a cell.
struct RowPrinter {
    private let format: OutputFormat
    private let form: TextForm
    private let columns: [Column]?
    private let showsVersions: Bool
    private var table: TextTable
    private var count = 0

    init(format: OutputFormat, form: TextForm, projection: Projection) {
        self.format = format
        self.form = form
        showsVersions = projection.maxVersions > 1
        let named = projection.selectors.compactMap { selector -> Column? in
            if case .column(let column) = selector { column } else { nil }
        }
        let isWide = !named.isEmpty && named.count == projection.selectors.count && !showsVersions
        columns = isWide ? named : nil
        let headings =
            columns.map { ["row"] + $0.map { ColumnText.print($0, form) } }
            ?? ["row", "column", "timestamp", "value"]
        table = TextTable(headings)
        if format == .csv { Output.standard.write(CSV.line(headings)) }
    }

    /// Prints a row; a table waits for `finish`, as its widths depend on all rows.
    mutating func add(_ row: Row) {
        count += 1
        if format == .ndjson {
            Output.standard.write(RowLine.text(row, form, withVersions: showsVersions) + "\n")
            return
        }
        for line in lines(of: row) {
            if format == .csv { Output.standard.write(CSV.line(line)) } else { table.add(line) }
        }
    }

    /// Prints what is left.
    func finish() {
        if format == .table, count > 0 { table.print() }
        Output.standard.flush()
    }

    private func lines(of row: Row) -> [[String]] {
        let key = form.encode(row.key)
        guard let columns else {
            return row.cells.map {
                [key, ColumnText.print($0.column, form), "\($0.timestamp)", form.encode($0.value)]
            }
        }
        return [[key] + columns.map { column in row[column].map { form.encode($0.value) } ?? "" }]
    }
}

/// A row as a line of JSON, in the form of the server's `/v1`.
enum RowLine {
    /// `{"row": …, "columns": {"cf:q": value}}`; with versions each column has a list of `{…, "ts"}`.
    static func text(_ row: Row, _ form: TextForm, withVersions: Bool) -> String {
        var members: [JSONValue.Member] = []
        for cell in row.cells {
            let name = ColumnText.print(cell.column, form)
            guard withVersions else {
                members.append(.init(name, value(cell.value, form)))
                continue
            }
            let version = versioned(cell, form)
            if members.last?.name == name, case .array(let list) = members[members.count - 1].value
            {
                members[members.count - 1].value = .array(list + [version])
            } else {
                members.append(.init(name, .array([version])))
            }
        }
        return JSONValue.object(("row", value(row.key, form)), ("columns", .object(members))).text
    }

    private static func value(_ bytes: Bytes, _ form: TextForm) -> JSONValue {
        switch form {
        case .text:
            bytes.string.map { .string($0) }
                ?? .object(("base64", .string(Base64.encode(bytes.array))))
        case .hex, .base64: .string(form.encode(bytes))
        }
    }

    private static func versioned(_ cell: Cell, _ form: TextForm) -> JSONValue {
        let isText = form != .text || cell.value.string != nil
        let text = isText && form == .text ? cell.value.string ?? "" : form.encode(cell.value)
        return .object(
            (isText ? "text" : "base64", .string(isText ? text : Base64.encode(cell.value.array))),
            ("ts", .integer(cell.timestamp)))
    }
}
