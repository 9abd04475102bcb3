import Foundation
import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Siltstone

/// Tables of a directory that this process opens.
struct EmbeddedAccess: TableAccess {
    let store: TableStore

    /// Opens a directory, which must be a data directory unless `creates`.
    init(directory: String, creates: Bool) throws {
        store = try EmbeddedAccess.open(directory, creates: creates)
    }

    /// Opens a directory's tables; `memory` is a budget for all memory of the store, in bytes.
    static func open(
        _ directory: String, creates: Bool, memory: Int? = nil
    ) throws -> TableStore {
        if !creates { try requireDataDirectory(directory) }
        var options = EngineOptions()
        if let memory { options.memoryBudgetBytes = memory }
        return try TableStore.open(
            try Environment.posix(directory: directory, workerCount: 2), options)
    }

    /// Fails unless a directory holds a database.
    static func requireDataDirectory(_ directory: String) throws {
        guard FileManager.default.fileExists(atPath: "\(directory)/\(FormatRecord.key)") else {
            throw CommandFailure(
                .notFound, "there is no database in the directory '\(directory)'",
                advice:
                    "`silt table create` and `silt job run` make one; --data names another directory"
            )
        }
    }

    func tables() throws -> [TableDefinition] { store.tables().map(\.definition) }

    func definition(of table: String) throws -> TableDefinition { try find(table).definition }

    func create(_ definition: TableDefinition, feedRetentionMilliseconds: Int64?) throws {
        _ = try store.createTable(
            definition, feedRetentionMilliseconds: feedRetentionMilliseconds)
    }

    func drop(_ table: String) throws { try store.dropTable(table) }

    func namespaces() throws -> [String] { try store.namespaces() }

    func createNamespace(_ namespace: String) throws { try store.createNamespace(namespace) }

    func dropNamespace(_ namespace: String) throws { try store.dropNamespace(namespace) }

    func statistics() throws -> JSONValue { store.statistics.json }

    func regions(of table: String) throws -> [RegionLine] {
        try find(table).regions().map {
            RegionLine(
                id: $0.id, start: $0.start, end: $0.end, bucket: $0.bucket,
                cellCount: $0.cellCount, fileCount: $0.fileCount, fileBytes: $0.fileBytes,
                memtableBytes: $0.memtableBytes)
        }
    }

    func flush(_ table: String) throws { try find(table).flush() }

    func split(_ table: String, at row: Bytes) throws -> Bool {
        try store.split(table, at: row)
    }

    func split(_ table: String, region: Identifier) throws -> Bool {
        try store.split(table, region: region)
    }

    func merge(_ table: String, _ first: Identifier, _ second: Identifier) throws {
        try store.merge(table, first, second)
    }

    func compact(_ table: String) throws { try find(table).compact() }

    func indexes(of table: String) throws -> [ColumnIndex] { try find(table).indexes }

    func createIndex(_ index: ColumnIndex, of table: String) throws {
        try store.createIndex(table, index)
    }

    func dropIndex(_ column: Column, of table: String) throws {
        try store.dropIndex(table, of: column)
    }

    func get(_ row: Bytes, of table: String, _ projection: Projection) throws -> Row? {
        try find(table).get(row, projection)
    }

    func scan(
        _ range: RowRange, of table: String, _ projection: Projection, limit: Int,
        _ body: (Row) throws -> Bool
    ) throws {
        let scanner = try find(table).scan(range, projection)
        var left = limit
        while left > 0, let row = try scanner.next() {
            left -= 1
            if try !body(row) { return }
        }
    }

    func aggregate(_ aggregation: Aggregation, over table: String) throws -> [GroupLine] {
        try aggregation.run(over: find(table)).map { group in
            GroupLine(
                key: group.key,
                values: group.values.map { String(decoding: $0.text ?? [], as: UTF8.self) })
        }
    }

    func snapshots() throws -> [SnapshotLine] {
        store.snapshots().map {
            SnapshotLine(
                name: $0.name, table: $0.table, milliseconds: $0.milliseconds,
                fileBytes: $0.fileBytes)
        }
    }

    func createSnapshot(_ snapshot: String, of table: String) throws {
        try store.createSnapshot(snapshot, of: table)
    }

    func cloneSnapshot(_ snapshot: String, to table: String) throws {
        _ = try store.cloneSnapshot(snapshot, to: table)
    }

    func restoreSnapshot(_ snapshot: String) throws { try store.restoreSnapshot(snapshot) }

    func dropSnapshot(_ snapshot: String) throws { try store.dropSnapshot(snapshot) }

    func write(_ mutation: RowMutation, to table: String, durability: Durability?) throws {
        try find(table).write([mutation], durability: durability)
    }

    func close() throws { try store.closeWithEnvironment() }

    func find(_ table: String) throws -> StoredTable {
        do {
            return try store.table(table)
        } catch let error where error.code == .notFound {
            throw CommandFailure(
                .notFound, error.message, advice: "`silt table list` shows the tables there are")
        }
    }
}
