import ArgumentParser

/// Snapshots of tables.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Keep tables as they are, at once and by reference; clone and restore them.",
        subcommands: [
            SnapshotCreateCommand.self, SnapshotListCommand.self, SnapshotCloneCommand.self,
            SnapshotRestoreCommand.self, SnapshotDropCommand.self, SnapshotExportCommand.self,
            SnapshotImportCommand.self,
        ])
}

/// `silt snapshot create`.
struct SnapshotCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Keep a table as it is now.")

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The snapshot's name.")
    var snapshot: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.createSnapshot(snapshot, of: table) } }
}

/// `silt snapshot list`.
struct SnapshotListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the snapshots.")

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let snapshots = try location.withTables { try $0.snapshots() }
        LinePrinter.print(
            ["snapshot", "table", "made_ms", "file_bytes"],
            snapshots.map { [$0.name, $0.table, "\($0.milliseconds)", "\($0.fileBytes)"] },
            output.format)
    }
}

/// `silt snapshot clone`.
struct SnapshotCloneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone", abstract: "Make a table that holds what a snapshot holds.")

    @Argument(help: "The snapshot's name.")
    var snapshot: String

    @Argument(help: "The new table's name.")
    var table: String

    @OptionGroup var location: LocationOptions

    func run() throws {
        try location.withTables { try $0.cloneSnapshot(snapshot, to: table) }
    }
}

/// `silt snapshot restore`.
struct SnapshotRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a table back to what a snapshot of it holds; what came since is gone.")

    @Argument(help: "The snapshot's name.")
    var snapshot: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.restoreSnapshot(snapshot) } }
}

/// `silt snapshot drop`.
struct SnapshotDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Delete a snapshot.")

    @Argument(help: "The snapshot's name.")
    var snapshot: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.dropSnapshot(snapshot) } }
}
