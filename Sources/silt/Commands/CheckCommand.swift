import ArgumentParser
import SiltIO
import SiltModel

/// `silt check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Verify every file of a data directory.",
        discussion: """
            Reads manifests, schemas, logs and every block of every table file, verifies checksums, order and \
            references, and changes nothing. Exit code 1 when something is damaged. No server may have the \
            directory open.
            """)

    @Option(help: "The data directory.")
    var data = "silt-data"

    func run() throws {
        try EmbeddedAccess.requireDataDirectory(data)
        let environment = try Environment.posix(directory: data, workerCount: 2)
        defer { environment.workers.shutDown() }
        try environment.coordinator.join()
        defer { environment.coordinator.leave() }
        var check = DirectoryCheck(environment)
        try check.run()
        let summary = check.summary
        Output.standard.write(
            """
            tables \(summary.tables)
            regions \(summary.regions)
            table files \(summary.tableFiles)
            cells in table files \(summary.cells)
            log segments \(summary.logSegments)
            batches in logs \(summary.logBatches)
            bytes of objects \(summary.bytes)

            """)
        for note in summary.notes { Output.standard.write("note: \(note)\n") }
        for problem in summary.problems { Output.standard.write("damaged: \(problem)\n") }
        if !summary.problems.isEmpty {
            throw CommandFailure(
                .failed, "\(summary.problems.count) problems in '\(data)'",
                advice: "`silt inspect FILE` shows a file; restore the damaged ones from a copy")
        }
        Output.standard.write("no damage\n")
        Output.standard.flush()
    }
}
