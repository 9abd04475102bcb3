package import SiltBytes
internal import SiltModel

/// What changes that were put aside are, without the changes.
///
/// Part of the format: docs/format/backup.md.
package struct ChangesHead: Hashable, Sendable {
    /// The feed.
    package var feed: Identifier
    /// The record's number, which its key carries too; from 1.
    package var number: UInt64
    /// The table's schema when the entries were put aside.
    package var schema: SchemaRecord
    /// The position after which the entries begin, in text.
    package var after: String
    /// The position of the last entry; that after which they begin when there is none.
    package var last: String
    /// The entries hold all that was committed up to this time stamp.
    package var untilMilliseconds: Int64
    /// How many entries there are.
    package var count: UInt64 = 0

    /// The head of a record without entries.
    package init(
        feed: Identifier, number: UInt64, schema: SchemaRecord, after: String,
        untilMilliseconds: Int64
    ) {
        self.feed = feed
        self.number = number
        self.schema = schema
        self.after = after
        last = after
        self.untilMilliseconds = untilMilliseconds
    }

    /// Reads the head from the first bytes of a record.
    ///
    /// - Returns: `nil` when the record must be read whole: there is more of the head, or it is one of version 1.
    package init?(beginning bytes: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(bytes)
        guard bytes.count >= SealedRecord.headerByteCount + 4,
            try reader.readBytes(8) == Array(ChangesRecord.magic.utf8),
            try reader.readUInt32() == ChangesRecord.version
        else { return nil }
        _ = try reader.readUInt64()
        let headCount = Int(try reader.readUInt32())
        let start = reader.offset
        guard reader.remaining >= 4, headCount <= reader.remaining - 4 else { return nil }
        var tail = ByteReader(bytes, range: (start + headCount)..<bytes.count)
        guard try tail.readUInt32() == Self.checksum(Array(bytes[..<(start + headCount)])) else {
            throw DecodingError(offset: start + headCount, "checksum of the head is wrong")
        }
        var head = ByteReader(bytes, range: start..<(start + headCount))
        feed = try head.readIdentifier()
        number = try head.readUInt64()
        schema = try SchemaRecord(decoding: try head.readSized())
        after = try head.readSizedString()
        last = try head.readSizedString()
        untilMilliseconds = try head.readInt64()
        count = try head.readUInt64()
        try head.finish()
    }

    /// Reads what comes before the entries of a record of version 1.
    init(version1 reader: inout ByteReader) throws(DecodingError) {
        let feed = try reader.readIdentifier()
        let number = try reader.readUInt64()
        let schema = try SchemaRecord(decoding: try reader.readSized())
        let after = try reader.readSizedString()
        self.init(
            feed: feed, number: number, schema: schema, after: after,
            untilMilliseconds: try reader.readInt64())
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.write(feed)
        writer.write(number)
        writer.writeSized(schema.encoded())
        writer.writeSized(after)
        writer.writeSized(last)
        writer.write(untilMilliseconds)
        writer.write(count)
        return writer.bytes
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 { CRC32C.checksum(bytes) }
}
