package import SiltBytes

/// The rows of a file that count, when a region uses only a part: from `start` up to but not
/// including `end`; empty means no bound.
package struct RowClip: Hashable, Sendable {
    /// The first row, or empty.
    package var start: Bytes
    /// The first row after the part, or empty.
    package var end: Bytes

    /// A part.
    package init(start: Bytes, end: Bytes) {
        self.start = start
        self.end = end
    }
}

/// A table file as a manifest names it.
///
/// Part of the format: docs/format/manifest.md.
package struct TableFile: Hashable, Sendable {
    /// The file's id; with the table it gives the object's key.
    package var id: Identifier
    /// The table under which the file lies.
    package var table: Identifier
    /// The file's size, in bytes.
    package var byteCount: UInt64 = 0
    /// How many entries it has.
    package var entryCount: UInt64 = 0
    /// How many of them are delete markers.
    package var markerCount: UInt64 = 0
    /// How many are markers of whole families.
    package var familyMarkerCount: UInt64 = 0
    /// The first cell key.
    package var smallest: [UInt8] = []
    /// The last cell key.
    package var largest: [UInt8] = []
    /// The earliest time stamp.
    package var minTimestamp = Int64.max
    /// The latest time stamp.
    package var maxTimestamp = Int64.min
    /// The lowest sequence.
    package var minSequence = UInt64.max
    /// The highest sequence.
    package var maxSequence: UInt64 = 0
    /// When the file was made, in milliseconds since 1970.
    package var createdMilliseconds: Int64 = 0
    /// The rows that count; `nil` for all.
    package var clip: RowClip?

    /// A file of which nothing else is known yet.
    package init(id: Identifier, table: Identifier) {
        self.id = id
        self.table = table
    }

    /// A file with the figures of its properties.
    package init(id: Identifier, byteCount: UInt64, _ properties: TableProperties) {
        self.init(id: id, table: properties.table)
        self.byteCount = byteCount
        entryCount = properties.entryCount
        markerCount = properties.markerCount
        familyMarkerCount = properties.familyMarkerCount
        smallest = properties.smallest
        largest = properties.largest
        minTimestamp = properties.minTimestamp
        maxTimestamp = properties.maxTimestamp
        minSequence = properties.minSequence
        maxSequence = properties.maxSequence
        createdMilliseconds = properties.createdMilliseconds
    }

    /// The key of the object that holds the file.
    package var key: String { "tables/\(table)/sst/\(id).sst" }

    func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(table)
        for count in [byteCount, entryCount, markerCount, familyMarkerCount] {
            writer.writeVarint(count)
        }
        writer.writeSized(smallest)
        writer.writeSized(largest)
        writer.write(minTimestamp)
        writer.write(maxTimestamp)
        writer.write(minSequence)
        writer.write(maxSequence)
        writer.write(createdMilliseconds)
        writer.write(clip != nil)
        if let clip {
            writer.writeSized(clip.start.array)
            writer.writeSized(clip.end.array)
        }
    }

    init(reading reader: inout ByteReader) throws(DecodingError) {
        id = try reader.readIdentifier()
        table = try reader.readIdentifier()
        byteCount = try reader.readVarint()
        entryCount = try reader.readVarint()
        markerCount = try reader.readVarint()
        familyMarkerCount = try reader.readVarint()
        smallest = try reader.readSized()
        largest = try reader.readSized()
        minTimestamp = try reader.readInt64()
        maxTimestamp = try reader.readInt64()
        minSequence = try reader.readUInt64()
        maxSequence = try reader.readUInt64()
        createdMilliseconds = try reader.readInt64()
        if try reader.readBool() {
            let start = Bytes(try reader.readSized())
            clip = RowClip(start: start, end: Bytes(try reader.readSized()))
        }
    }
}
