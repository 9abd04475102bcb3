package import SiltBytes
internal import SiltModel

/// Entries of a table's change feed that were put aside beside backups, one after the other without gap.
///
/// Part of the format: docs/format/backup.md.
package struct ChangesRecord: Hashable, Sendable {
    static let magic = "SILTCHG\n"
    static let version: UInt32 = 1
    /// What the keys of all of them begin with.
    package static let keyPrefix = "changes/"

    /// An entry, as in feeds (docs/format/feed.md).
    package struct Entry: Hashable, Sendable {
        /// Its position, in text.
        package var position: String
        /// When it was committed, in milliseconds since 1970.
        package var milliseconds: Int64
        /// The head without the position of the entry before.
        package var kind: UInt8
        /// The row's key, or the snapshot's name.
        package var name: [UInt8]
        /// The changes of cells.
        package var changes: [[UInt8]]

        /// An entry.
        package init(
            position: String, milliseconds: Int64, kind: UInt8, name: [UInt8], changes: [[UInt8]]
        ) {
            self.position = position
            self.milliseconds = milliseconds
            self.kind = kind
            self.name = name
            self.changes = changes
        }
    }

    /// The feed.
    package var feed: Identifier
    /// The record's number, which its key carries too; from 1.
    package var number: UInt64
    /// The table's schema when the entries were put aside.
    package var schema: SchemaRecord
    /// The position after which the entries begin, in text.
    package var after: String
    /// The entries hold all that was committed up to this time stamp.
    package var untilMilliseconds: Int64
    /// The entries.
    package var entries: [Entry]

    /// A record.
    package init(
        feed: Identifier, number: UInt64, schema: SchemaRecord, after: String,
        untilMilliseconds: Int64, entries: [Entry]
    ) {
        self.feed = feed
        self.number = number
        self.schema = schema
        self.after = after
        self.untilMilliseconds = untilMilliseconds
        self.entries = entries
    }

    /// The position of the last entry.
    package var last: String { entries.last?.position ?? after }

    /// What the keys of a feed's records begin with.
    package static func keyPrefix(feed: Identifier) -> String { "\(keyPrefix)\(feed)/" }

    /// The key of the object that holds a record: numbers sort as text.
    package static func key(feed: Identifier, number: UInt64) -> String {
        keyPrefix(feed: feed) + ObjectNumber.text(number)
    }

    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        writer.write(feed)
        writer.write(number)
        writer.writeSized(schema.encoded())
        writer.writeSized(after)
        writer.write(untilMilliseconds)
        writer.writeVarint(UInt64(entries.count))
        for entry in entries {
            writer.writeSized(entry.position)
            writer.write(entry.milliseconds)
            writer.write(entry.kind)
            writer.writeSized(entry.name)
            writer.writeVarint(UInt64(entry.changes.count))
            for change in entry.changes { writer.writeSized(change) }
        }
        return SealedRecord.seal(magic: Self.magic, version: Self.version, writer.bytes)
    }

    /// Reads an object.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        let feed = try reader.readIdentifier()
        let number = try reader.readUInt64()
        let schema = try SchemaRecord(decoding: try reader.readSized())
        let after = try reader.readSizedString()
        self.init(
            feed: feed, number: number, schema: schema, after: after,
            untilMilliseconds: try reader.readInt64(), entries: [])
        for _ in 0..<(try reader.readElementCount()) {
            let position = try reader.readSizedString()
            let milliseconds = try reader.readInt64()
            let kind = try reader.readUInt8()
            var entry = Entry(
                position: position, milliseconds: milliseconds, kind: kind,
                name: try reader.readSized(), changes: [])
            for _ in 0..<(try reader.readElementCount()) {
                entry.changes.append(try reader.readSized())
            }
            entries.append(entry)
        }
        try reader.finish()
    }
}
