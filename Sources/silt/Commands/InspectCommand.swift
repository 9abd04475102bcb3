import ArgumentParser
import SiltModel

/// `silt inspect`.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show a file of a data directory in words.")

    @Argument(
        help: "The file: FORMAT, a schema, a manifest, a table file (.sst) or a log segment (.log)."
    )
    var file: String

    func run() throws { throw CommandFailure(.failed, "not built") }
}

/// `silt check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Verify every file of a data directory.")

    @Option(help: "The data directory.")
    var data = "silt-data"

    func run() throws { throw CommandFailure(.failed, "not built") }
}
