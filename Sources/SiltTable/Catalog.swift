import SiltBytes
import SiltFormat
import SiltIO
import SiltModel

/// The schemas of all tables, as numbered immutable objects `tables/<id>/schema/<n>`.
///
/// A table's highest number is the truth. To create a table its regions are made first and schema 1
/// last: that object is the commit point, and what a crash leaves before it belongs to nobody. To
/// change or drop a table the next number is written; who comes second fails to create it.
struct Catalog {
    let objects: any ObjectStore

    /// The newest schema of every table, dropped ones included.
    func newestSchemas() throws(SiltstoneError) -> [SchemaRecord] {
        var newest: [Identifier: (number: UInt64, key: String)] = [:]
        for key in try objects.list(prefix: "tables/", after: nil) {
            let parts = key.split(separator: "/")
            guard parts.count == 4, parts[2] == "schema", let table = Identifier(parts[1]),
                let number = ObjectNumber.number(endOf: key)
            else { continue }
            if number > newest[table]?.number ?? 0 { newest[table] = (number, key) }
        }
        var records: [SchemaRecord] = []
        for (table, entry) in newest.sorted(by: { $0.key < $1.key }) {
            let record = try read(entry.key)
            guard record.table == table, record.number == entry.number else {
                throw SiltstoneError(
                    .corrupted,
                    "schema belongs elsewhere table=\(record.table) number=\(record.number)",
                    at: .init(file: entry.key, offset: 0))
            }
            records.append(record)
        }
        return records
    }

    /// Writes a schema; durable on return.
    func write(_ record: SchemaRecord) throws(SiltstoneError) {
        let key = SchemaRecord.key(table: record.table, number: record.number)
        guard try objects.putIfAbsent(key, record.encoded()) else {
            throw SiltstoneError(
                .conflict, "schema was changed by somebody else table=\(record.name)",
                at: .init(file: key))
        }
    }

    private func read(_ key: String) throws(SiltstoneError) -> SchemaRecord {
        let bytes = try objects.get(key)
        do {
            return try SchemaRecord(decoding: bytes)
        } catch {
            throw SiltstoneError(
                .corrupted, error.message, at: .init(file: key, offset: error.offset))
        }
    }
}
