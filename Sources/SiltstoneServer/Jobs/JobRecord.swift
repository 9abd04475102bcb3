import SiltBytes
import SiltIngest
import SiltModel
import SiltTable

/// A job's file as the server keeps it, so that the job goes on after a restart.
struct JobRecord: Sendable {
    private static let document = Column("d", "document")
    private static let pause = Column("d", "paused")
    private static let startsAfter = Column("d", "after")

    let name: String
    /// The job file as it was sent.
    let document: [UInt8]
    /// The number of the checkpoint that a former job of that name left: one not newer belongs to that one.
    let startsAfter: UInt64
    /// Whether it stands still until somebody resumes it.
    var isPaused = false

    /// The record of the job standing still.
    var paused: JobRecord {
        var record = self
        record.isPaused = true
        return record
    }

    /// The record of the job going on.
    var resumed: JobRecord {
        var record = self
        record.isPaused = false
        return record
    }

    static func table(in store: TableStore) throws(SiltstoneError) -> StoredTable {
        try store.systemTable(TableDefinition("silt:job-files", families: [Family("d")]))
    }

    static func all(in store: TableStore) throws(SiltstoneError) -> [JobRecord] {
        let scanner = try table(in: store).scan()
        var records: [JobRecord] = []
        while let row = try scanner.next() {
            guard let name = row.key.string, let document = row[document]?.value,
                let after = row[startsAfter]?.value.string.flatMap({ UInt64($0) })
            else { throw SiltstoneError(.corrupted, "job's file cannot be read row=\(row.key)") }
            records.append(
                JobRecord(
                    name: name, document: document.array, startsAfter: after,
                    isPaused: row[pause]?.value == "true"))
        }
        return records
    }

    func store(in store: TableStore) throws(SiltstoneError) {
        func put(_ column: Column, _ value: Bytes) -> CellMutation {
            CellMutation(column, .put(value: value, timeToLiveMilliseconds: nil))
        }
        try Self.table(in: store).write([
            RowMutation(
                row: Bytes(name),
                changes: [
                    put(Self.document, Bytes(document)),
                    put(Self.startsAfter, Bytes(String(startsAfter))),
                    put(Self.pause, isPaused ? "true" : "false"),
                ])
        ])
    }

    func remove(from store: TableStore) throws(SiltstoneError) {
        try Self.table(in: store).write([
            RowMutation(
                row: Bytes(name), changes: [CellMutation(Column("d", .empty), .deleteFamily)])
        ])
    }

    /// The definition that the document holds, YAML or JSON.
    static func definition(_ document: [UInt8]) throws(JobDiagnostics) -> JobDefinition {
        let first = document.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
        if first == UInt8(ascii: "{") {
            return try JobDefinition(DocumentNode(json: document))
        }
        guard let text = Bytes(document).string else {
            throw JobDiagnostics([
                JobDiagnostic(DocumentMark(line: 1, column: 1), "the file is not UTF-8")
            ])
        }
        return try JobDefinition(YAMLDocument.parse(text))
    }
}
