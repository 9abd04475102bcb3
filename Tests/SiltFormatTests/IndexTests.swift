import SiltBytes
import SiltFormat
import SiltModel
import Testing

@testable import SiltFormat

@Suite("Index blocks")
struct IndexTests {
    static func withIndex<Result>(_ payload: [UInt8], _ body: (IndexView) throws -> Result) throws
        -> Result
    {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 1)
        defer { unsafe memory.deallocate() }
        unsafe memory.copyBytes(from: payload)
        return try body(try unsafe IndexView(UnsafeRawBufferPointer(memory)))
    }

    /// Cell keys cut into blocks, and the index of them.
    static func make(_ shape: Int, _ random: inout SeededRandom) -> (
        blocks: [[[UInt8]]], payload: [UInt8]
    ) {
        var keys = Entry.random(150, shape: shape, &random).map(\.cellKey)
        var blocks: [[[UInt8]]] = []
        while !keys.isEmpty {
            let count = min(keys.count, 1 + random.below(9))
            // A block never ends between equal keys.
            var end = count
            while end < keys.count, keys[end] == keys[end - 1] { end += 1 }
            blocks.append(Array(keys[..<end]))
            keys.removeFirst(end)
        }
        var builder = IndexBuilder()
        for (number, block) in blocks.enumerated() {
            builder.append(
                first: block[0], last: block[block.count - 1],
                IndexEntry(
                    offset: UInt64(number * 1000), storedByteCount: 900 + number,
                    rawByteCount: 2000 + number, entryCount: block.count, markerCount: number % 2))
        }
        return (blocks, builder.finish())
    }

    @Test("A key is found in the block that a linear search finds", arguments: 0..<64)
    func find(shape: Int) throws {
        var random = SeededRandom(seed: TestRun.seed &+ UInt64(shape))
        let (blocks, payload) = Self.make(shape, &random)
        try Self.withIndex(payload) { view in
            #expect(view.count == blocks.count)
            for (number, block) in blocks.enumerated() {
                let entry = view.entry(number)
                #expect(entry.offset == UInt64(number * 1000) && entry.entryCount == block.count)
                #expect(entry.storedByteCount == 900 + number && entry.markerCount == number % 2)
                for key in block { #expect(view.find(key) == number) }
            }
            for key in Entry.random(60, shape: shape, &random).map(\.cellKey) {
                let target = Array(key.prefix(random.below(key.count + 1)))
                let found = view.find(target)
                let wanted = blocks.firstIndex {
                    !($0.last ?? []).lexicographicallyPrecedes(target)
                }
                // The block found has the first cell at or after the target, or that cell begins the next one.
                guard let wanted else {
                    #expect(found >= blocks.count - 1)
                    continue
                }
                let startsNext = !blocks[wanted][0].lexicographicallyPrecedes(target)
                #expect(found == wanted || startsNext && found == wanted - 1)
            }
        }
    }

    @Test("A separator lies between its blocks and is no longer than needed")
    func separators() throws {
        let cases: [(last: [UInt8], next: [UInt8], wanted: [UInt8])] = [
            ([1, 2, 3], [1, 2, 7, 9], [1, 2, 7]),
            ([1, 2, 3], [1, 2, 7], [1, 2, 4]),
            ([1, 2, 3], [1, 2, 4], [1, 2, 3]),
            ([1, 2], [1, 2, 0], [1, 2]),
            ([1, 0xff, 0xff], [2, 0], [2]),
        ]
        for example in cases {
            #expect(IndexBuilder.separator(from: example.last, to: example.next) == example.wanted)
        }
        var random = SeededRandom(seed: TestRun.seed)
        let (blocks, payload) = Self.make(3, &random)
        try Self.withIndex(payload) { view in
            for number in 0..<(blocks.count - 1) {
                let separator = view.separator(number)
                #expect(!separator.lexicographicallyPrecedes(blocks[number].last ?? []))
                #expect(separator.lexicographicallyPrecedes(blocks[number + 1][0]))
            }
        }
    }

    @Test("An index without blocks finds nothing")
    func empty() throws {
        var builder = IndexBuilder()
        try Self.withIndex(builder.finish()) { view in
            #expect(view.count == 0)
            #expect(view.find([1, 2, 3]) == 0)
        }
    }

    @Test("Changed, shortened and random bytes give errors or safe answers")
    func damage() throws {
        var random = SeededRandom(seed: TestRun.seed)
        let payload = Self.make(5, &random).payload
        func readAll(_ view: IndexView) -> Int {
            var sum = view.find([1, 2, 3]) &+ view.find([UInt8](repeating: 200, count: 40))
            for number in 0..<view.count {
                sum &+= view.separator(number).count &+ view.entry(number).storedByteCount
                sum &+= view.find(view.separator(number))
            }
            return sum
        }
        for place in places(in: payload.count, most: 1200) {
            var copy = payload
            copy[place] ^= UInt8(1 << random.below(8))
            _ = try? Self.withIndex(copy, readAll)
        }
        for length in places(in: payload.count) {
            #expect(throws: DecodingError.self) {
                try Self.withIndex(Array(payload[..<length]), readAll)
            }
        }
        for _ in 0..<(TestRun.steps * 20) {
            var bytes = random.bytes(random.below(200))
            if bytes.count > 16 {
                bytes.replaceSubrange(0..<5, with: [1, 0, 0, 0, UInt8(random.below(5))])
            }
            _ = try? Self.withIndex(bytes, readAll)
        }
    }
}
