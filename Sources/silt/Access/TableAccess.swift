import SiltBytes
import SiltModel
import Siltstone

/// What `silt table regions` shows of a region.
struct RegionLine {
    let id: Identifier
    let start: Bytes
    let end: Bytes
    var bucket: Int?
    var cellCount: Int?
    var fileCount: Int?
    var fileBytes: Int?
    var memtableBytes: Int?
}

/// What `silt snapshot list` shows of a snapshot.
struct SnapshotLine {
    let name: String
    let table: String
    let milliseconds: Int64
    let fileBytes: Int
}

/// The results of a group, as text.
struct GroupLine {
    let key: Bytes
    let values: [String]
}

/// Tables and rows, of a directory or of a server: what the data commands need, meaning the same on both.
protocol TableAccess {
    /// The definitions of all tables, by name.
    func tables() throws -> [TableDefinition]
    /// The definition of one.
    func definition(of table: String) throws -> TableDefinition
    /// Creates a table, with a change feed when there is a time for which changes are kept.
    func create(_ definition: TableDefinition, feedRetentionMilliseconds: Int64?) throws
    /// Drops a table and everything in it.
    func drop(_ table: String) throws
    /// The namespaces, in order.
    func namespaces() throws -> [String]
    /// Makes a namespace.
    func createNamespace(_ namespace: String) throws
    /// Removes a namespace that has no tables.
    func dropNamespace(_ namespace: String) throws
    /// What the store did since it was opened, and what it holds, as `/v1/overview` shows it.
    func statistics() throws -> JSONValue
    /// The regions of a table.
    func regions(of table: String) throws -> [RegionLine]
    /// Writes what is in memory to table files.
    func flush(_ table: String) throws
    /// Cuts the region of a row in two, at the row.
    func split(_ table: String, at row: Bytes) throws -> Bool
    /// Cuts a region in two at about its middle.
    func split(_ table: String, region: Identifier) throws -> Bool
    /// Makes one region of two neighbours.
    func merge(_ table: String, _ first: Identifier, _ second: Identifier) throws
    /// Merges the table files.
    func compact(_ table: String) throws
    /// The indexes of a table.
    func indexes(of table: String) throws -> [ColumnIndex]
    /// Makes an index.
    func createIndex(_ index: ColumnIndex, of table: String) throws
    /// Drops the index of a column.
    func dropIndex(_ column: Column, of table: String) throws

    /// For how long a table's changes are kept, in milliseconds, and the position of the last.
    func feed(of table: String) throws -> (retentionMilliseconds: Int64, last: ChangePosition)
    /// Makes changes of a table be told, or changes for how long.
    func enableFeed(of table: String, retentionMilliseconds: Int64) throws
    /// Ends a table's feed.
    func disableFeed(of table: String) throws
    /// Changes after a position, waited for when there are none, and after which position to go on.
    func changes(
        of table: String, after position: ChangePosition, limit: Int, waitMilliseconds: Int
    ) throws -> (changes: [TableChange], next: ChangePosition)

    /// A row's cells, or `nil`.
    func get(_ row: Bytes, of table: String, _ projection: Projection) throws -> Row?
    /// Hands the rows of a range over, in order, until there are no more, `limit` is reached or `body` says no.
    func scan(
        _ range: RowRange, of table: String, _ projection: Projection, limit: Int,
        _ body: (Row) throws -> Bool
    ) throws
    /// Applies a row's changes as one.
    func write(_ mutation: RowMutation, to table: String, durability: Durability?) throws

    /// Computes over the rows of a table.
    func aggregate(_ aggregation: Aggregation, over table: String) throws -> [GroupLine]

    /// The snapshots, by name.
    func snapshots() throws -> [SnapshotLine]
    /// Keeps a table as it is now.
    func createSnapshot(_ snapshot: String, of table: String) throws
    /// Makes a table that holds what a snapshot holds.
    func cloneSnapshot(_ snapshot: String, to table: String) throws
    /// Puts a table back to what a snapshot of it holds.
    func restoreSnapshot(_ snapshot: String) throws
    /// Deletes a snapshot.
    func dropSnapshot(_ snapshot: String) throws

    /// Gives the directory or the connection up.
    func close() throws
}
