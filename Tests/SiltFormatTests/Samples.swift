import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel

/// One small value of every format: the golden files and the examples of the format pages are
/// their bytes.
enum Samples {
    static let table = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_00a1)
    static let region = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_00b1)
    static let file = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_00c1)
    static let incarnation = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_00d1)
    static let created: Int64 = 1_700_000_000_000

    static let entries: [Entry] = {
        let apple = CellKey.columnKey(row: "apple", qualifier: "n")
        return [
            Entry(
                columnKey: apple, timestamp: 2000, type: 4, flags: 0, sequence: 9,
                value: Array("two".utf8)),
            Entry(
                columnKey: apple, timestamp: 1000, type: 8, flags: 0, sequence: 7, value: []),
            Entry(
                columnKey: CellKey.columnKey(row: "apricot", qualifier: "n"), timestamp: 1500,
                type: 4, flags: 2, sequence: 8, value: Array("one".utf8)),
        ]
    }()

    static let cellKey: [UInt8] = {
        var key = CellKey.columnKey(row: Bytes([0x61, 0x00, 0x62]), qualifier: "q")
        CellKey.appendTail(timestamp: 1000, type: 4, sequence: 7, to: &key)
        return key
    }()

    static var operations: OperationBuffer {
        var operations = OperationBuffer()
        operations.append(
            .put, family: 0, columnKey: CellKey.columnKey(row: "apple", qualifier: "n"),
            timestamp: nil, value: Array("two".utf8))
        operations.append(
            .delete, family: 0, columnKey: CellKey.columnKey(row: "apple", qualifier: "n"),
            timestamp: 1000, value: [])
        return operations
    }

    static var logSegment: [UInt8] {
        var writer = ByteWriter()
        let header = LogSegmentHeader(incarnation: incarnation, segment: 1)
        writer.write(contentsOf: header.encoded())
        let encoder = LogRecordEncoder(incarnation: incarnation, segment: 1)
        encoder.append(
            [
                .init(
                    region: region, firstSequence: 7, serverTimestamp: 2000, operations: operations)
            ], slot: 1, offset: 40, durable: LogPosition(segment: 1, offset: 40), to: &writer)
        encoder.appendEndMark(
            slot: 2, offset: UInt64(writer.count),
            durable: LogPosition(segment: 1, offset: UInt64(writer.count)), to: &writer)
        return writer.bytes
    }

    static var filter: [UInt8] {
        var builder = FilterBuilder(.row)
        for row in ["apple", "apricot"] {
            builder.append(Hash64.hash(CellKey.rowPrefix(Bytes(row))))
        }
        return builder.finish()
    }

    static var properties: TableProperties {
        var properties = TableProperties()
        for entry in entries {
            properties.add(timestamp: entry.timestamp, type: entry.type, sequence: entry.sequence)
        }
        properties.smallest = entries[0].cellKey
        properties.largest = entries[2].cellKey
        properties.blockCount = 1
        properties.blockBytes = 65_536
        properties.createdMilliseconds = created
        properties.table = table
        properties.region = region
        properties.family = 0
        return properties
    }

    /// A whole table file; `copies` repeats the entries under other rows, so that codecs have work
    /// to do.
    static func tableFile(_ compression: Compression, copies: Int = 0) -> [UInt8] {
        let compressor = Compressor(compression)
        var entries = entries
        for copy in 0..<copies {
            entries.append(
                Entry(
                    columnKey: CellKey.columnKey(
                        row: Bytes("banana-\(1000 + copy)"), qualifier: "n"),
                    timestamp: 3000, type: 4, flags: 0, sequence: UInt64(20 + copy),
                    value: Array("a value that repeats".utf8)))
        }
        let payload = BlockBuilder.block(entries)
        var bytes = BlockFrame.seal(
            .data, payload, compressor: compressor, fileID: file, offset: 0)
        var index = IndexBuilder()
        index.append(
            first: entries[0].cellKey, last: entries[entries.count - 1].cellKey,
            IndexEntry(
                offset: 0, storedByteCount: bytes.count, rawByteCount: payload.count,
                entryCount: entries.count, markerCount: 1))
        var properties = properties
        for entry in entries.dropFirst(3) {
            properties.add(timestamp: entry.timestamp, type: entry.type, sequence: entry.sequence)
        }
        properties.largest = entries[entries.count - 1].cellKey
        properties.rawByteCount = UInt64(payload.count)
        properties.storedByteCount = UInt64(bytes.count)
        properties.codec = compressor.codec
        var places: [TableFooter.Place] = []
        for (kind, block) in [
            (BlockKind.index, index.finish()), (.filter, filter),
            (.properties, properties.encoded()),
        ] {
            let sealed = BlockFrame.seal(
                kind, block, compressor: nil, fileID: file, offset: UInt64(bytes.count))
            places.append(
                TableFooter.Place(offset: UInt64(bytes.count), byteCount: UInt32(sealed.count)))
            bytes += sealed
        }
        let footer = TableFooter(
            fileID: file, index: places[0], filter: places[1], properties: places[2],
            fileByteCount: UInt64(bytes.count + TableFooter.byteCount))
        return bytes + footer.encoded()
    }

    static var manifest: RegionManifest {
        var tableFile = TableFile(id: file, byteCount: 700, properties)
        tableFile.clip = RowClip(start: "apple", end: "b")
        return RegionManifest(
            number: 3, region: region, table: table, epoch: 2, incarnation: incarnation,
            rows: RowClip(start: "", end: "m"), maxTimestamp: 2000, lastSequence: 9,
            trees: [
                .init(family: 0, flushedSequence: 9, runs: [.init(level: 0, files: [tableFile])])
            ])
    }

    static var schema: SchemaRecord {
        SchemaRecord(
            table: table, number: 1, name: "visits",
            families: [
                .init(id: 0, settings: Family("info", maxVersions: 3)),
                .init(
                    id: 1,
                    settings: Family(
                        "agg", timeToLiveMilliseconds: 86_400_000, keepDeletedCells: .yes,
                        bloomFilter: .rowAndColumn, compression: .zstd(level: 3),
                        attributes: ["owner": "ada"])),
            ], nextFamilyID: 2, durability: .syncWAL, attributes: ["purpose": "example"],
            regions: [
                .init(id: region, rows: RowClip(start: "", end: "m")),
                .init(id: file, rows: RowClip(start: "m", end: "")),
            ])
    }

    /// The same with two buckets.
    static var hashedSchema: SchemaRecord {
        var schema = schema
        schema.hashBuckets = 2
        for index in schema.regions.indices {
            schema.regions[index].rows = RowClip(start: "", end: "")
        }
        return schema
    }

    static var checkpoint: CheckpointRecord {
        CheckpointRecord(
            job: "per-hour", number: 4, definitionHash: 0x1122_3344_5566_7788,
            createdMilliseconds: created, watermarkMilliseconds: created - 5000,
            sources: [.init(name: "in", kind: "file", position: [0x10, 0x27])],
            sections: [("windows", [1, 2, 3])])
    }

    static var backup: BackupRecord {
        var schema = schema
        schema.attributes["silt.snapshot.table"] = "visits"
        schema.regions = [.init(id: manifest.region, rows: manifest.rows)]
        let files = manifest.trees.flatMap(\.runs).flatMap(\.files)
        return BackupRecord(
            name: "monday", createdMilliseconds: created,
            tables: [
                .init(
                    schema: schema, regions: [manifest], feed: incarnation,
                    position: "00000001000000000000000200000003")
            ],
            files: Set(files.map(\.id)).sorted().map {
                .init(id: $0, table: table, byteCount: 700, checksum: 0x1122_3344)
            })
    }

    static var changes: ChangesRecord {
        ChangesRecord(
            ChangesHead(
                feed: incarnation, number: 7, schema: hashedSchema,
                after: "00000001000000000000000200000003", untilMilliseconds: created),
            entries: [
                .init(
                    position: "00000001000000000000000300000000", milliseconds: created - 9,
                    kind: 1, name: Array("row".utf8), changes: [[4, 0, 1, 0x66, 0, 0x76]]),
                .init(
                    position: "00000001000000000000000400000000", milliseconds: created - 5,
                    kind: 2, name: Array("snapshot".utf8), changes: []),
            ])
    }

    static var format: FormatRecord { FormatRecord(directory: table, createdMilliseconds: created) }
}
