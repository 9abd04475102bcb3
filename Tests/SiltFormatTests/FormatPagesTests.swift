import Foundation
import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel
import Testing

/// The worked examples of docs/format: each is decoded, written again, and compared.
///
/// An example is a fenced block that begins with `hex` and a name; a line is hex digits, and after
/// `|` words.
@Suite("Format pages")
struct FormatPagesTests {
    static func examples() throws -> [(page: String, name: String, bytes: [UInt8])] {
        let folder = TestRun.folder("docs/format")
        var found: [(String, String, [UInt8])] = []
        for page in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        where page.hasSuffix(".md") {
            let text = try String(contentsOfFile: folder + "/" + page, encoding: .utf8)
            var name: String?
            var digits = ""
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                if let open = name {
                    if line.hasPrefix("```") {
                        found.append(
                            (page, open, try #require(Hex.decode(digits), "\(page) \(open)")))
                        name = nil
                    } else {
                        digits += line.prefix { $0 != "|" }.filter { $0 != " " }
                    }
                } else if line.hasPrefix("```hex "), page != "feed.md" {
                    name = String(line.dropFirst(7))
                    digits = ""
                }
            }
        }
        return found
    }

    /// What reads an example and writes it again.
    static let recoders: [String: @Sendable ([UInt8]) throws -> [UInt8]] = [
        "cell-key": { bytes in
            let row = try CellKey.component(of: bytes, at: 0)
            let qualifier = try CellKey.component(of: bytes, at: row.next)
            var key = CellKey.columnKey(row: Bytes(row.bytes), qualifier: Bytes(qualifier.bytes))
            unsafe bytes.withUnsafeBytes { buffer in
                let bound = unsafe CellKeyBound(buffer)
                CellKey.appendTail(
                    timestamp: bound.timestamp, type: bound.type, sequence: bound.sequence, to: &key
                )
            }
            return key
        },
        "block": { bytes in
            try withBlock(bytes) { view in
                BlockBuilder.block((0..<view.count).map { view.entry($0) })
            }
        },
        "packed": { bytes in
            let block = try PackedBlockTests.unpack(bytes)
            try withBlock(block) { view in
                #expect((0..<view.count).map { view.entry($0) } == Samples.entries)
            }
            return try BlockPacker.pack(block).bytes
        },
        "filter": { bytes in
            try FilterTests.withFilter(bytes) { #expect($0.keyCount == 2) }
            return Samples.filter
        },
        "log-segment": { bytes in
            var reader = try LogSegmentReader(bytes)
            #expect(reader.next()?.sections[0].operationCount == 2)
            #expect(reader.next() == nil)
            #expect(reader.end == .marked(offset: bytes.count))
            return Samples.logSegment
        },
        "table": { bytes in
            try TableSample.check(bytes, entryCount: 3, codec: .none)
            return Samples.tableFile(.none)
        },
        "manifest": { try RegionManifest(decoding: $0).encoded() },
        "schema": { try SchemaRecord(decoding: $0).encoded() },
        "checkpoint": { try CheckpointRecord(decoding: $0).encoded() },
        "backup": { try BackupRecord(decoding: $0).encoded() },
        "changes": { try ChangesRecord(decoding: $0).encoded() },
        "format": { try FormatRecord(decoding: $0).encoded() },
    ]

    @Test("Every example decodes and encodes to the same bytes")
    func recode() throws {
        let examples = try Self.examples()
        for example in examples {
            let recode = try #require(
                Self.recoders[example.name], "\(example.page) \(example.name)")
            #expect(try recode(example.bytes) == example.bytes, "\(example.page) \(example.name)")
        }
        #expect(Set(examples.map(\.name)) == Set(Self.recoders.keys))
        #expect(examples.count == Self.recoders.count)
    }

    @Test("Every page has an example and says its versions")
    func pages() throws {
        let folder = TestRun.folder("docs/format")
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder)
        for page in pages where page.hasSuffix(".md") {
            let text = try String(contentsOfFile: folder + "/" + page, encoding: .utf8)
            // The state of windows is SiltStream's, feeds are SiltTable's: their own tests decode those examples.
            let fence = page == "window-state.md" ? "\n```\n" : "\n```hex "
            #expect(text.contains(fence), "\(page)")
            for heading in ["## Layout", "## Rules for readers", "## Example", "## Versions"] {
                #expect(text.contains(heading), "\(page) \(heading)")
            }
        }
    }
}
