package import SiltBytes
internal import SiltModel

/// Entries of a table's change feed that were put aside beside backups, one after the other without gap.
///
/// The head says what they are, and can be read alone (`ChangesHead`). Part of the format: docs/format/backup.md.
package struct ChangesRecord: Hashable, Sendable {
    static let magic = "SILTCHG\n"
    static let version: UInt32 = 2
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

    /// What they are.
    package private(set) var head: ChangesHead
    /// The entries, in order.
    package let entries: [Entry]

    /// A record.
    ///
    /// - Parameter head: its `last` and `count` are set here.
    package init(_ head: ChangesHead, entries: [Entry]) {
        self.head = head
        self.head.last = entries.last?.position ?? head.after
        self.head.count = UInt64(entries.count)
        self.entries = entries
    }

    /// What the keys of a feed's records begin with.
    package static func keyPrefix(feed: Identifier) -> String { "\(keyPrefix)\(feed)/" }

    /// The key of the object that holds a record: numbers sort as text.
    package static func key(feed: Identifier, number: UInt64) -> String {
        keyPrefix(feed: feed) + ObjectNumber.text(number)
    }

    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        for entry in entries {
            writer.writeSized(entry.position)
            writer.write(entry.milliseconds)
            writer.write(entry.kind)
            writer.writeSized(entry.name)
            writer.writeVarint(UInt64(entry.changes.count))
            for change in entry.changes { writer.writeSized(change) }
        }
        // The checksum of the head is of all before it, the body's length included.
        let headBytes = head.encoded()
        let bodyCount = 4 + headBytes.count + 4 + writer.bytes.count
        var body = ByteWriter(capacity: bodyCount)
        body.write(UInt32(headBytes.count))
        body.write(contentsOf: headBytes)
        body.write(
            ChangesHead.checksum(
                SealedRecord.header(magic: Self.magic, version: Self.version, bodyCount: bodyCount)
                    + body.bytes))
        body.write(contentsOf: writer.bytes)
        return SealedRecord.seal(magic: Self.magic, version: Self.version, body.bytes)
    }

    /// Reads an object.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        let head: ChangesHead
        let count: Int
        if SealedRecord.version(of: bytes) == 1 {
            head = try ChangesHead(version1: &reader)
            count = try reader.readElementCount()
        } else {
            guard let found = try ChangesHead(beginning: bytes) else {
                throw reader.error("record ends within its head")
            }
            head = found
            _ = try reader.readBytes(Int(try reader.readUInt32()) + 4)
            guard head.count <= UInt64(reader.remaining) else {
                throw reader.error("record has fewer entries than it says count=\(head.count)")
            }
            count = Int(head.count)
        }
        var entries: [Entry] = []
        for _ in 0..<count { entries.append(try Self.entry(&reader)) }
        try reader.finish()
        let last = head.last
        self.init(head, entries: entries)
        guard self.head.last == last || SealedRecord.version(of: bytes) == 1 else {
            throw DecodingError(
                offset: SealedRecord.headerByteCount, "record has another last entry than it says")
        }
    }

    private static func entry(_ reader: inout ByteReader) throws(DecodingError) -> Entry {
        let position = try reader.readSizedString()
        let milliseconds = try reader.readInt64()
        let kind = try reader.readUInt8()
        var entry = Entry(
            position: position, milliseconds: milliseconds, kind: kind,
            name: try reader.readSized(), changes: [])
        for _ in 0..<(try reader.readElementCount()) {
            entry.changes.append(try reader.readSized())
        }
        return entry
    }
}
