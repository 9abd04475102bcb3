import SiltModel

/// Prints lines of fields in one of the formats.
enum LinePrinter {
    /// Prints `lines` under `headings`; as JSON, numbers are numbers and the rest is text.
    static func print(_ headings: [String], _ lines: [[String]], _ format: OutputFormat) {
        switch format {
        case .table:
            var table = TextTable(headings)
            for line in lines { table.add(line) }
            table.print()
        case .csv:
            Output.standard.write(CSV.line(headings))
            for line in lines { Output.standard.write(CSV.line(line)) }
        case .ndjson:
            for line in lines {
                let members = zip(headings, line).map { name, value in
                    JSONValue.Member(name, Int64(value).map { .integer($0) } ?? .string(value))
                }
                Output.standard.write(JSONValue.object(members).text + "\n")
            }
        }
        Output.standard.flush()
    }
}
