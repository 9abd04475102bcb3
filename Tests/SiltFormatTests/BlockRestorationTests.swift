import SiltBytes
import SiltCodec
import SiltModel
import Testing

@Suite("Blocks restored in part")
struct BlockRestorationTests {
    /// Noise, runs, and repetitions at many distances.
    static func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            switch random.below(5) {
            case 0: bytes += random.bytes(random.below(70))
            case 1:
                bytes += [UInt8](repeating: UInt8(random.below(3)), count: random.below(400))
            default:
                guard !bytes.isEmpty else { continue }
                let reach = [9, 40, 5_000, 65_535][random.below(4)]
                let distance = 1 + random.below(min(bytes.count, reach))
                for _ in 0..<(4 + random.below(random.below(3) == 0 ? 600 : 30)) {
                    bytes.append(bytes[bytes.count - distance])
                }
            }
        }
        return Array(bytes.prefix(count))
    }

    static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        var stored: [UInt8] = []
        let codec = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Compressor(.lz4).compress(buffer, into: &stored)
        }
        return codec == .lz4 ? stored : nil
    }

    /// Restores up to each stop in turn, in memory with known bytes around it.
    ///
    /// - Returns: the target as it is when all stops were reached or an error came, and whether none came.
    static func restore(_ stored: [UInt8], count: Int, _ stops: [Int]) throws -> (
        bytes: [UInt8], isComplete: Bool
    ) {
        let margin = 64
        var memory = [UInt8](repeating: 0xa5, count: count + 2 * margin)
        var isComplete = true
        // Alone in memory, so that a tool for such things sees a read beyond it.
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: stored.count, alignment: 1)
        defer { unsafe source.deallocate() }
        unsafe source.copyBytes(from: stored)
        unsafe memory.withUnsafeMutableBytes { buffer in
            let target = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[margin..<(margin + count)])
            do {
                var restoration = try unsafe BlockRestoration(
                    .lz4, UnsafeRawBufferPointer(source), into: target, Decompressor())
                for stop in stops { try restoration.restore(stop) }
            } catch { isComplete = false }
        }
        #expect(memory[..<margin].allSatisfy { $0 == 0xa5 })
        #expect(memory[(margin + count)...].allSatisfy { $0 == 0xa5 })
        return (Array(memory[margin..<(margin + count)]), isComplete)
    }

    @Test("What is asked for is there, stop after stop, and in the end all of it")
    func stops() throws {
        var random = SeededRandom(seed: TestRun.seed)
        var blocks = 0
        for _ in 0..<(TestRun.steps * 5) {
            let bytes = Self.bytes(1 + random.below(random.below(4) == 0 ? 90_000 : 3_000), &random)
            guard let stored = Self.compressed(bytes) else { continue }
            blocks += 1
            let stops = (0..<random.below(6)).map { _ in random.below(bytes.count) }.sorted()
            for count in 0...stops.count {
                let some = Array(stops[..<count])
                let result = try Self.restore(stored, count: bytes.count, some)
                let last = some.last ?? 0
                #expect(result.isComplete)
                #expect(result.bytes[..<last] == bytes[..<last])
            }
            let whole = try Self.restore(stored, count: bytes.count, stops + [bytes.count])
            #expect(whole.isComplete)
            #expect(whole.bytes == bytes)
            // Neither more nor less than the block holds.
            #expect(
                try !Self.restore(stored, count: bytes.count + 1, [bytes.count + 1]).isComplete)
            #expect(
                try !Self.restore(stored, count: bytes.count - 1, [bytes.count - 1]).isComplete)
        }
        #expect(blocks > TestRun.steps)
    }

    @Test("Damaged, cut and random bytes are errors or other bytes, never more than the target")
    func damage() throws {
        var random = SeededRandom(seed: TestRun.seed &+ 1)
        var refused = 0
        for round in 0..<(TestRun.steps * 50) {
            let bytes = Self.bytes(1 + random.below(2_000), &random)
            var stored = Self.compressed(bytes) ?? random.bytes(1 + random.below(300))
            switch round % 3 {
            case 0: stored[random.below(stored.count)] ^= UInt8(1 + random.below(255))
            case 1: stored.removeLast(1 + random.below(stored.count))
            default: stored = random.bytes(1 + random.below(300))
            }
            let stops = [random.below(bytes.count), bytes.count]
            if try !Self.restore(stored, count: bytes.count, stops).isComplete { refused += 1 }
        }
        #expect(refused > TestRun.steps * 20)
    }

    @Test("A block that is not LZ4 is there as a whole", arguments: [Codec.none, .zstd])
    func others(codec: Codec) throws {
        var random = SeededRandom(seed: 8)
        let bytes = Self.bytes(5_000, &random)
        var stored: [UInt8] = bytes
        if codec == .zstd {
            stored = []
            _ = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Compressor(.zstd(level: 1)).compress(buffer, into: &stored)
            }
        }
        var target = [UInt8](repeating: 0, count: bytes.count)
        try unsafe stored.withUnsafeBytes { source in
            try unsafe target.withUnsafeMutableBytes { buffer in
                var restoration = try unsafe BlockRestoration(
                    codec, source, into: buffer, Decompressor())
                try restoration.restore(1)
            }
        }
        #expect(target == bytes)
    }
}
