import ArgumentParser
import SiltModel

/// `silt get`.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print a row; exit code 3 when there is none.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The row key.")
    var row: String

    @OptionGroup var read: ReadOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func run() throws {
        let projection = try read.projection(text.form)
        let key = try text.form.decode(row, as: "the row key")
        guard let found = try location.withTables({ try $0.get(key, of: table, projection) }) else {
            throw CommandFailure(
                .notFound, "no such row row=\(text.form.encode(key)) table=\(table)")
        }
        var printer = RowPrinter(format: output.format, form: text.form, projection: projection)
        printer.add(found)
        printer.finish()
    }
}
