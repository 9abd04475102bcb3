import SiltBytes
import SiltFormat
package import SiltIO
package import SiltLSM
package import SiltModel
import Synchronization

/// All tables of one data directory, above one engine.
///
/// Safe to use from any thread. Lock order: `schemaChange`, then `names`, then a table's own state.
package final class TableStore: Sendable {
    let shared: SharedParts
    let catalog: Catalog
    /// What replaying the logs found when the directory was opened.
    package let recovery: RecoveryReport
    /// Held while a schema changes, so that changes come one after the other.
    let schemaChange = Mutex(())
    let names: Mutex<[String: StoredTable]>
    /// What splits and merges cost so far.
    package let regionChanges = RegionChanges()

    private init(
        shared: SharedParts, catalog: Catalog, recovery: RecoveryReport,
        tables: [String: StoredTable]
    ) {
        self.shared = shared
        self.catalog = catalog
        self.recovery = recovery
        names = Mutex(tables)
    }

    /// Opens the data directory behind an environment, creating it when there is nothing yet, and recovers.
    ///
    /// - Throws: `conflict` when another process has it open; `corrupted` naming file and offset.
    package static func open(_ environment: Environment, _ options: EngineOptions = .init())
        throws(SiltstoneError) -> TableStore
    {
        let engine = try Engine.open(environment, options)
        do throws(SiltstoneError) {
            let shared = SharedParts(engine: engine)
            let catalog = Catalog(objects: environment.objects)
            var tables: [String: StoredTable] = [:]
            for record in try catalog.newestSchemas() where record.state == .live {
                let table = try openTable(record, shared)
                guard tables.updateValue(table, forKey: record.name) == nil else {
                    throw SiltstoneError(
                        .corrupted, "two tables have one name table=\(record.name)",
                        at: .init(
                            file: SchemaRecord.key(table: record.table, number: record.number)))
                }
            }
            let recovery = try engine.finishRecovery()
            let store = TableStore(
                shared: shared, catalog: catalog, recovery: recovery, tables: tables)
            try store.dropImports()
            try store.openIndexes()
            try store.openFeeds()
            store.watchRegions()
            return store
        } catch {
            environment.coordinator.leave()
            throw error
        }
    }

    /// As `open`, with the sizes that users set.
    ///
    /// - Parameters:
    ///   - memtableBytesMax: the memory for cells that are not in table files yet, in bytes.
    ///   - cacheBytes: the memory for blocks of table files, in bytes.
    ///   - memoryBudgetBytes: one budget for all memory, instead of those two.
    ///   - verifiesFiles: whether table files are read again before they count.
    package static func open(
        _ environment: Environment, memtableBytesMax: Int, cacheBytes: Int,
        memoryBudgetBytes: Int? = nil, verifiesFiles: Bool = false
    ) throws(SiltstoneError) -> TableStore {
        var options = EngineOptions()
        options.verifiesFiles = verifiesFiles
        options.memtableBytesMax = memtableBytesMax
        options.flushBytes = min(options.flushBytes, max(1 << 20, memtableBytesMax / 2))
        options.cacheBytes = cacheBytes
        if let memoryBudgetBytes { options.memoryBudgetBytes = memoryBudgetBytes }
        return try open(environment, options)
    }

    private static func openTable(_ record: SchemaRecord, _ shared: SharedParts)
        throws(SiltstoneError) -> StoredTable
    {
        let trees = record.families.map { TreeOptions(family: $0.id, settings: $0.settings) }
        var groups: [TreeGroup] = []
        for region in record.regions {
            groups.append(
                try shared.engine.openGroup(
                    id: region.id, table: record.table, trees: trees,
                    isFixed: record.name.hasPrefix(SnapshotAttributes.tablePrefix)))
        }
        guard !groups.isEmpty, !record.families.isEmpty else {
            throw SiltstoneError(
                .corrupted, "table has no regions or families table=\(record.name)",
                at: .init(file: SchemaRecord.key(table: record.table, number: record.number)))
        }
        let layout = TableLayout(record, regions: groups)
        guard layout.buckets.count == record.hashBuckets ?? 1 else {
            throw SiltstoneError(
                .corrupted, "table's regions are not those of its buckets table=\(record.name)",
                at: .init(file: SchemaRecord.key(table: record.table, number: record.number)))
        }
        return StoredTable(id: record.table, shared: shared, layout: layout)
    }

    /// All time that the store sees.
    package var clock: any Clock { shared.clock }
    /// The threads that flush and merge.
    package var workers: any Workers { engine.environment.workers }

    /// The engine underneath.
    package var engine: Engine { shared.engine }

    /// The table of a name, system tables included.
    package func table(_ name: String) throws(SiltstoneError) -> StoredTable {
        guard let table = names.withLock({ $0[name] }) else {
            throw SiltstoneError(.notFound, "no such table table=\(name)")
        }
        return table
    }

    /// The tables by name; system tables only when asked.
    package func tables(includesSystem: Bool = false) -> [StoredTable] {
        names.withLock { $0 }
            .filter { includesSystem || !$0.key.hasPrefix(TableRules.systemPrefix) }
            .sorted { $0.key < $1.key }
            .map(\.value)
    }

    /// Applies a batch as one: all of it or nothing, also across tables and regions.
    ///
    /// On return it is visible, and durable at the level asked for (`nil`: the strictest of its tables').
    package func write(_ batch: [TableMutation], durability: Durability? = nil)
        throws(SiltstoneError)
    {
        try WritePath.write(batch, durability: durability, shared: shared)
    }

    /// Applies rows that were encoded before and a batch as one, the rows first; as `write` of a batch.
    ///
    /// - Parameter limit: the level that suffices though more is asked for, unless a feed tells of the rows.
    package func write(
        _ rows: [EncodedRows], then batch: [TableMutation], durability: Durability? = nil,
        atMost limit: Durability = .fsyncWAL
    ) throws(SiltstoneError) {
        try WritePath.write(
            rows, then: batch, durability: durability, atMost: limit, shared: shared)
    }

    /// As `write`, but returns before the batch is durable.
    ///
    /// May wait for a read-modify-write of the same rows to end. `completion` is called from another
    /// thread, or from this one when the batch is refused at once.
    /// - Parameter soon: runs work on a thread of the caller's that must not wait, once it has brought what else it has; batches
    ///   that need not be durable are committed there.
    package func submit(
        _ batch: [TableMutation], durability: Durability?,
        soon: ((@escaping @Sendable () -> Void) -> Void)? = nil,
        completion: @escaping @Sendable (Result<Void, SiltstoneError>) -> Void
    ) {
        WritePath.submit(
            batch, durability: durability, shared: shared, soon: soon, completion: completion)
    }

    /// Writes what is in memory of all tables to table files.
    package func flush() throws(SiltstoneError) { try engine.flushAll() }

    /// Lets everybody go on who waits for changes of a table, as if there were some.
    package func wakeChangeReaders() { shared.feeds.wakeAll() }

    /// Deletes files that nothing refers to any more and whose grace period is over.
    package func sweep() throws(SiltstoneError) { try engine.sweep() }

    /// Flushes, closes the log and gives the directory up.
    package func close() throws(SiltstoneError) {
        // Who waits for changes finds the store closed.
        defer { shared.feeds.wakeAll() }
        try engine.close()
    }

    /// Closes, and ends the environment's threads; for whoever made the environment.
    package func closeWithEnvironment() throws(SiltstoneError) {
        defer { engine.environment.workers.shutDown() }
        try close()
    }
}
