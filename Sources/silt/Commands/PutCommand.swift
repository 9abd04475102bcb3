import ArgumentParser
import SiltModel

/// `silt put`.
struct PutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Store values in a row, all of them at once.",
        discussion: "silt put visits user#42 info:name=Ada info:city=Zürich")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The row key.")
    var row: String

    @Argument(help: "Cells: family:qualifier=value. The value begins after the first '='.")
    var cells: [String] = []

    @Option(help: "The time stamp, in milliseconds since 1970 (default: the server's time).")
    var ts: Int64?

    @Option(help: "How long the cells live, such as 90s or 30d.")
    var ttl: String?

    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if cells.isEmpty { throw ValidationError("a put has at least one family:qualifier=value") }
        if let ts, ts < 0 { throw ValidationError("--ts is not negative") }
    }

    func run() throws {
        let life = try ttl.map { try DurationText.milliseconds($0, as: "--ttl") }
        let changes = try cells.map { cell in
            let (column, value) = try ColumnText.assignment(cell, text.form)
            return CellMutation(
                column, .put(value: value, timeToLiveMilliseconds: life), timestamp: ts)
        }
        let mutation = RowMutation(
            row: try text.form.decode(row, as: "the row key"), changes: changes)
        let level = try durability.level()
        try location.withTables { try $0.write(mutation, to: table, durability: level) }
    }
}
