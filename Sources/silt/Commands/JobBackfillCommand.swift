import ArgumentParser
import Foundation
import SiltBytes
import SiltIO
import SiltIngest
import SiltModel
import SiltTable

/// `silt job backfill`.
struct JobBackfillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Compute the windows within a range of event time anew and write their rows.",
        discussion: """
            With --data the argument is the job's file, with --server the name of a job there, which goes on meanwhile. \
            All events of the range count, also those that came late. It has a checkpoint of its own, so it goes on \
            where it was when it is run again; --fresh begins again. Times are milliseconds since 1970 or as RFC 3339 \
            says.
            """)

    @Argument(help: "The job's file, or its name with --server.")
    var job: String

    @Option(help: "Windows that begin at or after this time.")
    var from: String

    @Option(help: "Windows that end at or before this time.")
    var to: String

    @Option(help: "Read this file instead of the job's source.")
    var input: String?

    @Flag(help: "Forget how far an earlier run over the same range came.")
    var fresh = false

    @OptionGroup var location: LocationOptions

    func run() throws {
        let range = (try time(from, "--from"), try time(to, "--to"))
        if let server = location.server {
            if input != nil { throw CommandFailure(.usage, "--input is for --data") }
            var options = JobServerOptions()
            options.server = server
            options.ca = location.ca
            let query = "?from=\(range.0)&to=\(range.1)" + (fresh ? "&fresh=true" : "")
            return JobServerOptions.show(try options.send("POST", job, "/backfill" + query))
        }
        let definition = try JobFile.read(job).backfilling(from: range.0, to: range.1)
        let files = PosixInputFiles()
        let source =
            if let input { try JobInput(path: input, files: files) } else {
                try JobInput(definition.source, files: files)
            }
        let store = try EmbeddedAccess.open(location.directory, creates: true)
        defer { try? store.closeWithEnvironment() }
        var options = JobRunner.Options()
        options.isFresh = fresh
        let summary = try JobRunner(
            store: store, job: definition, input: source, clock: store.clock, options: options
        ).run()
        Output.standard.write(
            summary.outcome == .alreadyCompleted
                ? "the range was filled in before; --fresh does it again\n"
                : "\(summary.records) records read, \(summary.rows) rows written into \(definition.table)\n"
        )
        Output.standard.flush()
    }

    private func time(_ text: String, _ option: String) throws -> Int64 {
        guard let time = JobDefinition.time(text) else {
            throw CommandFailure(
                .usage, "\(option) is a time in milliseconds or as RFC 3339 says, not '\(text)'")
        }
        return time
    }
}
