import SiltModel
import SiltTable

extension EmbeddedAccess {
    func feed(of table: String) throws -> (retentionMilliseconds: Int64, last: ChangePosition) {
        let stored = try find(table)
        let last = try stored.lastChange()
        return (try stored.feedRetentionMilliseconds ?? 0, last)
    }

    func enableFeed(of table: String, retentionMilliseconds: Int64) throws {
        try store.enableFeed(table, retentionMilliseconds: retentionMilliseconds)
    }

    func disableFeed(of table: String) throws { try store.disableFeed(table) }

    func changes(
        of table: String, after position: ChangePosition, limit: Int, waitMilliseconds: Int
    ) throws -> (changes: [TableChange], next: ChangePosition) {
        // Nobody else writes to a directory that is open: there is nothing to wait for.
        let batch = try find(table).changes(after: position, limit: limit)
        return (batch.changes, batch.next)
    }
}
