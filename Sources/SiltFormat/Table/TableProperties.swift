package import SiltBytes
package import SiltCodec

/// What a table file says of itself: the payload of its properties block.
///
/// Part of the format: docs/format/table.md.
package struct TableProperties: Hashable, Sendable {
    static let version: UInt64 = 2

    /// How many entries there are, markers included.
    package var entryCount: UInt64 = 0
    /// How many entries are delete markers of any type.
    package var markerCount: UInt64 = 0
    /// How many entries are `DeleteFamily` or `DeleteFamilyVersion`.
    package var familyMarkerCount: UInt64 = 0
    /// How many entries are `Delete` or `DeleteFamilyVersion`, which bring an older version back.
    ///
    /// Of a file that does not say (version 1), as many as there are markers.
    package var versionMarkerCount: UInt64 = 0
    /// The first cell key; empty without entries.
    package var smallest: [UInt8] = []
    /// The last cell key; empty without entries.
    package var largest: [UInt8] = []
    /// The earliest time stamp; `Int64.max` without entries.
    package var minTimestamp = Int64.max
    /// The latest time stamp; `Int64.min` without entries.
    package var maxTimestamp = Int64.min
    /// The lowest sequence; `UInt64.max` without entries.
    package var minSequence = UInt64.max
    /// The highest sequence.
    package var maxSequence: UInt64 = 0
    /// The size of the data blocks' payloads, in bytes.
    package var rawByteCount: UInt64 = 0
    /// The size of the data blocks as stored, in bytes.
    package var storedByteCount: UInt64 = 0
    /// How many data blocks there are.
    package var blockCount: UInt64 = 0
    /// The codec asked for; single blocks may be stored without.
    package var codec = Codec.none
    /// The size aimed at for a data block's payload, in bytes.
    package var blockBytes: UInt64 = 0
    /// When the file was made, in milliseconds since 1970.
    package var createdMilliseconds: Int64 = 0
    /// The table that owns the file.
    package var table = Identifier(high: 0, low: 0)
    /// The region that wrote it.
    package var region = Identifier(high: 0, low: 0)
    /// The family's number.
    package var family: UInt8 = 0

    /// Properties of a file without entries.
    package init() {}

    /// Counts one entry in; keys and block figures are the caller's.
    @inlinable
    package mutating func add(timestamp: Int64, type: UInt8, sequence: UInt64) {
        entryCount &+= 1
        if type != 4 {
            markerCount &+= 1
            if type == 10 || type == 14 { familyMarkerCount &+= 1 }
            if type == 8 || type == 10 { versionMarkerCount &+= 1 }
        }
        minTimestamp = min(minTimestamp, timestamp)
        maxTimestamp = max(maxTimestamp, timestamp)
        minSequence = min(minSequence, sequence)
        maxSequence = max(maxSequence, sequence)
    }

    /// The payload.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 200)
        // Version 1 says as much where all markers are of one version, or there are none.
        let saysVersions = versionMarkerCount != markerCount
        writer.writeVarint(saysVersions ? Self.version : 1)
        for count in [entryCount, markerCount, familyMarkerCount] { writer.writeVarint(count) }
        if saysVersions { writer.writeVarint(versionMarkerCount) }
        writer.writeSized(smallest)
        writer.writeSized(largest)
        writer.write(minTimestamp)
        writer.write(maxTimestamp)
        writer.write(minSequence)
        writer.write(maxSequence)
        for count in [rawByteCount, storedByteCount, blockCount] { writer.writeVarint(count) }
        writer.write(codec.rawValue)
        writer.writeVarint(blockBytes)
        writer.write(createdMilliseconds)
        writer.write(table)
        writer.write(region)
        writer.write(family)
        return writer.bytes
    }

    /// Reads a payload.
    package init(decoding payload: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(payload)
        let version = try reader.readVarint()
        guard (1...Self.version).contains(version) else {
            throw DecodingError(offset: 0, "properties version is unknown version=\(version)")
        }
        entryCount = try reader.readVarint()
        markerCount = try reader.readVarint()
        familyMarkerCount = try reader.readVarint()
        versionMarkerCount = version == 1 ? markerCount : try reader.readVarint()
        smallest = try reader.readSized()
        largest = try reader.readSized()
        minTimestamp = try reader.readInt64()
        maxTimestamp = try reader.readInt64()
        minSequence = try reader.readUInt64()
        maxSequence = try reader.readUInt64()
        rawByteCount = try reader.readVarint()
        storedByteCount = try reader.readVarint()
        blockCount = try reader.readVarint()
        let code = try reader.readUInt8()
        guard let codec = Codec(rawValue: code) else {
            throw reader.error("properties codec is unknown codec=\(code)")
        }
        self.codec = codec
        blockBytes = try reader.readVarint()
        createdMilliseconds = try reader.readInt64()
        table = try reader.readIdentifier()
        region = try reader.readIdentifier()
        family = try reader.readUInt8()
        guard reader.isAtEnd else { throw reader.error("properties have bytes after their end") }
    }
}
