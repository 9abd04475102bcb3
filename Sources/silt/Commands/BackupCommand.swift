import ArgumentParser
import Foundation
import SiltModel
import SiltTable

/// Which backups, of which database: `--in DIR` and `--data DIR`, or `--server URL`.
struct BackupOptions: ParsableArguments {
    @Option(name: .customLong("in"), help: "The directory of backups; made when it is missing.")
    var directory: String?

    @Option(help: "The data directory (default: silt-data, unless --server is given).")
    var data: String?

    @Option(help: "A running server, which keeps backups in a directory of its own.")
    var server: String?

    @Option(
        help:
            "A file with the authorities that sign the server's certificate (default: the system's)."
    )
    var ca: String?

    func validate() throws {
        if ca != nil, server == nil { throw ValidationError("--ca is for --server") }
        if server != nil, data != nil || directory != nil {
            throw ValidationError("--server excludes --in and --data")
        }
        if server == nil, directory == nil {
            throw ValidationError("give --in DIR or --server URL")
        }
    }

    /// Runs `body` on the backups.
    func withBackups<Result>(_ body: (any BackupAccess) throws -> Result) throws -> Result {
        guard let server else {
            return try body(
                EmbeddedBackups(directory: directory ?? "", data: data ?? "silt-data"))
        }
        let access = RemoteAccess(try ServerAddress(url: server, ca: ca))
        defer { try? access.close() }
        return try body(RemoteBackups(access: access))
    }
}

/// Backups in a directory of their own.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Keep tables in a directory of backups, and make tables of them again.",
        discussion: """
            Backups of one directory share files: each copies only what is new. With change feeds on tables \
            (`silt table feed`), `silt backup changes` keeps what happened since, and `restore --at` makes a table as it \
            was at any time in between. A server that was given --backup-dir is asked with --server.
            """,
        subcommands: [
            BackupCreateCommand.self, BackupChangesCommand.self, BackupListCommand.self,
            BackupRestoreCommand.self, BackupVerifyCommand.self, BackupDropCommand.self,
        ])
}

/// `silt backup create`.
struct BackupCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Keep tables as they are now, all at one moment.")

    @Argument(help: "The tables (default: all).")
    var tables: [String] = []
    @Option(help: "The backup's name (default: the time, such as 20260131T120000Z).")
    var name: String?
    @OptionGroup var backups: BackupOptions

    func run() throws {
        let info = try backups.withBackups {
            try $0.create(name ?? Moment.name(Date()), of: tables.isEmpty ? nil : tables)
        }
        Output.standard.write(
            "backup \(info.name): \(info.tables.count) tables, \(info.fileBytes) bytes, \(info.copiedBytes) of them copied\n"
        )
        Output.standard.flush()
    }
}

/// `silt backup changes`.
struct BackupChangesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes",
        abstract: "Keep what change feeds told since the last backup, for restores to a time.")

    @OptionGroup var backups: BackupOptions

    func run() throws {
        let count = try backups.withBackups { try $0.keepChanges() }
        Output.standard.write("changes \(count)\n")
        Output.standard.flush()
    }
}

/// `silt backup list`.
struct BackupListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the backups, a line for each table.")

    @OptionGroup var backups: BackupOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let listed = try backups.withBackups { try $0.list() }
        LinePrinter.print(
            ["backup", "made_ms", "file_bytes", "table", "as_of_ms", "restorable_until_ms"],
            listed.flatMap { backup in
                backup.tables.map {
                    [
                        backup.name, "\(backup.milliseconds)", "\(backup.fileBytes)", $0.name,
                        "\($0.milliseconds)", $0.untilMilliseconds.map { "\($0)" } ?? "",
                    ]
                }
            }, output.format)
    }
}

/// `silt backup restore`.
struct BackupRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a table of one in a backup; every byte is verified first.")

    @Argument(help: "The table's name in the backup.")
    var table: String
    @Option(help: "The backup (default: the newest that has the table, at the time given).")
    var backup: String?
    @Option(name: .customLong("as"), help: "The new table's name (default: the same).")
    var newName: String?
    @Option(help: "As the table was then: milliseconds since 1970 or 2026-01-31T12:00:00Z.")
    var at: String?
    @OptionGroup var backups: BackupOptions

    func run() throws {
        let moment = try at.map(Moment.milliseconds)
        try backups.withBackups { try $0.restore(table, from: backup, as: newName, at: moment) }
    }
}

/// `silt backup verify`.
struct BackupVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read every byte of the backups. Exit code 1 when something is damaged.")

    @Option(name: .customLong("in"), help: "The directory of backups.")
    var directory: String

    func run() throws {
        let findings = try EmbeddedBackups(directory: directory, data: "").open().verify()
        Output.standard.write(
            """
            backups \(findings.backups)
            table files \(findings.files)
            bytes of table files \(findings.bytes)
            records of changes \(findings.changes)

            """)
        for problem in findings.problems { Output.standard.write("damaged: \(problem)\n") }
        if !findings.problems.isEmpty {
            throw CommandFailure(
                .failed, "\(findings.problems.count) problems in '\(directory)'",
                advice: "make a new backup, in another directory if a disk fails")
        }
        Output.standard.write("no damage\n")
        Output.standard.flush()
    }
}

/// `silt backup drop`.
struct BackupDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Delete a backup, and the files and changes that no other needs.")

    @Argument(help: "The backup's name.")
    var backup: String
    @OptionGroup var backups: BackupOptions

    func run() throws { try backups.withBackups { try $0.drop(backup) } }
}

/// `silt snapshot export`.
struct SnapshotExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Copy a snapshot, with all that it needs, into a directory of backups.")

    @Argument(help: "The snapshot's name.")
    var snapshot: String
    @OptionGroup var backups: BackupOptions

    func run() throws { try backups.withBackups { try $0.export(snapshot) } }
}

/// `silt snapshot import`.
struct SnapshotImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a table of an exported snapshot; every byte is verified first.")

    @Argument(help: "The snapshot's name.")
    var snapshot: String
    @Argument(help: "The new table's name (default: that of the table it is of).")
    var table: String?
    @OptionGroup var backups: BackupOptions

    func run() throws {
        try backups.withBackups { access in
            guard let found = try access.list().first(where: { $0.name == snapshot }) else {
                throw CommandFailure(.notFound, "no such snapshot snapshot=\(snapshot)")
            }
            guard found.tables.count == 1 else {
                throw CommandFailure(
                    .usage, "'\(snapshot)' is a backup of \(found.tables.count) tables",
                    advice: "`silt backup restore` takes one of them")
            }
            try access.restore(found.tables[0].name, from: snapshot, as: table, at: nil)
        }
    }
}
