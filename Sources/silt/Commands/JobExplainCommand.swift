import ArgumentParser
import SiltIngest

/// `silt job explain`.
struct JobExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what a job does: what it reads, how time is cut, how much state it needs.")

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    func run() throws {
        let job = try JobFile.read(file)
        for line in try job.explanation() { Output.standard.write(line + "\n") }
        Output.standard.flush()
    }
}
