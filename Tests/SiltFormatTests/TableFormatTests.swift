import SiltBytes
import SiltCodec
import SiltFormat
import Testing

@Suite("Table properties and footers")
struct TableFormatTests {
    static func properties() -> TableProperties {
        var properties = TableProperties()
        properties.add(timestamp: 1_700_000_000_000, type: 4, sequence: 9)
        properties.add(timestamp: 1_600_000_000_000, type: 14, sequence: 12)
        properties.smallest = [97, 0, 0, 1]
        properties.largest = [98, 0, 0, 1]
        properties.rawByteCount = 70_000
        properties.storedByteCount = 30_000
        properties.blockCount = 2
        properties.codec = .zstd
        properties.blockBytes = 65_536
        properties.createdMilliseconds = 1_700_000_000_123
        properties.table = Identifier(high: 1, low: 2)
        properties.region = Identifier(high: 3, low: 4)
        properties.family = 7
        return properties
    }

    static func footer() -> TableFooter {
        TableFooter(
            fileID: Identifier(high: 5, low: 6), index: .init(offset: 100, byteCount: 50),
            filter: .init(offset: 150, byteCount: 25),
            properties: .init(offset: 175, byteCount: 25),
            fileByteCount: 280)
    }

    @Test("Properties count entries and read back")
    func properties() throws {
        let properties = Self.properties()
        #expect(properties.entryCount == 2 && properties.markerCount == 1)
        #expect(properties.familyMarkerCount == 1 && properties.maxSequence == 12)
        #expect(properties.minTimestamp == 1_600_000_000_000 && properties.minSequence == 9)
        #expect(try TableProperties(decoding: properties.encoded()) == properties)
        #expect(try TableProperties(decoding: TableProperties().encoded()) == TableProperties())
    }

    @Test("Markers of one version are counted apart, and version 1 says as much where it can")
    func versionMarkers() throws {
        var properties = Self.properties()
        #expect(properties.versionMarkerCount == 0 && properties.encoded()[0] == 2)
        #expect(try TableProperties(decoding: properties.encoded()).versionMarkerCount == 0)
        var single = TableProperties()
        for type: UInt8 in [4, 8, 10] { single.add(timestamp: 1, type: type, sequence: 1) }
        #expect(single.versionMarkerCount == 2 && single.encoded()[0] == 1)
        #expect(try TableProperties(decoding: single.encoded()) == single)
        for type: UInt8 in [8, 12, 10] { properties.add(timestamp: 1, type: type, sequence: 1) }
        #expect(properties.markerCount == 4 && properties.versionMarkerCount == 2)
        #expect(try TableProperties(decoding: properties.encoded()) == properties)
        var unknown = properties.encoded()
        unknown[0] = 3
        #expect(throws: DecodingError.self) { try TableProperties(decoding: unknown) }
    }

    @Test("Shortened properties are an error and random bytes never trap")
    func damagedProperties() throws {
        let bytes = Self.properties().encoded()
        for length in bytes.indices {
            #expect(throws: DecodingError.self) {
                try TableProperties(decoding: Array(bytes[..<length]))
            }
        }
        #expect(throws: DecodingError.self) { try TableProperties(decoding: bytes + [0]) }
        var random = SeededRandom(seed: TestRun.seed)
        for _ in 0..<(TestRun.steps * 20) {
            _ = try? TableProperties(decoding: [1] + random.bytes(random.below(150)))
            _ = try? TableProperties(decoding: [2] + random.bytes(random.below(150)))
        }
    }

    @Test("A footer is found at the end of a tail")
    func footer() throws {
        let footer = Self.footer()
        let bytes = footer.encoded()
        #expect(bytes.count == TableFooter.byteCount)
        let tail = [UInt8](repeating: 3, count: 77) + bytes
        #expect(try TableFooter(decodingEndOf: tail, fileByteCount: 280) == footer)
    }

    @Test("A footer of another size of file, a changed byte and a shortening are errors")
    func damagedFooter() throws {
        let bytes = Self.footer().encoded()
        #expect(throws: DecodingError.self) {
            try TableFooter(decodingEndOf: bytes, fileByteCount: 281)
        }
        for place in bytes.indices {
            for bit in 0..<8 {
                var copy = bytes
                copy[place] ^= 1 << UInt8(bit)
                #expect(throws: DecodingError.self) {
                    try TableFooter(decodingEndOf: copy, fileByteCount: 280)
                }
            }
            #expect(throws: DecodingError.self) {
                try TableFooter(decodingEndOf: Array(bytes[..<place]), fileByteCount: 280)
            }
        }
    }

    @Test("A footer that names blocks outside the file is an error")
    func placesOutside() {
        var footer = Self.footer()
        footer.filter.offset = .max
        #expect(throws: DecodingError.self) {
            try TableFooter(decodingEndOf: footer.encoded(), fileByteCount: 280)
        }
        footer = Self.footer()
        footer.properties.byteCount = 26
        #expect(throws: DecodingError.self) {
            try TableFooter(decodingEndOf: footer.encoded(), fileByteCount: 280)
        }
    }
}
