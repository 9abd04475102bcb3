import ArgumentParser
import SiltModel

/// `silt scan`.
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Print the rows of a range, in order.",
        discussion: """
            With --columns that name columns, table and csv print a line a row; else a line a cell.
            """)

    @Argument(help: "The table's name.")
    var table: String

    @Option(help: "Stop after this many rows.")
    var limit: Int?

    @Flag(help: "Descending order.")
    var reverse = false

    @OptionGroup var rows: RangeOptions
    @OptionGroup var read: ReadOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
    }

    func run() throws {
        let projection = try read.projection(text.form)
        let range = try rows.range(text.form, isReversed: reverse)
        var printer: RowPrinter?
        try location.withTables { tables in
            // The heading is printed only once it is clear that there is such a table.
            _ = try tables.definition(of: table)
            printer = RowPrinter(format: output.format, form: text.form, projection: projection)
            try tables.scan(range, of: table, projection, limit: limit ?? .max) { row in
                printer?.add(row)
                return true
            }
        }
        printer?.finish()
    }
}

/// `silt count`.
struct CountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "Count the rows and cells of a range.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var rows: RangeOptions
    @OptionGroup var read: ReadOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func run() throws {
        let projection = try read.projection(text.form)
        let range = try rows.range(text.form)
        var rowCount = 0
        var cellCount = 0
        var progress = Progress()
        try location.withTables { tables in
            try tables.scan(range, of: table, projection, limit: .max) { row in
                rowCount += 1
                cellCount += row.cells.count
                if rowCount % 1000 == 0 { progress.show("\(rowCount) rows") }
                return true
            }
        }
        progress.end()
        LinePrinter.print(["rows", "cells"], [["\(rowCount)", "\(cellCount)"]], output.format)
    }
}
