import ArgumentParser
import SiltIngest
import SiltModel

/// `silt job alerts`.
struct JobAlertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts", abstract: "List the alerts that are pending or firing.")

    @Argument(help: "Only those of this job.")
    var job: String?

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let alerts = try location.withTables { access -> [JSONValue] in
            if let embedded = access as? EmbeddedAccess {
                return try AlertTables(in: embedded.store).active(of: job)
            }
            guard let remote = access as? RemoteAccess else { return [] }
            return try remote.alerts().filter { job == nil || $0["job"]?.stringValue == job }
        }
        let names = ["job", "alert", "key", "state", "since"]
        LinePrinter.print(
            names, alerts.map { alert in names.map { alert[$0]?.stringValue ?? "" } }, output.format
        )
    }
}
