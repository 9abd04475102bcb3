import ArgumentParser
import Foundation
import SiltIngest
import SiltModel

/// `silt report`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Render the charts and tables of a job's rows.",
        discussion: """
            The job file says under `report` what is shown (docs/reports.md). HTML is one file that needs no other; \
            CSV has a line for each window that the report is made of. With --server the report of a job that the \
            server runs is fetched: name the job instead of a file.
            """)

    /// How a report is written.
    enum Form: String, CaseIterable, ExpressibleByArgument { case html, csv }

    @Argument(help: "The job file, or with --server the job's name.")
    var job: String

    @Option(name: .shortAndLong, help: "Write to this file instead of the standard output.")
    var output: String?

    @Option(help: "html or csv (default: as the name of the output says, else html).")
    var format: Form?

    @OptionGroup var location: LocationOptions

    func run() throws {
        let form = format ?? (output?.hasSuffix(".csv") == true ? .csv : .html)
        let text = try location.server == nil ? embedded(form) : remote(form)
        guard let output else {
            Output.standard.write(text)
            return Output.standard.flush()
        }
        do {
            try Data(text).write(to: URL(fileURLWithPath: output), options: .atomic)
        } catch {
            throw CommandFailure(.failed, "cannot write '\(output)': \(error.localizedDescription)")
        }
    }

    private func embedded(_ form: Form) throws -> [UInt8] {
        let definition = try JobFile.read(job)
        guard definition.report != nil else {
            throw CommandFailure(
                .usage, "the job file '\(job)' has no report",
                advice: "docs/reports.md says how to write one")
        }
        return try location.withTables { access in
            guard let embedded = access as? EmbeddedAccess else { return [] }
            let report = try Report(definition, in: embedded.store)
            return Array((form == .csv ? report.csv : report.html).utf8)
        }
    }

    private func remote(_ form: Form) throws -> [UInt8] {
        try location.withTables { access in
            guard let remote = access as? RemoteAccess else { return [] }
            return try remote.report(of: job, format: form.rawValue)
        }
    }
}
