public import SiltModel
import SiltTable

/// A snapshot of a table.
public struct Snapshot: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The name of the table that it is of.
    public let table: String
    /// When it was made, in milliseconds since 1970.
    public let timestamp: Int64
    /// The bytes of the files that it refers to; the table may still use the same ones.
    public let fileBytes: Int
}

extension Database {
    /// Keeps a table as it is now under a name.
    ///
    /// It is durable on return. All regions are kept as of one moment, and readers and writers go on. Nothing is copied:
    /// the snapshot refers to the table's files, once what is in memory was flushed to them.
    ///
    /// - Throws: `alreadyExists`; `notFound` when there is no such table.
    public func createSnapshot(_ name: String, of table: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.createSnapshot(name, of: table)
        }
    }

    /// The snapshots of all tables, by name.
    public var snapshots: [Snapshot] {
        store.snapshots().map {
            Snapshot(
                name: $0.name, table: $0.table, timestamp: $0.milliseconds,
                fileBytes: $0.fileBytes)
        }
    }

    /// A snapshot as a table that can only be read.
    ///
    /// Times to live go on.
    ///
    /// - Throws: `notFound`.
    public func snapshotTable(_ name: String) throws(SiltstoneError) -> Table {
        Table(stored: try store.snapshotTable(name), bridge: bridge)
    }

    /// Makes a table that holds what a snapshot holds.
    ///
    /// It is durable on return. Only the entries of column indexes are made anew.
    ///
    /// - Throws: `alreadyExists`; `notFound` when there is no such snapshot.
    public func cloneSnapshot(_ name: String, to table: String) async throws(SiltstoneError)
        -> Table
    {
        let store = store
        let stored = try await bridge.run { () throws(SiltstoneError) in
            try store.cloneSnapshot(name, to: table)
        }
        return Table(stored: stored, bridge: bridge)
    }

    /// Puts a table back to what a snapshot of it holds, with its families and settings.
    ///
    /// It is durable on return; after a crash before that nothing was changed. What was written since the snapshot is
    /// gone. Writers wait for a moment; a scan that is under way fails with `notFound`.
    ///
    /// - Throws: `notFound` when there is no such snapshot, or its table was dropped.
    public func restoreSnapshot(_ name: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.restoreSnapshot(name) }
    }

    /// Deletes a snapshot.
    ///
    /// Durable on return; files that nothing else refers to go later.
    ///
    /// - Throws: `notFound`.
    public func dropSnapshot(_ name: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.dropSnapshot(name) }
    }
}
