import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// Backups of tables.
extension TableStore {
    /// A table, and regions that hold what it and its feed held at the moment of a backup.
    private struct Held {
        let table: StoredTable
        let layout: TableLayout
        let regions: [TreeGroup]
        /// The table of the feed's entries as it was, and the feed.
        let entries: (table: StoredTable, feed: StoredFeed)?
    }

    /// Keeps tables as they are at one moment in a directory of backups; durable on return.
    ///
    /// Only files are copied that the directory does not have yet, and each copy is read again. Readers and writers go on. What
    /// feeds of the tables told since the backup before is put aside, too.
    ///
    /// - Parameters:
    ///   - name: the backup's name.
    ///   - names: the tables; `nil` for all.
    /// - Throws: `alreadyExists`; `notFound`; `corrupted` when a file of the database or of the directory is damaged.
    package func createBackup(
        _ name: String, of names: [String]? = nil, in directory: BackupDirectory
    ) throws(SiltstoneError) -> BackupInfo {
        let wanted = try backedUp(names)
        return try directory.exclusively { () throws(SiltstoneError) in
            let records = try checkNew(name, directory)
            let now = clock.nowMilliseconds
            let (held, groups) = try hold(wanted)
            // They are nobody's: their files were only to stay for so long.
            defer { for group in groups { try? engine.dropGroup(group) } }
            var tables: [BackupRecord.Table] = []
            for one in held {
                let definition = SnapshotAttributes.definition(
                    name, of: one.layout.definition, nowMilliseconds: now)
                tables.append(try recorded(one, as: definition))
            }
            let record = try record(tables, as: name, now, directory, records)
            var until: [Int64?] = []
            for one in held {
                guard let entries = one.entries else {
                    until.append(nil)
                    continue
                }
                let position = try StoredTable.last(entries.table)
                until.append(
                    try directory.archive(one.table, entries.feed.id, from: position)
                        .untilMilliseconds)
            }
            // Last of all: from here on there is a backup.
            try directory.write(record.record)
            var info = BackupDirectory.info(record.record)
            info.copiedBytes = record.copiedBytes
            for place in until.indices {
                info.tables[place].untilMilliseconds = until[place].map {
                    max($0, info.tables[place].milliseconds)
                }
            }
            return info
        }
    }

    /// Puts a snapshot into a directory of backups under its own name; durable on return.
    ///
    /// - Throws: `alreadyExists`; `notFound`; `corrupted` when a file of the database or of the directory is damaged.
    package func exportSnapshot(_ snapshot: String, to directory: BackupDirectory)
        throws(SiltstoneError) -> BackupInfo
    {
        let source = try snapshotTable(snapshot)
        return try directory.exclusively { () throws(SiltstoneError) in
            let records = try checkNew(snapshot, directory)
            let (held, groups) = try hold([source])
            defer { for group in groups { try? engine.dropGroup(group) } }
            var tables: [BackupRecord.Table] = []
            for one in held {
                tables.append(try recorded(one, as: one.layout.definition))
            }
            let made = SnapshotAttributes.milliseconds(of: source.definition)
            let record = try record(tables, as: snapshot, made, directory, records)
            try directory.write(record.record)
            var info = BackupDirectory.info(record.record)
            info.copiedBytes = record.copiedBytes
            return info
        }
    }

    /// Puts aside what the feeds of backed up tables told since the last time.
    ///
    /// - Returns: how many changes.
    /// - Throws: `expired` when some are not kept any more: then only another backup helps.
    package func archiveChanges(in directory: BackupDirectory) throws(SiltstoneError) -> Int {
        try directory.exclusively { () throws(SiltstoneError) in
            var count = 0
            for table in tables() {
                guard let feed = try table.layout().feed else { continue }
                count += try directory.archive(table, feed.id, from: nil).count
            }
            return count
        }
    }

    /// The tables to back up.
    private func backedUp(_ names: [String]?) throws(SiltstoneError) -> [StoredTable] {
        guard let names else { return tables() }
        var tables: [StoredTable] = []
        for name in Set(names).sorted() {
            guard !name.hasPrefix(TableRules.systemPrefix) else {
                throw SiltstoneError(.invalidArgument, "tables of the system have no backups")
            }
            tables.append(try table(name))
        }
        return tables
    }

    private func checkNew(_ name: String, _ directory: BackupDirectory) throws(SiltstoneError)
        -> [BackupRecord]
    {
        try BackupDirectory.check(name: name)
        let records = try directory.records()
        guard !records.contains(where: { $0.name == name }) else {
            throw SiltstoneError(.alreadyExists, "backup exists backup=\(name)")
        }
        return records
    }

    /// Regions that hold what tables and their feeds hold, at one moment for all of them.
    private func hold(_ tables: [StoredTable]) throws(SiltstoneError) -> (
        held: [Held], groups: [TreeGroup]
    ) {
        try schemaChange.withLock { _ throws(SiltstoneError) in
            var layouts: [(table: StoredTable, layout: TableLayout, entries: TableLayout?)] = []
            for table in tables {
                let layout = try table.layout()
                var entries: TableLayout?
                if let feed = layout.feed { entries = try self.table(feed.tableName).layout() }
                layouts.append((table, layout, entries))
            }
            let sources = layouts.flatMap { $0.layout.regions + ($0.entries?.regions ?? []) }
            let id = engine.environment.makeIdentifier()
            let groups = try engine.copies(of: sources, for: id, isFixed: true)
            var place = 0
            func take(_ count: Int) -> [TreeGroup] {
                defer { place += count }
                return Array(groups[place..<(place + count)])
            }
            let held = layouts.map { table, layout, entries in
                Held(
                    table: table, layout: layout, regions: take(layout.regions.count),
                    entries: entries.flatMap { entries in
                        layout.feed.map { feed in
                            let copy = entries.with(regions: take(entries.regions.count))
                            return (StoredTable(id: id, shared: shared, layout: copy), feed)
                        }
                    })
            }
            return (held, groups)
        }
    }

    private func recorded(_ held: Held, as definition: TableDefinition) throws(SiltstoneError)
        -> BackupRecord.Table
    {
        let layout = TableLayout(
            schemaNumber: 1, definition: definition, families: held.layout.families,
            nextFamily: held.layout.nextFamily, regions: held.regions)
        var regions: [RegionManifest] = []
        for group in held.regions { regions.append(try engine.manifest(of: group)) }
        var table = BackupRecord.Table(
            schema: layout.record(table: held.table.id), regions: regions)
        if let entries = held.entries {
            table.feed = entries.feed.id
            table.position = try StoredTable.last(entries.table).description
        }
        return table
    }

    /// Copies what the tables are made of; the record that names it.
    private func record(
        _ tables: [BackupRecord.Table], as name: String, _ milliseconds: Int64,
        _ directory: BackupDirectory, _ records: [BackupRecord]
    ) throws(SiltstoneError) -> (record: BackupRecord, copiedBytes: Int) {
        let files = tables.flatMap(\.regions).flatMap(\.trees).flatMap(\.runs).flatMap(\.files)
        let (added, copiedBytes) = try directory.add(
            files, from: engine.environment.objects, records)
        let record = BackupRecord(
            name: name, createdMilliseconds: milliseconds, tables: tables, files: added)
        return (record, copiedBytes)
    }
}
