public import SiltBytes
public import SiltModel
package import SiltTable

/// An open data directory: tables and what is in them.
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

    /// Opens the data directory at a path, creating it when there is none, and recovers what its logs hold.
    public static func open(at path: String, _ configuration: Configuration = Configuration())
        async throws(SiltstoneError) -> Database
    {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// Creates a table.
    public func createTable(_ name: String, families: [Family], splitAt splitPoints: [Bytes] = [])
        async throws(SiltstoneError) -> Table
    {
        try await createTable(TableDefinition(name, families: families, splitPoints: splitPoints))
    }

    /// Creates a table.
    public func createTable(_ definition: TableDefinition) async throws(SiltstoneError) -> Table {
        let store = store
        let stored = try await bridge.run { () throws(SiltstoneError) in
            try store.createTable(definition)
        }
        return Table(stored: stored, bridge: bridge)
    }

    /// The table of a name.
    public func table(_ name: String) throws(SiltstoneError) -> Table {
        Table(stored: try store.table(name), bridge: bridge)
    }

    /// The tables, by name.
    public func tables() -> [Table] {
        store.tables().map { Table(stored: $0, bridge: bridge) }
    }

    /// Drops a table and everything in it.
    public func dropTable(_ name: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.dropTable(name) }
    }

    /// Applies a batch as one.
    public func write(_ batch: WriteBatch, durability: Durability? = nil)
        async throws(SiltstoneError)
    {
        let store = store
        let mutations = batch.mutations
        try await bridge.run { () throws(SiltstoneError) in
            try store.write(mutations, durability: durability)
        }
    }

    /// Flushes what is in memory and gives the directory up; later calls throw `closed`.
    public func close() async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.close() }
        bridge.shutDown()
    }
}
