package import SiltIO
package import SiltLSM
package import SiltModel

/// All tables of one data directory, above one engine. Safe to use from any thread.
package final class TableStore: Sendable {
    let shared: SharedParts
    /// What replaying the logs found when the directory was opened.
    package let recovery: RecoveryReport

    private init(shared: SharedParts, recovery: RecoveryReport) {
        self.shared = shared
        self.recovery = recovery
    }

    /// Opens the data directory behind an environment, creating it when there is nothing yet, and recovers.
    ///
    /// - Throws: `conflict` when another process has it open; `corrupted` naming file and offset.
    package static func open(_ environment: Environment, _ options: EngineOptions = .init())
        throws(SiltstoneError) -> TableStore
    {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// The engine underneath.
    package var engine: Engine { shared.engine }

    /// Creates a table; durable on return.
    ///
    /// - Throws: `alreadyExists`; `invalidArgument` for a definition that breaks a rule, also for
    ///   the reserved namespace `silt:`.
    package func createTable(_ definition: TableDefinition) throws(SiltstoneError) -> StoredTable {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// The system table of a definition, whose name begins with `silt:`; created when missing.
    package func systemTable(_ definition: TableDefinition) throws(SiltstoneError) -> StoredTable {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// The table of a name, system tables included.
    package func table(_ name: String) throws(SiltstoneError) -> StoredTable {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// The tables by name; system tables only when asked.
    package func tables(includesSystem: Bool = false) -> [StoredTable] { [] }

    /// Changes a table's families, settings and attributes; split points are ignored. Durable on return.
    ///
    /// Cells of a family that is left out are gone, also when a family of that name comes back.
    package func alterTable(_ name: String, to definition: TableDefinition)
        throws(SiltstoneError) -> StoredTable
    {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// Drops a table and everything in it; durable on return, its files go later.
    package func dropTable(_ name: String) throws(SiltstoneError) {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// Applies a batch as one: all of it or nothing, also across tables and regions.
    ///
    /// On return it is visible, and durable at the level asked for (`nil`: the strictest of its tables').
    package func write(_ batch: [TableMutation], durability: Durability? = nil)
        throws(SiltstoneError)
    {
        try WritePath.write(batch, durability: durability, shared: shared)
    }

    /// As `write`, but returns before the batch is durable; `completion` is called from another thread.
    package func submit(
        _ batch: [TableMutation], durability: Durability?,
        completion: @escaping @Sendable (Result<Void, SiltstoneError>) -> Void
    ) {
        completion(.failure(SiltstoneError(.unavailable, "not built")))
    }

    /// Writes what is in memory of all tables to table files.
    package func flush() throws(SiltstoneError) { try engine.flushAll() }

    /// Deletes files that nothing refers to any more and whose grace period is over.
    package func sweep() throws(SiltstoneError) { try engine.sweep() }

    /// Flushes, closes the log and gives the directory up.
    package func close() throws(SiltstoneError) { try engine.close() }
}
