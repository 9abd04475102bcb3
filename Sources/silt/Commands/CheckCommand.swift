import ArgumentParser
import SiltIO
import SiltLSM
import SiltModel

/// `silt check`.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Verify every file of a data directory.",
        discussion: """
            Reads manifests, schemas, logs and every block of every table file, verifies checksums, order and \
            references, and changes nothing. Exit code 1 when something is damaged. No server may have the \
            directory open.

            With --repair, damaged table files are written anew with what can be read of them, missing ones are \
            forgotten, and a damaged manifest gives way to an older one and the files written since. Cells are \
            given up only with --accept-loss. What is replaced is kept under quarantine/. A log that \
            is damaged before its end, which no server opens, gives way to its good records; the sequences that lack \
            are named.
            """)

    @Option(help: "The data directory.")
    var data = "silt-data"
    @Flag(help: "Repair what can be repaired, then verify again.")
    var repair = false
    @Flag(help: "With --repair: go on where cells are lost, and say which.")
    var acceptLoss = false

    func validate() throws {
        if acceptLoss, !repair { throw ValidationError("--accept-loss needs --repair") }
    }

    func run() throws {
        try EmbeddedAccess.requireDataDirectory(data)
        let environment = try Environment.posix(directory: data, workerCount: 2)
        defer { environment.workers.shutDown() }
        try environment.coordinator.join()
        defer { environment.coordinator.leave() }
        if repair {
            var repair = DirectoryRepair(environment, acceptsLoss: acceptLoss)
            try repair.run()
            for line in repair.actions { Output.standard.write("repaired: \(line)\n") }
            for line in repair.losses { Output.standard.write("lost: \(line)\n") }
            for line in repair.refusals {
                Output.standard.write("not repaired without --accept-loss: \(line)\n")
            }
        }
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
                advice:
                    "`silt inspect FILE` shows a file; `silt check --repair` saves what can be read; or restore the damaged ones from a copy"
            )
        }
        Output.standard.write("no damage\n")
        Output.standard.flush()
    }
}
