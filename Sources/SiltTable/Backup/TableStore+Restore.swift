import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// Tables made of backups.
///
/// What comes out of a backup is first a table of the system, `silt:import.ID`, of files of its own; changes are applied to it
/// there, and the wanted table is made of it as a clone is made of a snapshot, by one schema. What a crash leaves is taken
/// away when the directory is opened.
extension TableStore {
    private static let importPrefix = "\(TableRules.systemPrefix)import."
    private static let replayCount = 1_000

    /// Makes a table of one in a backup; durable on return, and before that there is no such table.
    ///
    /// Every byte that is used is verified first. Indexes are made anew; there is no change feed, and no protection against
    /// deletion. A namespace that the name needs is made.
    ///
    /// - Parameters:
    ///   - name: the table's name in the backup.
    ///   - backup: the backup; `nil` for the newest that has the table, at the time given.
    ///   - target: the new table's name; `nil` for the same name.
    ///   - milliseconds: the table is to hold what was committed up to this time stamp, by the changes beside the backup;
    ///     `nil` for what the backup holds.
    /// - Throws: `alreadyExists`; `notFound` when there is no such backup, or not the table in it; `expired` when there are no
    ///   changes up to the time; `corrupted` naming the damaged file.
    package func restoreTable(
        _ name: String, from directory: BackupDirectory, backup: String? = nil,
        as target: String? = nil, atMilliseconds milliseconds: Int64? = nil
    ) throws(SiltstoneError) -> StoredTable {
        let target = target ?? name
        guard !target.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(
                .invalidArgument, "table name is reserved for the system table=\(target)")
        }
        guard names.withLock({ $0[target] }) == nil else {
            throw SiltstoneError(.alreadyExists, "table exists table=\(target)")
        }
        let (record, held) = try directory.find(name, backup, milliseconds)
        let changes = try milliseconds.map { (milliseconds) throws(SiltstoneError) in
            try directory.checkedChanges(after: held, upTo: milliseconds)
        }
        try directory.check(held, of: record)
        let source = try importTable(held, from: directory)
        // What cannot be dropped now is dropped when the directory is opened.
        defer { try? drop(source.definition.name) }
        if let changes, let milliseconds {
            try apply(changes, of: held, upTo: milliseconds, to: source, directory)
        }
        try makeNamespace(of: target)
        return try clone(source, to: target)
    }

    /// Takes away what a crash left of tables that were not made to their end.
    func dropImports() throws(SiltstoneError) {
        for table in tables(includesSystem: true) {
            let name = table.definition.name
            if name.hasPrefix(Self.importPrefix) { try drop(name) }
        }
    }

    /// Makes the table of the system that holds what a backup does.
    private func importTable(_ held: BackupRecord.Table, from directory: BackupDirectory)
        throws(SiltstoneError) -> StoredTable
    {
        try held.checkRows()
        let id = engine.environment.makeIdentifier()
        var record = held.schema
        record.table = id
        record.number = 1
        record.name = "\(Self.importPrefix)\(id)"
        record.isReadOnly = false
        let trees = record.families.map { TreeOptions(family: $0.id, settings: $0.settings) }
        let groups = try engine.adopt(
            held.regions, for: id, trees: trees, from: directory.objects)
        do throws(SiltstoneError) {
            let layout = TableLayout(record, regions: groups)
            try TableRules.check(layout.definition)
            let table = StoredTable(id: id, shared: shared, layout: layout)
            try schemaChange.withLock { _ throws(SiltstoneError) in
                try catalog.write(layout.record(table: id))
                names.withLock { $0[layout.definition.name] = table }
            }
            return table
        } catch {
            // Without schema 1 the regions belong to nobody; the first failure is what counts.
            for group in groups { try? engine.dropGroup(group) }
            throw error
        }
    }

    /// Applies changes in the order in which they were committed.
    ///
    /// A family that was made since the backup is made first; changes of one that the table does not have any more when they
    /// are put aside are left out.
    private func apply(
        _ chain: BackupDirectory.Chain, of held: BackupRecord.Table, upTo milliseconds: Int64,
        to table: StoredTable, _ directory: BackupDirectory
    ) throws(SiltstoneError) {
        var definition = table.definition
        var known = Set(definition.families.map(\.name))
        for family in chain.families where known.insert(family.name).inserted {
            definition.families.append(family)
        }
        if definition.families.count > table.definition.families.count {
            try alter(definition.name, to: definition)
        }
        let start = ChangePosition(held.position) ?? .start
        for key in chain.keys {
            var batch: [RowMutation] = []
            for entry in try directory.changes(key).entries where entry.milliseconds <= milliseconds
            {
                let change = try FeedEntry.change(entry, in: key)
                guard change.position > start, case .row(var mutation) = change.kind else {
                    continue
                }
                mutation.changes.removeAll { !known.contains($0.column.family) }
                if !mutation.changes.isEmpty { batch.append(mutation) }
                if batch.count >= Self.replayCount {
                    // Nothing counts before the clone is made, which writes it all to files.
                    try table.write(batch, durability: .skipWAL)
                    batch.removeAll(keepingCapacity: true)
                }
            }
            try table.write(batch, durability: .skipWAL)
        }
    }
}

