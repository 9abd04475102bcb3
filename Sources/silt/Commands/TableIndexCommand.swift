import ArgumentParser
import SiltModel

/// Administration of column indexes.
struct TableIndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index", abstract: "Make, list and drop indexes of columns.",
        subcommands: [
            IndexAddCommand.self, IndexListCommand.self, IndexDropCommand.self,
        ])

    /// The column that a person wrote.
    static func column(_ text: String) throws -> Column {
        guard text.utf8.contains(UInt8(ascii: ":")) else {
            throw ValidationError("a column is written family:qualifier, not '\(text)'")
        }
        return Column(stringLiteral: text)
    }
}

/// `silt table index add`.
struct IndexAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make an index of a column, over all that the table holds.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The column: family:qualifier.")
    var column: String

    @Option(help: "How values are put in order: text, number or long.")
    var order = "text"

    @OptionGroup var location: LocationOptions

    func run() throws {
        guard let order = ColumnIndex.Order(rawValue: order) else {
            throw ValidationError("--order is one of text, number, long, not '\(order)'")
        }
        let index = ColumnIndex(try TableIndexCommand.column(column), order: order)
        try location.withTables { try $0.createIndex(index, of: table) }
    }
}

/// `silt table index list`.
struct IndexListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the indexes of a table.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let indexes = try location.withTables { try $0.indexes(of: table) }
        LinePrinter.print(
            ["column", "order"], indexes.map { [$0.column.description, $0.order.rawValue] },
            output.format)
    }
}

/// `silt table index drop`.
struct IndexDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Drop the index of a column.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The column: family:qualifier.")
    var column: String

    @OptionGroup var location: LocationOptions

    func run() throws {
        let column = try TableIndexCommand.column(column)
        try location.withTables { try $0.dropIndex(column, of: table) }
    }
}
