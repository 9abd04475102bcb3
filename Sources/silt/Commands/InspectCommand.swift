import ArgumentParser
import Foundation
import SiltModel

/// `silt inspect`.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show a file of a data directory in words.",
        discussion:
            "What a file is, is told by its magic bytes: it may have any name. See docs/format.")

    @Argument(
        help: "The file: FORMAT, a schema, a manifest, a table file (.sst) or a log segment (.log)."
    )
    var file: String

    @Flag(help: "Show every cell of a table file, every operation of a log segment.")
    var cells = false

    func run() throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandFailure(.notFound, "there is no file '\(file)', or it cannot be read")
        }
        do {
            try FileWords(name: file, bytes: Array(data), showsCells: cells).print()
        } catch {
            Output.standard.flush()
            throw error
        }
        Output.standard.flush()
    }
}
