package import SiltBytes

/// A place in the log of one incarnation: everything before it.
package struct LogPosition: Hashable, Sendable, Comparable {
    /// The number of the segment.
    package var segment: UInt64
    /// The offset in the segment's bytes.
    package var offset: UInt64

    /// A place.
    package init(segment: UInt64, offset: UInt64) {
        self.segment = segment
        self.offset = offset
    }

    /// Earlier in the log.
    package static func < (left: LogPosition, right: LogPosition) -> Bool {
        (left.segment, left.offset) < (right.segment, right.offset)
    }
}

/// The first 40 bytes of a log segment.
///
/// Part of the format: docs/format/log.md.
package struct LogSegmentHeader: Hashable, Sendable {
    /// The size of a header, in bytes; the first record begins there.
    package static let byteCount = 40

    static let magic = Array("SILTLOG\n".utf8)
    static let version: UInt32 = 1

    /// The server run that writes the log.
    package var incarnation: Identifier
    /// The segment's number within the incarnation.
    package var segment: UInt64

    /// A header.
    package init(incarnation: Identifier, segment: UInt64) {
        self.incarnation = incarnation
        self.segment = segment
    }

    /// The header's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.write(contentsOf: Self.magic)
        writer.write(Self.version)
        writer.write(incarnation)
        writer.write(segment)
        writer.write(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Reads the header that begins `bytes`.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(bytes)
        let magic = try reader.readBytes(8)
        guard magic == Self.magic else {
            throw DecodingError(offset: 0, "log segment has no magic")
        }
        let version = try reader.readUInt32()
        guard version == Self.version else {
            throw DecodingError(
                offset: 8, "log version is unknown version=\(version) known=\(Self.version)")
        }
        incarnation = try reader.readIdentifier()
        segment = try reader.readUInt64()
        guard try reader.readUInt32() == CRC32C.checksum(Array(bytes[..<36])) else {
            throw DecodingError(offset: 36, "log segment header checksum is wrong")
        }
    }
}
