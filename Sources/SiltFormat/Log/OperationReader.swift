package import SiltBytes
internal import SiltModel

/// Reads the operations of one section of a log record, checked; keys and values are ranges of the
/// array.
///
/// Part of the format: docs/format/log.md.
package struct OperationReader: Sendable {
    /// One operation, as offsets into the array that is read.
    package struct Operation: Hashable, Sendable {
        /// The type code; always a `CellType`.
        package var type: UInt8
        /// See `CellFlags`.
        package var flags: UInt8
        /// The family's number.
        package var family: UInt8
        /// The time stamp; `nil` when the server assigns it.
        package var timestamp: Int64?
        /// Where the column key lies.
        package var key: Range<Int>
        /// Where the value lies, with the 8 bytes of a TTL in front when the flags say so.
        package var value: Range<Int>
    }

    private var reader: ByteReader

    /// Reads the operations in `range` of `bytes`, which must lie within them.
    package init(_ bytes: [UInt8], range: Range<Int>) {
        reader = ByteReader(bytes, range: range)
    }

    /// The next operation; `nil` after the last.
    package mutating func next() throws(DecodingError) -> Operation? {
        if reader.isAtEnd { return nil }
        let first = try reader.readUInt8()
        let type = first & 15
        let flags = first >> 4
        guard CellType(rawValue: type) != nil, flags <= 3 else {
            throw reader.error("operation type is unknown type=\(type) flags=\(flags)")
        }
        let family = try reader.readUInt8()
        let timestamp = flags & CellFlags.hasServerTimestamp == 0 ? try reader.readInt64() : nil
        let key = try readRange()
        let value = try readRange()
        guard flags & CellFlags.hasTimeToLive == 0 || value.count >= 8 else {
            throw reader.error("operation value is too short for its time to live")
        }
        return Operation(
            type: type, flags: flags, family: family, timestamp: timestamp, key: key, value: value)
    }

    private mutating func readRange() throws(DecodingError) -> Range<Int> {
        let count = try reader.readCount(limit: reader.remaining)
        guard count <= reader.remaining else {
            throw reader.error("bytes end early wanted=\(count)")
        }
        let start = reader.offset
        try reader.skip(count)
        return start..<(start + count)
    }
}
