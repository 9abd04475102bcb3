import ArgumentParser
import SiltBytes
import SiltModel
import SiltstoneServer

/// Administration of tables.
struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table",
        abstract: "Create, list, describe and drop tables; look after their files.",
        subcommands: [
            TableCreateCommand.self, TableListCommand.self, TableDescribeCommand.self,
            TableDropCommand.self, TableRegionsCommand.self, TableFlushCommand.self,
            TableCompactCommand.self, TableSplitCommand.self, TableMergeCommand.self,
            TableIndexCommand.self, TableFeedCommand.self, TableChangesCommand.self,
        ])
}

/// `silt table create`.
struct TableCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a table.",
        discussion: """
            A family is a name, or a name with settings: cf:versions=3,ttl=30d,compression=zstd:3. The \
            settings are \(FamilyText.settingNames.joined(separator: ", ")).
            """)

    @Argument(help: "The table's name.")
    var table: String

    @Option(
        name: [.customLong("family"), .customShort("f")],
        help: "A family: cf or cf:setting=value,…; may be repeated.")
    var families: [String] = []

    @Option(
        name: .customLong("split-at"),
        help: "Row keys, separated by commas, at which the table is cut into regions.")
    var splitAt: String?

    @Option(
        help: """
            Spread rows over so many buckets by the hash of their keys, 2 to \(Limits.hashBucketsMax), so that \
            ascending keys are not all written to one region; scans give rows in order all the same.
            """)
    var hash: Int?

    @Option(
        help: "When writes are acknowledged: FSYNC_WAL (default), SYNC_WAL, ASYNC_WAL or SKIP_WAL.")
    var durability: String?

    @Option(
        help:
            "Keep the table's changes to be read, from the first on, each for so long: 7d, 12h, 30m."
    )
    var feed: String?

    @OptionGroup var location: LocationOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if families.isEmpty { throw ValidationError("a table has at least one --family") }
    }

    func run() throws {
        let points = try (splitAt ?? "").split(separator: ",").map {
            try text.form.decode($0, as: "a split point")
        }
        let definition = TableDefinition(
            table, families: try families.map(FamilyText.family),
            durability: try DurabilityText.level(durability), splitPoints: points,
            hashBuckets: hash)
        let retention = try feed.map { try DurationText.milliseconds($0, as: "--feed") }
        try location.withTables(creates: true) {
            try $0.create(definition, feedRetentionMilliseconds: retention)
        }
    }
}

/// `silt table list`.
struct TableListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tables.")

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let tables = try location.withTables { try $0.tables() }
        switch output.format {
        case .table: for table in tables { Output.standard.write(table.name + "\n") }
        case .csv:
            Output.standard.write(CSV.line(["table"]))
            for table in tables { Output.standard.write(CSV.line([table.name])) }
        case .ndjson:
            for table in tables { Output.standard.write(TableSchemaJSON.encode(table).text + "\n") }
        }
        Output.standard.flush()
    }
}

/// `silt table describe`.
struct TableDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Show a table's families and settings.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func run() throws {
        let definition = try location.withTables { try $0.definition(of: table) }
        let families = definition.families.map { family in
            let settings = FamilyText.settings(of: family).map { "\($0.name)=\($0.value)" }
            return [family.name, settings.joined(separator: ",")]
        }
        switch output.format {
        case .ndjson: Output.standard.write(TableSchemaJSON.encode(definition).text + "\n")
        case .csv:
            Output.standard.write(CSV.line(["family", "settings"]))
            for family in families { Output.standard.write(CSV.line(family)) }
        case .table:
            Output.standard.write("table \(definition.name)\n")
            Output.standard.write("durability \((definition.durability ?? .fsyncWAL).name)\n")
            if definition.isReadOnly { Output.standard.write("read-only\n") }
            if let buckets = definition.hashBuckets { Output.standard.write("hash \(buckets)\n") }
            if !definition.splitPoints.isEmpty {
                let points = definition.splitPoints.map(text.form.encode).joined(separator: ",")
                Output.standard.write("split at \(points)\n")
            }
            var table = TextTable(["family", "settings that differ from the defaults"])
            for family in families { table.add(family) }
            table.print()
        }
        Output.standard.flush()
    }
}

/// `silt table drop`.
struct TableDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop", abstract: "Drop a table and everything in it.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.drop(table) } }
}

/// `silt table regions`.
struct TableRegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions", abstract: "Show a table's regions and what they hold.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func run() throws {
        let regions = try location.withTables { try $0.regions(of: table) }
        let hashes = regions.contains { $0.bucket != nil }
        let headings =
            ["region", "start", "end"] + (hashes ? ["bucket"] : [])
            + ["cells", "files", "file_bytes", "memory_bytes"]
        let lines = regions.map { region in
            [region.id.description, text.form.encode(region.start), text.form.encode(region.end)]
                + (hashes ? [figure(region.bucket)] : [])
                + [
                    figure(region.cellCount), figure(region.fileCount),
                    figure(region.fileBytes), figure(region.memtableBytes),
                ]
        }
        LinePrinter.print(headings, lines, output.format)
    }

    private func figure(_ count: Int?) -> String { count.map(String.init) ?? "" }
}

/// `silt table flush`.
struct TableFlushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush", abstract: "Write what is in memory to table files.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.flush(table) } }
}

/// `silt table compact`.
struct TableCompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Merge a table's files; drop what is deleted or expired.")

    @Argument(help: "The table's name.")
    var table: String

    @OptionGroup var location: LocationOptions

    func run() throws { try location.withTables { try $0.compact(table) } }
}
