import ArgumentParser
import SiltBytes
import SiltModel

/// `silt table split`.
struct TableSplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Cut a region in two, at a row or at its middle; readers and writers go on.")

    @Argument(help: "The table's name.")
    var table: String

    @Option(help: "The row with which the second half begins.")
    var at: String?

    @Option(help: "The region to cut at about its middle; silt table regions shows them.")
    var region: String?

    @OptionGroup var location: LocationOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if (at == nil) == (region == nil) {
            throw ValidationError("say where: either --at or --region")
        }
    }

    func run() throws {
        let isDone = try location.withTables { tables in
            if let at {
                return try tables.split(table, at: try text.form.decode(at, as: "a row"))
            }
            return try tables.split(table, region: try RegionText.identifier(region ?? ""))
        }
        if !isDone {
            Output.standard.write(
                at == nil ? "nothing to split: too few rows\n" : "a region begins there already\n")
            Output.standard.flush()
        }
    }
}

/// `silt table merge`.
struct TableMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Make one region of two neighbours; readers and writers go on.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "A region; silt table regions shows them.")
    var first: String

    @Argument(help: "The region before or after it.")
    var second: String

    @OptionGroup var location: LocationOptions

    func run() throws {
        let (first, second) = (
            try RegionText.identifier(first), try RegionText.identifier(second)
        )
        try location.withTables { try $0.merge(table, first, second) }
    }
}

/// Regions on the command line.
enum RegionText {
    /// The identifier that a text says.
    static func identifier(_ text: String) throws -> Identifier {
        guard let id = Identifier(text) else {
            throw ValidationError("'\(text)' is no region: 32 hex digits are wanted")
        }
        return id
    }
}