extension BackupDirectory {
    /// The backup of a name, or the newest that has the table as of the time.
    fileprivate func find(_ table: String, _ backup: String?, _ milliseconds: Int64?)
        throws(SiltstoneError) -> (BackupRecord, BackupRecord.Table)
    {
        func held(_ record: BackupRecord) -> BackupRecord.Table? {
            record.tables.first { SnapshotAttributes.tableName(of: $0.schema) == table }
        }
        if let backup {
            let record = try record(backup)
            guard let table = held(record) else {
                throw SiltstoneError(
                    .notFound, "backup has no such table backup=\(backup) table=\(table)")
            }
            return (record, table)
        }
        var best: (BackupRecord, BackupRecord.Table)?
        for record in try records() {
            guard let table = held(record), table.milliseconds <= milliseconds ?? .max else {
                continue
            }
            if best.map({ $0.1.milliseconds <= table.milliseconds }) ?? true {
                best = (record, table)
            }
        }
        guard let best else {
            throw SiltstoneError(.notFound, "no backup has the table at that time table=\(table)")
        }
        return best
    }

    /// The changes that bring a table of a backup to a time, once it is known that they are all there.
    fileprivate func checkedChanges(after held: BackupRecord.Table, upTo milliseconds: Int64)
        throws(SiltstoneError) -> Chain
    {
        guard milliseconds >= held.milliseconds else {
            throw SiltstoneError(
                .invalidArgument,
                "backup is of a later time wanted=\(milliseconds) backup=\(held.milliseconds)")
        }
        guard let chain = try chain(of: held) else {
            throw SiltstoneError(
                .expired, "backup has no changes of the table: it had no change feed")
        }
        guard milliseconds <= chain.untilMilliseconds else {
            throw SiltstoneError(
                .expired,
                "changes are known up to an earlier time wanted=\(milliseconds) known=\(chain.untilMilliseconds)"
            )
        }
        let start = ChangePosition(held.position) ?? .start
        for key in chain.keys {
            for entry in try changes(key).entries where entry.milliseconds <= milliseconds {
                let change = try FeedEntry.change(entry, in: key)
                guard change.position > start, case .restored(let snapshot) = change.kind else {
                    continue
                }
                throw SiltstoneError(
                    .conflict,
                    "table was put back to a snapshot at \(entry.milliseconds), which changes do not tell: use a later backup snapshot=\(snapshot)"
                )
            }
        }
        return chain
    }
}

extension BackupRecord.Table {
    /// The regions must cover all rows, once in each bucket.
    fileprivate func checkRows() throws(SiltstoneError) {
        var buckets = 0
        var end: Bytes? = .empty
        for region in regions {
            if region.rows.start.isEmpty, end?.isEmpty != false {
                buckets += 1
            } else if region.rows.start != end || region.rows.start.isEmpty {
                end = nil
                break
            }
            end = region.rows.end
        }
        guard end?.isEmpty == true, buckets == schema.hashBuckets ?? 1 else {
            throw SiltstoneError(
                .corrupted,
                "regions of the backup do not cover the table's rows table=\(schema.name)"
            )
        }
    }
}
