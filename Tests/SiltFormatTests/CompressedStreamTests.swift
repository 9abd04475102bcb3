import SiltBytes
import SiltCodec
import Testing

@Suite struct CompressedStreamTests {
    /// `testvalue1`, by the gzip program.
    private let gzipped =
        Hex.decode("1f8b08000000000002032b492d2e294bcc294d350400cd2693230a000000") ?? []

    @Test(
        "a gzip stream gives its bytes back; also several members, and what we wrote piece by piece"
    )
    func gzip() throws {
        #expect(try GzipReader.decompress(gzipped, limit: 10) == Array("testvalue1".utf8))
        let twice = try GzipReader.decompress(gzipped + gzipped, limit: 100)
        #expect(twice == Array("testvalue1testvalue1".utf8))
        let long = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        let writer = try #require(GzipWriter())
        var text: [UInt8] = []
        for start in stride(from: 0, to: long.count, by: 70_000) {
            text += writer.add(
                Array(long[start..<min(start + 70_000, long.count)]), finishes: false)
        }
        text += writer.add([], finishes: true)
        #expect(try GzipReader.decompress(text, limit: 1 << 20) == long)
        let empty = try #require(GzipWriter.compress([]))
        #expect(try GzipReader.decompress(empty, limit: 0) == [])
    }

    @Test("a damaged, cut or too large gzip stream is refused")
    func badGzip() throws {
        for count in 0..<gzipped.count {
            #expect(throws: DecodingError.self) {
                try GzipReader.decompress(Array(gzipped.prefix(count)), limit: 100)
            }
        }
        #expect(try GzipReader.decompress(gzipped, limit: 9) == nil)
        #expect(throws: DecodingError.self) { try GzipReader.decompress(gzipped + [1], limit: 99) }
        let bomb = try #require(GzipWriter.compress([UInt8](repeating: 0, count: 8 << 20)))
        #expect(try GzipReader.decompress(bomb, limit: 1 << 20) == nil)
    }

    @Test("a Zstandard stream gives its bytes back; a damaged, cut or too large one is refused")
    func zstandard() throws {
        // A frame without checksum: header, one raw block.
        let plain: [UInt8] =
            [0x28, 0xb5, 0x2f, 0xfd, 0x20, 10, 0x51, 0, 0] + Array("testvalue1".utf8)
        #expect(try ZstandardReader.decompress(plain, limit: 10) == Array("testvalue1".utf8))
        #expect(
            try ZstandardReader.decompress(plain + plain, limit: 20)
                == Array("testvalue1testvalue1".utf8))
        for count in 0..<plain.count {
            #expect(throws: DecodingError.self) {
                try ZstandardReader.decompress(Array(plain.prefix(count)), limit: 100)
            }
        }
        #expect(try ZstandardReader.decompress(plain, limit: 9) == nil)
        // A block that repeats one byte: header with a window of 8 MiB, 2 MiB claimed again and again.
        var bomb: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68]
        for _ in 0..<1000 { bomb += [0x02, 0x00, 0x10, 0x41] }
        #expect(try ZstandardReader.decompress(bomb, limit: 1 << 20) == nil)
    }
}
