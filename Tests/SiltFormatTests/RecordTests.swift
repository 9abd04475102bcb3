import SiltBytes
import SiltFormat
import SiltModel
import Testing

@Suite("Sealed records")
struct RecordTests {
    /// A sealed record, and what reads it and writes it again.
    struct Sealed: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let recode: @Sendable ([UInt8]) throws -> [UInt8]
    }

    static let all = [
        Sealed(testDescription: "FORMAT", bytes: Samples.format.encoded()) {
            try FormatRecord(decoding: $0).encoded()
        },
        Sealed(testDescription: "manifest", bytes: Samples.manifest.encoded()) {
            try RegionManifest(decoding: $0).encoded()
        },
        Sealed(testDescription: "schema", bytes: Samples.schema.encoded()) {
            try SchemaRecord(decoding: $0).encoded()
        },
        Sealed(testDescription: "checkpoint", bytes: Samples.checkpoint.encoded()) {
            try CheckpointRecord(decoding: $0).encoded()
        },
        Sealed(testDescription: "backup", bytes: Samples.backup.encoded()) {
            try BackupRecord(decoding: $0).encoded()
        },
        Sealed(testDescription: "changes", bytes: Samples.changes.encoded()) {
            try ChangesRecord(decoding: $0).encoded()
        },
    ]

    @Test("Records read back as they were written")
    func roundTrip() throws {
        #expect(try FormatRecord(decoding: Samples.format.encoded()) == Samples.format)
        #expect(try RegionManifest(decoding: Samples.manifest.encoded()) == Samples.manifest)
        #expect(try SchemaRecord(decoding: Samples.schema.encoded()) == Samples.schema)
        let checkpoint = try CheckpointRecord(decoding: Samples.checkpoint.encoded())
        #expect(checkpoint == Samples.checkpoint)
        #expect(checkpoint.section("windows") == [1, 2, 3] && checkpoint.section("other") == nil)
        #expect(checkpoint.sources == Samples.checkpoint.sources)
        #expect(checkpoint.watermarkMilliseconds == Samples.created - 5000)
    }

    @Test("Every setting of a family and a table is kept")
    func settings() throws {
        var schema = Samples.schema
        schema.state = .dropped
        schema.isReadOnly = true
        for durability in Durability.allCases {
            for compression in [Compression.none, .lz4, .zstd(level: 19)] {
                for keep in KeepDeletedCells.allCases {
                    schema.durability = durability
                    schema.families[0].settings = Family(
                        "é", maxVersions: .max, minVersions: 5, timeToLiveMilliseconds: .max,
                        keepDeletedCells: keep, bloomFilter: .none, blockBytes: 1024,
                        compression: compression, attributes: ["a": "", "": "b"])
                    #expect(try SchemaRecord(decoding: schema.encoded()) == schema)
                }
            }
        }
        schema.durability = nil
        for buckets in [2, 8, 256] {
            schema.hashBuckets = buckets
            #expect(try SchemaRecord(decoding: schema.encoded()) == schema)
        }
        for buckets in [1, 257, 70_000] {
            schema.hashBuckets = buckets
            #expect(throws: DecodingError.self) { try SchemaRecord(decoding: schema.encoded()) }
        }
    }

    @Test("A manifest keeps levels, runs, clips and relatives")
    func manifest() throws {
        var manifest = Samples.manifest
        var second = manifest.trees[0].runs[0].files[0]
        second.clip = nil
        second.id = Samples.table
        manifest.trees[0].runs.append(.init(level: 6, files: [second, second]))
        manifest.trees.append(.init(family: 254))
        manifest.parents = [Samples.file]
        manifest.daughters = [Samples.table, Samples.region]
        manifest.state = .changing
        #expect(try RegionManifest(decoding: manifest.encoded()) == manifest)
        #expect(second.key == "tables/\(Samples.table)/sst/\(Samples.table).sst")
        let key = RegionManifest.key(region: Samples.region, number: 0x1f)
        #expect(key.hasPrefix(RegionManifest.keyPrefix(region: Samples.region)))
        #expect(key.hasSuffix("/000000000000001f") && ObjectNumber.number(endOf: key) == 31)
        #expect(ObjectNumber.number(endOf: "x/1f") == nil)
        #expect(ObjectNumber.number(endOf: "00000000000000ZZ") == nil)
    }

    @Test("Each changed byte is an error", arguments: all)
    func damage(record: Sealed) throws {
        #expect(try record.recode(record.bytes) == record.bytes)
        for place in record.bytes.indices {
            for bit in 0..<8 {
                var copy = record.bytes
                copy[place] ^= 1 << UInt8(bit)
                #expect(throws: DecodingError.self) { try record.recode(copy) }
            }
        }
    }

    @Test("Each shortening, and a byte too much, is an error", arguments: all)
    func truncation(record: Sealed) {
        for length in record.bytes.indices {
            #expect(throws: DecodingError.self) {
                try record.recode(Array(record.bytes[..<length]))
            }
        }
        #expect(throws: DecodingError.self) { try record.recode(record.bytes + [0]) }
    }

    @Test("Any body under a right checksum is read or refused, never a trap", arguments: all)
    func garbage(record: Sealed) {
        var random = SeededRandom(seed: TestRun.seed)
        for step in 0..<(TestRun.steps * 20) {
            var body = Array(record.bytes[20..<(record.bytes.count - 4)])
            if step % 2 == 0 {
                body[random.below(body.count)] = UInt8(random.below(256))
                if step % 4 == 0 { body.removeLast(random.below(body.count)) }
            } else {
                body = random.bytes(random.below(200))
            }
            var writer = ByteWriter()
            writer.write(contentsOf: record.bytes[..<12])
            writer.write(UInt64(body.count))
            writer.write(contentsOf: body)
            writer.write(CRC32C.checksum(writer.bytes))
            _ = try? record.recode(writer.bytes)
        }
    }

    @Test("What a newer version wrote is refused with words for a person", arguments: all)
    func newer(record: Sealed) {
        var copy = record.bytes
        copy[8] = 9
        #expect {
            try record.recode(copy)
        } throws: { "\($0)".contains("written by a newer version of siltstone") }
    }

    @Test("A directory with unknown features is refused")
    func features() {
        var record = Samples.format
        record.features = 1 << 40
        #expect {
            try FormatRecord(decoding: record.encoded())
        } throws: { "\($0)".contains("unknown features") }
    }
}
