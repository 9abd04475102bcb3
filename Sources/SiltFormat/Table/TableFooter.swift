package import SiltBytes

/// The last bytes of a table file, of fixed size: where its index, filter and properties are.
///
/// Part of the format: docs/format/table.md.
package struct TableFooter: Hashable, Sendable {
    /// The size of a footer, in bytes.
    package static let byteCount = 80
    /// How much a reader should read of a file's end at first: usually that is all it needs.
    package static let tailReadByteCount = 64 << 10

    static let magic = Array("SILTSST\n".utf8)
    /// 1: the first; 2: data blocks may be packed.
    static let versions: ClosedRange<UInt32> = 1...2

    /// Where a framed block lies.
    package struct Place: Hashable, Sendable {
        /// Its offset in the file, in bytes.
        package var offset: UInt64
        /// Its size as stored, trailer included, in bytes; 0 for a block that is not there.
        package var byteCount: UInt32

        /// A place.
        package init(offset: UInt64, byteCount: UInt32) {
            self.offset = offset
            self.byteCount = byteCount
        }
    }

    /// The file's id, which its name carries too.
    package var fileID: Identifier
    /// The index block.
    package var index: Place
    /// The filter block, or a size of 0.
    package var filter: Place
    /// The properties block.
    package var properties: Place
    /// The size of the whole file, footer included, in bytes.
    package var fileByteCount: UInt64
    /// Whether data blocks may be packed, which the first version of the format did not know.
    package var hasPackedBlocks = false

    /// A footer.
    package init(
        fileID: Identifier, index: Place, filter: Place, properties: Place, fileByteCount: UInt64
    ) {
        self.fileID = fileID
        self.index = index
        self.filter = filter
        self.properties = properties
        self.fileByteCount = fileByteCount
    }

    /// The footer's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.write(UInt32(hasPackedBlocks ? 2 : 1))
        writer.write(UInt32(0))
        writer.write(fileID)
        for place in [index, filter, properties] {
            writer.write(place.offset)
            writer.write(place.byteCount)
        }
        writer.write(UInt32(0))
        writer.write(fileByteCount)
        writer.write(contentsOf: Self.magic)
        writer.overwrite(Self.checksum(writer.bytes), at: 4)
        return writer.bytes
    }

    /// Reads the footer that ends `tail`, the last bytes of a file of `fileByteCount` bytes.
    package init(decodingEndOf tail: [UInt8], fileByteCount wanted: UInt64) throws(DecodingError) {
        guard tail.count >= Self.byteCount else {
            throw DecodingError(offset: 0, "table is too short size=\(tail.count)")
        }
        let bytes = Array(tail.suffix(Self.byteCount))
        guard Array(bytes[72...]) == Self.magic else {
            throw DecodingError(offset: 72, "table footer has no magic")
        }
        var reader = ByteReader(bytes)
        let version = try reader.readUInt32()
        guard Self.versions.contains(version) else {
            throw DecodingError(
                offset: 0,
                "table version is unknown version=\(version) known=\(Self.versions.upperBound)")
        }
        hasPackedBlocks = version > 1
        guard try reader.readUInt32() == Self.checksum(bytes) else {
            throw DecodingError(offset: 4, "table footer checksum is wrong")
        }
        fileID = try reader.readIdentifier()
        index = Place(offset: try reader.readUInt64(), byteCount: try reader.readUInt32())
        filter = Place(offset: try reader.readUInt64(), byteCount: try reader.readUInt32())
        properties = Place(offset: try reader.readUInt64(), byteCount: try reader.readUInt32())
        _ = try reader.readUInt32()
        fileByteCount = try reader.readUInt64()
        guard fileByteCount == wanted else {
            throw DecodingError(
                offset: 64, "table file has a wrong size wanted=\(fileByteCount) got=\(wanted)")
        }
        for place in [index, filter, properties] {
            let (end, overflow) = place.offset.addingReportingOverflow(UInt64(place.byteCount))
            guard !overflow, end <= wanted - UInt64(Self.byteCount) else {
                throw DecodingError(offset: 24, "table footer names a block outside the file")
            }
        }
    }

    /// The checksum of a footer's bytes but those of the checksum itself.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        CRC32C.checksum(Array(bytes[8...]), seed: CRC32C.checksum(Array(bytes[..<4])))
    }
}
