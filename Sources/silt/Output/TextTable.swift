/// A table for people: columns as wide as their widest cell, numbers to the right.
struct TextTable {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: [String]) { self.headings = headings }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// The lines, heading first.
    var lines: [String] {
        let all = [headings] + rows
        let widths = headings.indices.map { column in
            all.map { width(of: $0[column]) }.max() ?? 0
        }
        let isNumeric = headings.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { $0[column].isEmpty || Double($0[column]) != nil }
        }
        return all.map { row in
            var line = ""
            for column in row.indices {
                let pad = String(repeating: " ", count: widths[column] - width(of: row[column]))
                line += column == 0 ? "" : "  "
                line += isNumeric[column] ? pad + row[column] : row[column] + pad
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Prints the lines.
    func print() { for line in lines { Output.standard.write(line + "\n") } }

    private func width(of text: String) -> Int { text.count }
}
