import SiltBytes
import SiltCodec
import SiltModel
import Testing

@testable import SiltFormat

@Suite("Packed blocks")
struct PackedBlockTests {
    private let file = Identifier(high: 7, low: 9)

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private func block(_ count: Int, _ cell: (Int) -> (key: [UInt8], time: Int64, value: [UInt8]))
        -> [UInt8]
    {
        var builder = BlockBuilder()
        for index in 0..<count {
            let (key, time, value) = cell(index)
            builder.append(
                columnKey: key, timestamp: time, type: 4, flags: 0,
                sequence: UInt64(1000 + index * 7), value: value)
        }
        return builder.finish()
    }

    private func bigEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
    }

    /// The block that a packed one holds.
    static func unpack(_ packed: [UInt8]) throws -> [UInt8] {
        // Safety: the buffers are used only inside the closures.
        try unsafe packed.withUnsafeBytes { buffer in
            var block = [UInt8](repeating: 0, count: try unsafe BlockUnpacker.byteCount(of: buffer))
            try unsafe block.withUnsafeMutableBytes { target in
                try unsafe BlockUnpacker.unpack(buffer, into: target)
            }
            return block
        }
    }

    @Test("a packed block of table version 2 reads as it was made")
    func golden() throws {
        let block = BlockBuilder.block(Samples.entries)
        let packed = try BlockPacker.pack(block).bytes
        if packed.count < 1000 { print("packed sample \(Hex.encode(packed))") }
        let bytes = try GoldenTests.bytes("packed.bin", packed, version: 2)
        #expect(try Self.unpack(bytes) == block)
        let series = try BlockFrame.sealPacked(
            series { Array("\($0 % 70).\($0 % 9 + 1)".utf8) },
            compressor: Compressor(.zstd(level: 3)),
            fileID: file, offset: 64)
        let stored = try GoldenTests.bytes("packed-series-zstd.bin", series, version: 2)
        let opened = try BlockFrame.open(
            .data, stored, decompressor: Decompressor(), fileID: file, offset: 64)
        #expect(opened == self.series { Array("\($0 % 70).\($0 % 9 + 1)".utf8) })
    }

    /// The stored size of a block that came back as it was, packed and not.
    private func sizes(_ block: [UInt8]) throws -> (packed: Int, plain: Int) {
        let compressor = Compressor(.zstd(level: 3))
        let stored = try BlockFrame.sealPacked(
            block, compressor: compressor, fileID: file, offset: 64)
        let opened = try BlockFrame.open(
            .data, stored, decompressor: Decompressor(), fileID: file, offset: 64)
        #expect(opened == block)
        let plain = BlockFrame.seal(
            .data, block, compressor: compressor, fileID: file, offset: 64)
        return (stored.count, plain.count)
    }

    private func series(_ value: (Int) -> [UInt8]) -> [UInt8] {
        block(3000) { index in
            let time = 1_700_000_000_000 + Int64(index % 1500) * 10_000
            let key =
                Array("m\(index / 1500 + 100)".utf8) + bigEndian(UInt64(time)).map { $0 | 1 }
            return (key + bigEndian(UInt64(index)) + [0, 0x76, 0], time, value(index))
        }
    }

    @Test("a time series takes less than a third of what compressing alone leaves")
    func timeSeries() throws {
        var generator = Generator(state: 1)
        var level = 20_000
        let steps = (0..<3000).map { _ -> Int in
            level += Int.random(in: -9...9, using: &generator)
            return level
        }
        let forms: [(Int) -> [UInt8]] = [
            { Array("\(steps[$0] / 100).\(steps[$0] / 10 % 10)\(steps[$0] % 10)".utf8) },
            { Array("\(Double(steps[$0]) / 100)".utf8) },
            { self.bigEndian((Double(steps[$0]) / 100).bitPattern) },
            { self.bigEndian((Double(steps[$0]) / 100).bitPattern).reversed() },
            { self.bigEndian(UInt64(steps[$0])) },
        ]
        for form in forms {
            let (packed, plain) = try sizes(series(form))
            print("time series block packed=\(packed) plain=\(plain)")
            #expect(packed * 3 < plain)
        }
    }

    @Test("blocks of every shape come back byte by byte")
    func shapes() throws {
        var generator = Generator(state: 2)
        let words = ["0", "-0", "1.5", "-12.25", "007", "1.", ".5", "9223372036854775807", "x", ""]
        for round in 0..<200 {
            let count = Int.random(in: 1...300, using: &generator)
            let keyBytes = Int.random(in: 1...40, using: &generator)
            let isFixedKey = Bool.random(using: &generator)
            let valueKind = round % 6
            var keys = (0..<count).map { _ -> [UInt8] in
                let length = isFixedKey ? keyBytes : Int.random(in: 1...keyBytes, using: &generator)
                return (0..<length).map { _ in UInt8.random(in: 1...4, using: &generator) }
            }
            keys.sort { $0.lexicographicallyPrecedes($1) }
            let made = block(count) { index in
                let value: [UInt8]
                switch valueKind {
                case 0:
                    value = Array(words.randomElement(using: &generator).map { $0.utf8 } ?? "".utf8)
                case 1: value = Array("\(Int.random(in: -500...500, using: &generator))".utf8)
                case 2: value = bigEndian(UInt64.random(in: 0...(.max), using: &generator))
                case 3:
                    let number = Double(Int.random(in: -9999...9999, using: &generator)) / 100
                    value = bigEndian(number.bitPattern)
                case 4:
                    value = Array(
                        "\(Double(Int.random(in: -999...999, using: &generator)) / 8)".utf8)
                default:
                    value = Array(repeating: 7, count: Int.random(in: 0...9, using: &generator))
                }
                let time = Int64(
                    truncatingIfNeeded: UInt64.random(in: 0...(.max), using: &generator))
                return (keys[index], round % 2 == 0 ? time : time % 1000, value)
            }
            _ = try sizes(made)
        }
    }

    @Test("a packed block with any byte changed gives an error or another block, never a trap")
    func damaged() throws {
        let made = series { Array("\($0 % 50).5".utf8) }
        let packed = try BlockPacker.pack(made).bytes
        var generator = Generator(state: 3)
        for round in 0..<500 {
            var bytes = packed
            let place = round < 200 ? round : Int.random(in: 0..<bytes.count, using: &generator)
            bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
            if round % 7 == 0 { bytes.removeLast(Int.random(in: 1...99, using: &generator)) }
            unsafe bytes.withUnsafeBytes { buffer in
                do {
                    let count = try unsafe BlockUnpacker.byteCount(of: buffer)
                    guard count < 64 << 20 else { return }
                    var block = [UInt8](repeating: 0, count: count)
                    try unsafe block.withUnsafeMutableBytes { target in
                        try unsafe BlockUnpacker.unpack(buffer, into: target)
                    }
                    _ = try unsafe block.withUnsafeBytes { try unsafe BlockView($0) }
                } catch {}
            }
        }
    }

    @Test("decimal numbers are told from other text")
    func decimals() {
        for (text, number, digits) in [
            ("0", 0, 0), ("12", 12, 0), ("-3.50", -350, 2), ("0.05", 5, 2), ("100", 100, 0),
        ] as [(String, Int64, Int)] {
            let parsed = DecimalForm.parse(Array(text.utf8)[...])
            #expect(parsed?.number == number && parsed?.digits == digits)
            var back: [UInt8] = []
            DecimalForm(kind: .fixedText, digits: digits).append(number, to: &back)
            #expect(back == Array(text.utf8))
        }
        for text in [
            "", "-", ".5", "5.", "01", "00", "-0", "1.2.3", "1e5", "+1", " 1",
            "99999999999999999999", "0.0000000001",
        ] {
            #expect(DecimalForm.parse(Array(text.utf8)[...]) == nil)
        }
        var text: [UInt8] = []
        DecimalForm(kind: .shortestText, digits: 3).append(-1500, to: &text)
        #expect(text == Array("-1.5".utf8))
    }
}
