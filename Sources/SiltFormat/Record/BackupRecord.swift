package import SiltBytes
internal import SiltModel

/// A backup: tables as they were at one moment, and the files that hold their cells.
///
/// Part of the format: docs/format/backup.md.
package struct BackupRecord: Hashable, Sendable {
    static let magic = "SILTBAK\n"
    static let version: UInt32 = 1
    /// What the keys of all backups begin with.
    package static let keyPrefix = "backups/"

    /// A table of a backup.
    package struct Table: Hashable, Sendable {
        /// The schema of a snapshot of the table.
        package var schema: SchemaRecord
        /// The regions, in the schema's order.
        package var regions: [RegionManifest]
        /// The table's change feed, if it had one.
        package var feed: Identifier?
        /// The position of the feed's last entry at that moment, in text; empty without a feed.
        package var position: String

        /// A table.
        package init(
            schema: SchemaRecord, regions: [RegionManifest], feed: Identifier? = nil,
            position: String = ""
        ) {
            self.schema = schema
            self.regions = regions
            self.feed = feed
            self.position = position
        }

        /// The highest time stamp that was given out before that moment: the table is as it was then.
        package var milliseconds: Int64 { regions.reduce(0) { max($0, $1.maxTimestamp) } }
    }

    /// A file of the pool.
    package struct File: Hashable, Sendable {
        /// The file's id.
        package var id: Identifier
        /// The table under which it lies.
        package var table: Identifier
        /// Its size, in bytes.
        package var byteCount: UInt64
        /// The CRC-32C of all its bytes.
        package var checksum: UInt32

        /// A file.
        package init(id: Identifier, table: Identifier, byteCount: UInt64, checksum: UInt32) {
            self.id = id
            self.table = table
            self.byteCount = byteCount
            self.checksum = checksum
        }

        /// The key of the object.
        package var key: String { TableFile(id: id, table: table).key }
    }

    /// The backup's name, which its key carries too.
    package var name: String
    /// When it was made, in milliseconds since 1970.
    package var createdMilliseconds: Int64
    /// The tables.
    package var tables: [Table]
    /// The files that the regions name, each once.
    package var files: [File]

    /// A backup.
    package init(name: String, createdMilliseconds: Int64, tables: [Table], files: [File]) {
        self.name = name
        self.createdMilliseconds = createdMilliseconds
        self.tables = tables
        self.files = files
    }

    /// The key of the object that holds a backup.
    package static func key(_ name: String) -> String { keyPrefix + name }

    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        writer.writeSized(name)
        writer.write(createdMilliseconds)
        writer.writeVarint(UInt64(tables.count))
        for table in tables {
            writer.writeSized(table.schema.encoded())
            writer.writeVarint(UInt64(table.regions.count))
            for region in table.regions { writer.writeSized(region.encoded()) }
            writer.write(table.feed != nil)
            if let feed = table.feed {
                writer.write(feed)
                writer.writeSized(table.position)
            }
        }
        writer.writeVarint(UInt64(files.count))
        for file in files {
            writer.write(file.id)
            writer.write(file.table)
            writer.write(file.byteCount)
            writer.write(file.checksum)
        }
        return SealedRecord.seal(magic: Self.magic, version: Self.version, writer.bytes)
    }

    /// Reads an object.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = try SealedRecord.open(magic: Self.magic, version: Self.version, bytes)
        let name = try reader.readSizedString()
        self.init(
            name: name, createdMilliseconds: try reader.readInt64(), tables: [], files: [])
        for _ in 0..<(try reader.readElementCount()) {
            var table = Table(
                schema: try SchemaRecord(decoding: try reader.readSized()), regions: [])
            for _ in 0..<(try reader.readElementCount()) {
                table.regions.append(try RegionManifest(decoding: try reader.readSized()))
            }
            guard table.schema.regions.map(\.id) == table.regions.map(\.region),
                table.schema.regions.map(\.rows) == table.regions.map(\.rows)
            else { throw reader.error("regions are not those of the schema") }
            if try reader.readBool() {
                table.feed = try reader.readIdentifier()
                table.position = try reader.readSizedString()
            }
            tables.append(table)
        }
        for _ in 0..<(try reader.readElementCount()) {
            let id = try reader.readIdentifier()
            let table = try reader.readIdentifier()
            files.append(
                File(
                    id: id, table: table, byteCount: try reader.readUInt64(),
                    checksum: try reader.readUInt32()))
        }
        try reader.finish()
        let known = Set(files.map(\.id))
        for table in tables {
            for file in table.regions.flatMap(\.trees).flatMap(\.runs).flatMap(\.files)
            where !known.contains(file.id) {
                throw DecodingError(offset: 20, "a file has no checksum file=\(file.key)")
            }
        }
    }
}
