import ArgumentParser
import SiltBytes
import SiltModel

/// `silt delete`.
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a row, or families or columns of it.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The row key.")
    var row: String

    @Argument(help: "Columns (cf:q) and families (cf) to delete; none means the whole row.")
    var what: [String] = []

    @Option(help: "Delete what is not newer than this time stamp, in milliseconds since 1970.")
    var ts: Int64?

    @Flag(help: "Delete one version only: the newest, or the one with exactly --ts.")
    var version = false

    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if version, what.isEmpty { throw ValidationError("--version needs columns or families") }
        if version, ts == nil, what.contains(where: { !$0.contains(":") }) {
            throw ValidationError("--version of a family needs --ts")
        }
        if let ts, ts < 0 { throw ValidationError("--ts is not negative") }
    }

    func run() throws {
        let key = try text.form.decode(row, as: "the row key")
        let level = try durability.level()
        let selectors = try what.map { try ColumnText.selector($0, text.form) }
        try location.withTables { tables in
            let all =
                try selectors.isEmpty
                ? tables.definition(of: table).families.map { .family($0.name) } : selectors
            let mutation = RowMutation(row: key, changes: all.map(change))
            try tables.write(mutation, to: table, durability: level)
        }
    }

    private func change(_ selector: Projection.Selector) -> CellMutation {
        switch selector {
        case .family(let name):
            CellMutation(
                Column(name, .empty), version ? .deleteFamilyVersion : .deleteFamily, timestamp: ts)
        case .column(let column):
            CellMutation(column, version ? .deleteVersion : .deleteColumn, timestamp: ts)
        }
    }
}
