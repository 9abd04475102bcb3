import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// Change feeds of tables.
extension TableStore {
    /// Makes the changes of a table be told from here on, for so long each, or changes for how long; durable on return.
    ///
    /// - Throws: `notFound`; `invalidArgument` for a time that is not positive.
    package func enableFeed(_ name: String, retentionMilliseconds: Int64) throws(SiltstoneError) {
        try check(retentionMilliseconds)
        let table = try userTable(name)
        if let known = try table.layout().feed {
            return try changeFeed(table, known.id, retentionMilliseconds)
        }
        try withNewFeed(retentionMilliseconds) { feed throws(SiltstoneError) in
            try changeFeed(table, to: feed) { $0 == nil }
        }
    }

    /// Makes a feed without a table, and runs `body`, which writes the schema that names it.
    func withNewFeed<Result>(
        _ retentionMilliseconds: Int64, _ body: (StoredFeed) throws(SiltstoneError) -> Result
    ) throws(SiltstoneError) -> Result {
        try check(retentionMilliseconds)
        let feed = StoredFeed(
            retentionMilliseconds: retentionMilliseconds, id: engine.environment.makeIdentifier())
        let entries = try systemTable(feed.table)
        shared.feeds[feed.id] = ChangeFeed(id: feed.id, entries: entries, shared: shared)
        do throws(SiltstoneError) {
            return try body(feed)
        } catch {
            // The first failure is what counts; what stays is taken away when the directory is opened.
            try? dropEntries(of: feed)
            throw error
        }
    }

    /// Ends a table's feed and forgets its entries; durable on return.
    ///
    /// - Throws: `notFound` when there is none.
    package func disableFeed(_ name: String) throws(SiltstoneError) {
        let table = try userTable(name)
        guard let feed = try table.layout().feed else {
            throw SiltstoneError(.notFound, "table has no change feed table=\(name)")
        }
        try changeFeed(table, to: nil) { $0?.id == feed.id }
        try dropEntries(of: feed)
    }

    /// Makes the opened tables' feeds work, and takes away what a crash left of others.
    func openFeeds() throws(SiltstoneError) {
        var used: Set<String> = []
        for table in tables(includesSystem: true) {
            let layout = try table.layout()
            guard let feed = layout.feed else { continue }
            guard let entries = try? self.table(feed.tableName) else {
                try changeFeed(table, to: nil) { $0?.id == feed.id }
                continue
            }
            used.insert(feed.tableName)
            shared.feeds[feed.id] = ChangeFeed(id: feed.id, entries: entries, shared: shared)
        }
        for table in tables(includesSystem: true) {
            let name = table.definition.name
            if name.hasPrefix(StoredFeed.tablePrefix), !used.contains(name) { try drop(name) }
        }
    }

    /// Takes the entries of a feed away that no schema names any more.
    func dropEntries(of feed: StoredFeed) throws(SiltstoneError) {
        let open = shared.feeds[feed.id]
        shared.feeds[feed.id] = nil
        defer { open?.wake() }
        try drop(feed.tableName)
    }

    /// Tells of something that happened to a whole table, if it has a feed.
    func tell(_ kind: TableChange.Kind, of layout: TableLayout) throws(SiltstoneError) {
        guard let stored = layout.feed, let feed = shared.feeds[stored.id] else { return }
        var encoder = BatchEncoder(shared: shared, expectedCount: 1)
        encoder.tell(kind, in: feed)
        let enqueued = try FeedCommit.enqueue(&encoder, durability: .fsyncWAL, shared: shared)
        _ = try engine.commit(enqueued)
        feed.wake()
    }

    private func check(_ retentionMilliseconds: Int64) throws(SiltstoneError) {
        guard retentionMilliseconds > 0 else {
            throw SiltstoneError(
                .invalidArgument,
                "retention of a feed must be positive ms=\(retentionMilliseconds)")
        }
    }

    private func userTable(_ name: String) throws(SiltstoneError) -> StoredTable {
        guard !name.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(.invalidArgument, "tables of the system have no change feeds")
        }
        return try table(name)
    }

    private func changeFeed(_ table: StoredTable, _ id: Identifier, _ retentionMilliseconds: Int64)
        throws(SiltstoneError)
    {
        let feed = StoredFeed(retentionMilliseconds: retentionMilliseconds, id: id)
        try changeFeed(table, to: feed) { $0?.id == id }
        try alter(feed.tableName, to: feed.table)
    }

    /// Writes a schema with another feed, while nobody holds a row: all batches after it are told, none before.
    private func changeFeed(
        _ table: StoredTable, to feed: StoredFeed?, _ expects: (StoredFeed?) -> Bool
    ) throws(SiltstoneError) {
        try schemaChange.withLock { _ throws(SiltstoneError) in
            let layout = try table.layout()
            guard expects(layout.feed) else {
                throw SiltstoneError(
                    .conflict, "feed was changed by somebody else table=\(layout.definition.name)")
            }
            let changed = layout.with(feed)
            try shared.locks.withAllHeld { () throws(SiltstoneError) in
                try catalog.write(changed.record(table: table.id))
                table.replaceLayout(changed)
            }
        }
    }
}
