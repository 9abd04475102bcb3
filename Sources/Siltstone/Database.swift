public import SiltBytes
import SiltIO
public import SiltModel
package import SiltTable

/// An open data directory: tables and what is in them.
///
/// A handle to share: safe to use from any task. Only one process at a time can have a directory open.
/// Everything that touches a disk runs on threads of the database's own; a failed write of log or
/// table files makes all later writes throw `unavailable` until the directory is opened anew.
public final class Database: Sendable {
    /// The synchronous engine underneath.
    package let store: TableStore
    /// Where blocking calls run.
    package let bridge: BlockingBridge

    /// A database above an open store.
    package init(store: TableStore, bridge: BlockingBridge) {
        self.store = store
        self.bridge = bridge
    }

    /// Opens the data directory at a path, creating it when there is none, and recovers.
    ///
    /// On return every write that was acknowledged before is visible: at `fsyncWAL` also after a
    /// power cut, at `syncWAL` after a killed process.
    ///
    /// - Throws: `conflict` when another process has the directory open; `corrupted` with the place
    ///   of the damage; `unavailable` when the path cannot be used.
    /// - Complexity: disk I/O linear in the log written since the last flush, and a few reads a region.
    public static func open(at path: String, _ configuration: Configuration = Configuration())
        async throws(SiltstoneError) -> Database
    {
        let bridge = BlockingBridge(threadCount: configuration.threadCount)
        let store = try await bridge.run { () throws(SiltstoneError) in
            let environment = try Environment.posix(
                directory: path, workerCount: configuration.workerCount)
            return try TableStore.open(
                environment, memtableBytesMax: configuration.memtableBytesMax,
                cacheBytes: configuration.cacheBytes,
                memoryBudgetBytes: configuration.memoryBudgetBytes,
                verifiesFiles: configuration.verifiesFiles)
        }
        return Database(store: store, bridge: bridge)
    }

    /// Creates a table.
    ///
    /// It is durable on return.
    ///
    /// - Parameters:
    ///   - name: letters, digits, `_` `-` `.`, optionally after `namespace:`.
    ///   - families: at least one.
    ///   - splitPoints: the row keys at which the table is cut into regions, ascending.
    ///   - feed: how long each change of the table is kept to be read, as `enableFeed` has it, from the first change on;
    ///     `nil` for no change feed.
    /// - Throws: `alreadyExists`; `notFound` when there is no such namespace; `invalidArgument` saying which rule is broken.
    public func createTable(
        _ name: String, families: [Family], splitAt splitPoints: [Bytes] = [],
        feed: Duration? = nil
    ) async throws(SiltstoneError) -> Table {
        try await createTable(
            TableDefinition(name, families: families, splitPoints: splitPoints), feed: feed)
    }

    /// Creates a table with all its settings.
    ///
    /// It is durable on return.
    ///
    /// - Parameter feed: how long each change of the table is kept to be read, as `enableFeed` has it, from the first change
    ///   on; `nil` for no change feed.
    /// - Throws: `alreadyExists`; `notFound` when there is no such namespace; `invalidArgument` saying which rule is broken.
    public func createTable(_ definition: TableDefinition, feed: Duration? = nil)
        async throws(SiltstoneError) -> Table
    {
        let store = store
        let stored = try await bridge.run { () throws(SiltstoneError) in
            try store.createTable(
                definition, feedRetentionMilliseconds: feed?.wholeMilliseconds)
        }
        return Table(stored: stored, bridge: bridge)
    }

    /// The table of a name.
    ///
    /// No disk I/O.
    ///
    /// - Throws: `notFound`.
    public func table(_ name: String) throws(SiltstoneError) -> Table {
        Table(stored: try store.table(name), bridge: bridge)
    }

    /// The tables, by name.
    ///
    /// No disk I/O.
    public func tables() -> [Table] {
        store.tables().map { Table(stored: $0, bridge: bridge) }
    }

    /// Changes a table's families and settings.
    ///
    /// Durable on return; readers and writers go on meanwhile.
    ///
    /// The cells of a family that the definition leaves out are gone for good.
    ///
    /// - Throws: `notFound`; `invalidArgument` saying which rule is broken.
    @discardableResult
    public func alterTable(_ name: String, to definition: TableDefinition)
        async throws(SiltstoneError) -> Table
    {
        let store = store
        let stored = try await bridge.run { () throws(SiltstoneError) in
            try store.alterTable(name, to: definition)
        }
        return Table(stored: stored, bridge: bridge)
    }

    /// Drops a table and everything in it.
    ///
    /// Durable on return; the files are deleted later.
    ///
    /// - Throws: `notFound`.
    public func dropTable(_ name: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.dropTable(name) }
    }

    /// Applies a batch as one: on return all of it is visible and durable, or an error says why none is.
    ///
    /// - Parameter durability: `nil` takes the strictest level of the batch's tables, `fsyncWAL` unless declared otherwise.
    /// - Throws: `invalidArgument` (nothing was written), `overloaded` and `storageFull` (try again
    ///   later), `unknownOutcome` (only reopening tells).
    /// - Complexity: one log write for the whole batch, shared with concurrent ones.
    public func write(_ batch: WriteBatch, durability: Durability? = nil)
        async throws(SiltstoneError)
    {
        let store = store
        let mutations = batch.mutations
        try await bridge.run { () throws(SiltstoneError) in
            try store.write(mutations, durability: durability)
        }
    }

    /// Writes what is in memory to table files and gives the directory up; later calls throw `closed`.
    public func close() async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.closeWithEnvironment()
        }
        bridge.shutDown()
    }
}

/// Opens a data directory for the duration of `body` and closes it, also when `body` throws.
///
/// - Returns: what `body` returns.
public func withDatabase<Result>(
    at path: String, _ configuration: Configuration = Configuration(),
    isolation: isolated (any Actor)? = #isolation,
    _ body: (Database) async throws -> Result
) async throws -> Result {
    let database = try await Database.open(at: path, configuration)
    do {
        let result = try await body(database)
        try await database.close()
        return result
    } catch {
        // The first failure is what counts.
        try? await database.close()
        throw error
    }
}
