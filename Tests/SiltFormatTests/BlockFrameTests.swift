import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel
import Testing

@Suite("Block frames and codecs")
struct BlockFrameTests {
    static let file = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)
    static let codecs: [Compression] = [.none, .lz4, .zstd(level: 1), .zstd(level: 9)]

    static func payload() -> [UInt8] {
        var random = SeededRandom(seed: 5)
        return BlockBuilder.block(Entry.random(60, shape: 1, &random))
    }

    @Test(
        "A sealed block opens to the same payload, smaller where the codec helps", arguments: codecs
    )
    func roundTrip(codec: Compression) throws {
        let payload = Self.payload()
        let sealed = BlockFrame.seal(
            .data, payload, compressor: Compressor(codec), fileID: Self.file, offset: 4096)
        let decompressor = Decompressor()
        for _ in 0..<3 {
            #expect(
                try BlockFrame.open(
                    .data, sealed, decompressor: decompressor, fileID: Self.file, offset: 4096)
                    == payload)
        }
        if codec == .none {
            #expect(sealed.count == payload.count + BlockFrame.trailerByteCount)
        } else {
            #expect(sealed.count < payload.count)
        }
    }

    @Test("Bytes that do not compress are stored as they are", arguments: codecs)
    func incompressible(codec: Compression) throws {
        var random = SeededRandom(seed: 6)
        for count in [0, 1, 8, 5000] {
            let payload = random.bytes(count)
            let sealed = BlockFrame.seal(
                .index, payload, compressor: Compressor(codec), fileID: Self.file, offset: 0)
            #expect(sealed.count == count + BlockFrame.trailerByteCount)
            #expect(sealed[count] == Codec.none.rawValue)
            let opened = try BlockFrame.open(
                .index, sealed, decompressor: Decompressor(), fileID: Self.file, offset: 0)
            #expect(opened == payload)
        }
    }

    @Test("A block of another kind, file or offset is refused")
    func misplaced() throws {
        let sealed = BlockFrame.seal(
            .data, Self.payload(), compressor: nil, fileID: Self.file, offset: 100)
        let other = Identifier(high: Self.file.high, low: Self.file.low + 1)
        for (kind, file, offset) in [
            (BlockKind.index, Self.file, UInt64(100)), (.data, other, 100), (.data, Self.file, 101),
        ] {
            #expect(throws: DecodingError.self) {
                try BlockFrame.open(
                    kind, sealed, decompressor: Decompressor(), fileID: file, offset: offset)
            }
        }
    }

    @Test("Each changed byte and each shortening is an error", arguments: codecs)
    func damage(codec: Compression) throws {
        let sealed = BlockFrame.seal(
            .data, Self.payload(), compressor: Compressor(codec), fileID: Self.file, offset: 7)
        let decompressor = Decompressor()
        func open(_ bytes: [UInt8]) throws {
            _ = try BlockFrame.open(
                .data, bytes, decompressor: decompressor, fileID: Self.file, offset: 7)
        }
        for place in sealed.indices {
            var copy = sealed
            copy[place] ^= UInt8(1 + place % 255)
            #expect(throws: DecodingError.self) { try open(copy) }
        }
        for length in sealed.indices {
            #expect(throws: DecodingError.self) { try open(Array(sealed[..<length])) }
        }
    }

    @Test("Random bytes given to a codec never trap", arguments: [Codec.none, .lz4, .zstd])
    func garbage(codec: Codec) throws {
        var random = SeededRandom(seed: TestRun.seed)
        let decompressor = Decompressor()
        for _ in 0..<(TestRun.steps * 20) {
            let bytes = random.bytes(random.below(200))
            var target = [UInt8](repeating: 0, count: random.below(2000))
            unsafe bytes.withUnsafeBytes { source in
                unsafe target.withUnsafeMutableBytes { buffer in
                    _ = try? unsafe decompressor.decompress(codec, source, into: buffer)
                }
            }
        }
    }

    @Test("A raw size beyond the limit is refused before memory is taken")
    func rawSizeLimit() {
        var sealed = [UInt8](repeating: 0, count: 20)
        sealed += [2, 0xff, 0xff, 0xff, 0xff]
        var binding = ByteWriter()
        binding.write(BlockKind.data.rawValue)
        binding.write(Self.file)
        binding.write(UInt64(0))
        var writer = ByteWriter()
        writer.write(CRC32C.checksum(sealed, seed: CRC32C.checksum(binding.bytes)))
        #expect {
            try BlockFrame.open(
                .data, sealed + writer.bytes, decompressor: Decompressor(), fileID: Self.file,
                offset: 0)
        } throws: { "\($0)".contains("raw size is not possible") }
    }
}
