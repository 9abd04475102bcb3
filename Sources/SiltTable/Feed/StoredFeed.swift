import SiltBytes
import SiltModel

/// A table's change feed as the schema keeps it: the attribute `silt.feed` of the table.
///
/// Part of the format: docs/format/schema.md.
///
/// The entries are the rows of a table of the system, `silt:feed.<id>`.
struct StoredFeed: Sendable, Hashable {
    /// The attribute's key.
    static let attributeKey = "silt.feed"
    /// What the names of tables of entries begin with.
    static let tablePrefix = "\(TableRules.systemPrefix)feed."

    /// How long entries are kept, in milliseconds.
    let retentionMilliseconds: Int64
    /// Names the table of entries; a feed made again has another.
    let id: Identifier

    /// The name of the table that holds the entries.
    var tableName: String { "\(StoredFeed.tablePrefix)\(id)" }

    /// The attribute's value.
    var attributeValue: String { "\(retentionMilliseconds),\(id)" }

    init(retentionMilliseconds: Int64, id: Identifier) {
        self.retentionMilliseconds = retentionMilliseconds
        self.id = id
    }

    /// The feed among a table's attributes; `nil` when there is none or it is damaged.
    init?(_ attributes: [String: String]) {
        guard let value = attributes[StoredFeed.attributeKey] else { return nil }
        let parts = value.split(separator: ",")
        guard parts.count == 2, let retention = Int64(parts[0]), retention > 0,
            let id = Identifier(parts[1])
        else { return nil }
        retentionMilliseconds = retention
        self.id = id
    }

    /// The definition of the table of entries, which expire by themselves; its state stays.
    var table: TableDefinition {
        TableDefinition(
            tableName,
            families: [
                Family(
                    FeedEntry.family, timeToLiveMilliseconds: retentionMilliseconds,
                    bloomFilter: .none, blockBytes: 32_768),
                Family(FeedEntry.stateFamily, bloomFilter: .none),
            ], durability: .skipWAL, attributes: ["SPLIT_ENABLED": "false"])
    }
}
