import ArgumentParser
import SiltModel

/// `silt job run`.
struct JobRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a job on its input until it ends.")

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    func run() throws { throw CommandFailure(.failed, "not built") }
}
