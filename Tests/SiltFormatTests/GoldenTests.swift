import Foundation
import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel
import Testing

/// The files in data/golden: bytes that every later version must read.
///
/// `SILT_WRITE_GOLDEN=1 swift test --filter Golden` adds those that are missing; none is ever
/// rewritten.
@Suite("Golden files")
struct GoldenTests {
    /// The bytes of a golden file, made of `sample` when the file is missing and writing was asked
    /// for.
    static func bytes(
        _ name: String, _ sample: @autoclosure () -> [UInt8], version: Int = 1
    ) throws -> [UInt8] {
        let path = TestRun.folder("data/golden/v\(version)/" + name)
        if !FileManager.default.fileExists(atPath: path),
            ProcessInfo.processInfo.environment["SILT_WRITE_GOLDEN"] == "1"
        {
            try Data(sample()).write(to: URL(fileURLWithPath: path))
        }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test("Sealed records of version 1 read as the values that they were made of")
    func records() throws {
        let format = try Self.bytes("format.bin", Samples.format.encoded())
        #expect(try FormatRecord(decoding: format) == Samples.format)
        let manifest = try Self.bytes("manifest.bin", Samples.manifest.encoded())
        #expect(try RegionManifest(decoding: manifest) == Samples.manifest)
        let schema = try Self.bytes("schema.bin", Samples.schema.encoded())
        #expect(try SchemaRecord(decoding: schema) == Samples.schema)
        let checkpoint = try Self.bytes("checkpoint.bin", Samples.checkpoint.encoded())
        #expect(try CheckpointRecord(decoding: checkpoint) == Samples.checkpoint)
    }

    @Test("A schema of version 2 reads as the value that it was made of")
    func hashedSchema() throws {
        let bytes = try Self.bytes("schema.bin", Samples.hashedSchema.encoded(), version: 3)
        #expect(try SchemaRecord(decoding: bytes) == Samples.hashedSchema)
    }

    @Test("A backup and changes of version 1 read as the values that they were made of")
    func backups() throws {
        let backup = try Self.bytes("backup.bin", Samples.backup.encoded(), version: 4)
        #expect(try BackupRecord(decoding: backup) == Samples.backup)
        let changes = try Self.bytes("changes.bin", Samples.changes.encoded(), version: 4)
        #expect(try ChangesRecord(decoding: changes) == Samples.changes)
        // Its head cannot be read alone.
        #expect(try ChangesHead(beginning: changes) == nil)
    }

    @Test("Changes of version 2 read as the value that they were made of, and their head alone")
    func changes() throws {
        let bytes = try Self.bytes("changes.bin", Samples.changes.encoded(), version: 5)
        #expect(try ChangesRecord(decoding: bytes) == Samples.changes)
        #expect(Samples.changes.head.count == 2)
        let headEnd = 24 + Int(bytes[20]) + Int(bytes[21]) << 8 + 4
        for count in 0...bytes.count {
            let head = try ChangesHead(beginning: Array(bytes.prefix(count)))
            #expect(head == (count < headEnd ? nil : Samples.changes.head))
        }
        for place in 24..<headEnd {
            var damaged = bytes
            damaged[place] ^= 0x10
            #expect(throws: DecodingError.self) { try ChangesHead(beginning: damaged) }
        }
    }

    @Test("Table properties of version 2 read as the value that they were made of")
    func properties() throws {
        let bytes = try Self.bytes(
            "properties.bin", TableFormatTests.properties().encoded(), version: 6)
        #expect(try TableProperties(decoding: bytes) == TableFormatTests.properties())
    }

    @Test("A cell key of version 1 is made as it was")
    func cellKey() throws {
        let bytes = try Self.bytes("cell-key.bin", Samples.cellKey)
        #expect(bytes == Samples.cellKey)
    }

    @Test("A data block and a filter of version 1 read as they were made")
    func blocks() throws {
        let block = try Self.bytes("block.bin", BlockBuilder.block(Samples.entries))
        try withBlock(block) { view in
            #expect((0..<view.count).map { view.entry($0) } == Samples.entries)
        }
        let filter = try Self.bytes("filter.bin", Samples.filter)
        try FilterTests.withFilter(filter) { view in
            #expect(view.keyCount == 2 && view.kind == .row)
            for row in ["apple", "apricot"] {
                #expect(view.mayContain(Hash64.hash(CellKey.rowPrefix(Bytes(row)))))
            }
            #expect(!view.mayContain(Hash64.hash(CellKey.rowPrefix("banana"))))
        }
    }

    @Test("A log segment of version 1 reads to its end mark")
    func log() throws {
        let bytes = try Self.bytes("log-segment.bin", Samples.logSegment)
        var reader = try LogSegmentReader(bytes)
        #expect(reader.header == LogSegmentHeader(incarnation: Samples.incarnation, segment: 1))
        let first = reader.next()
        let record = try #require(first)
        #expect(record.slot == 1 && record.sections.count == 1)
        #expect(record.sections[0].region == Samples.region)
        #expect(Array(bytes[record.sections[0].range]) == Samples.operations.bytes)
        #expect(reader.next() == nil)
        #expect(reader.end == .marked(offset: bytes.count))
    }

    @Test(
        "Tables of version 1 open from their tail, whatever their codec",
        arguments: [
            ("table-none.sst", Compression.none, 0), ("table-lz4.sst", .lz4, 40),
            ("table-zstd.sst", .zstd(level: 3), 40),
        ])
    func tables(name: String, compression: Compression, copies: Int) throws {
        let bytes = try Self.bytes(name, Samples.tableFile(compression, copies: copies))
        try TableSample.check(bytes, entryCount: 3 + copies, codec: Codec(compression))
    }
}

/// Opens a whole table file, as a reader would, and compares what it holds with the samples.
enum TableSample {
    static func check(_ bytes: [UInt8], entryCount: Int, codec: Codec) throws {
        let footer = try TableFooter(decodingEndOf: bytes, fileByteCount: UInt64(bytes.count))
        #expect(footer.fileID == Samples.file)
        let decompressor = Decompressor()
        func open(_ kind: BlockKind, _ place: TableFooter.Place) throws -> [UInt8] {
            let start = Int(place.offset)
            return try BlockFrame.open(
                kind, Array(bytes[start..<(start + Int(place.byteCount))]),
                decompressor: decompressor, fileID: footer.fileID, offset: place.offset)
        }
        let properties = try TableProperties(decoding: open(.properties, footer.properties))
        #expect(properties.entryCount == UInt64(entryCount) && properties.codec == codec)
        #expect(properties.markerCount == 1 && properties.table == Samples.table)
        #expect(properties.smallest == Samples.entries[0].cellKey)
        _ = try FilterTests.withFilter(open(.filter, footer.filter)) { #expect($0.keyCount == 2) }
        try IndexTests.withIndex(open(.index, footer.index)) { index in
            #expect(index.count == 1)
            #expect(index.find(Samples.entries[2].cellKey) == 0)
            let entry = index.entry(0)
            let place = TableFooter.Place(
                offset: entry.offset, byteCount: UInt32(entry.storedByteCount))
            let payload = try open(.data, place)
            #expect(payload.count == entry.rawByteCount && entry.entryCount == entryCount)
            try withBlock(payload) { view in
                #expect(view.count == entryCount)
                for index in 0..<3 { #expect(view.entry(index) == Samples.entries[index]) }
            }
        }
    }
}
