import ArgumentParser

/// The command line: what people and scripts type.
struct Silt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "silt",
        abstract: "A column-family store with windowed ingest built in.",
        discussion: """
            Data commands work on a directory (--data DIR) or on a running server (--server URL). Row \
            keys, qualifiers and values are text unless --hex or --base64 is given.

            Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 condition failed.
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, TableCommand.self, NamespaceCommand.self, PutCommand.self,
            GetCommand.self,
            DeleteCommand.self,
            ScanCommand.self, CountCommand.self, AggregateCommand.self, JobCommand.self,
            SnapshotCommand.self, BackupCommand.self, InspectCommand.self, CheckCommand.self,
            StatsCommand.self,
            BenchCommand.self, TokenCommand.self, ReportCommand.self,
        ])
}

@main
enum Program {
    static func main() async {
        do {
            var command = try Silt.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            CommandFailure.report(error)
        }
    }
}
