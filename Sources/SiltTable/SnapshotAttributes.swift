import SiltBytes
import SiltFormat
import SiltModel

/// How the schema of a snapshot says what it is one of.
///
/// Part of the format: docs/format/schema.md.
enum SnapshotAttributes {
    /// What the names of tables that are snapshots begin with.
    static let tablePrefix = "\(TableRules.systemPrefix)snapshot."

    private static let tableKey = "silt.snapshot.table"
    private static let timeKey = "silt.snapshot.time"
    private static let readOnlyKey = "silt.snapshot.read-only"
    private static let attributePrefix = "silt.snapshot.attribute."

    /// The schema of a snapshot that is made of a table.
    static func definition(
        _ snapshot: String, of table: TableDefinition, nowMilliseconds: Int64
    ) -> TableDefinition {
        var attributes = [tableKey: table.name, timeKey: "\(nowMilliseconds)"]
        if table.isReadOnly { attributes[readOnlyKey] = "true" }
        // Under other names: they must mean nothing for the snapshot.
        for (key, value) in table.attributes { attributes[attributePrefix + key] = value }
        return TableDefinition(
            tablePrefix + snapshot, families: table.families, durability: table.durability,
            isReadOnly: true, hashBuckets: table.hashBuckets, attributes: attributes)
    }

    /// The schema that the table had, without its indexes and its feed.
    static func original(of snapshot: TableDefinition) -> TableDefinition {
        var attributes: [String: String] = [:]
        for (key, value) in snapshot.attributes where key.hasPrefix(attributePrefix) {
            let name = String(key.dropFirst(attributePrefix.count))
            if !TableRules.isOwn(attribute: name) { attributes[name] = value }
        }
        return TableDefinition(
            tableName(of: snapshot) ?? snapshot.name, families: snapshot.families,
            durability: snapshot.durability,
            isReadOnly: snapshot.attributes[readOnlyKey] == "true",
            splitPoints: snapshot.splitPoints, hashBuckets: snapshot.hashBuckets,
            attributes: attributes)
    }

    /// The complete indexes that the table had.
    static func indexes(of snapshot: TableDefinition) -> [ColumnIndex] {
        var attributes: [String: String] = [:]
        for (key, value) in snapshot.attributes where key.hasPrefix(attributePrefix) {
            attributes[String(key.dropFirst(attributePrefix.count))] = value
        }
        return StoredIndex.indexes(attributes).filter { $0.state == .ready }.map(\.declared)
    }

    /// The name of the table that a snapshot is of; `nil` for other tables.
    static func tableName(of definition: TableDefinition) -> String? {
        definition.name.hasPrefix(tablePrefix) ? definition.attributes[tableKey] : nil
    }

    /// The same for the schema that a backup has of a table.
    static func tableName(of backup: SchemaRecord) -> String {
        backup.attributes[tableKey] ?? backup.name
    }

    /// When a snapshot was made.
    static func milliseconds(of definition: TableDefinition) -> Int64 {
        definition.attributes[timeKey].flatMap { Int64($0) } ?? 0
    }
}

/// A snapshot.
package struct SnapshotInfo: Sendable, Hashable {
    /// Its name.
    package let name: String
    /// The table that it is of.
    package let table: String
    /// When it was made, in milliseconds since 1970.
    package let milliseconds: Int64
    /// The bytes of the files that it refers to; the table may still use the same.
    package let fileBytes: Int

    init?(_ table: StoredTable) {
        let definition = table.definition
        guard let original = SnapshotAttributes.tableName(of: definition) else { return nil }
        name = String(definition.name.dropFirst(SnapshotAttributes.tablePrefix.count))
        self.table = original
        milliseconds = SnapshotAttributes.milliseconds(of: definition)
        fileBytes = table.regions().reduce(0) { $0 + $1.fileBytes }
    }
}
