import SiltBytes
import SiltModel
import Testing

@testable import SiltFormat

@Suite("Filter blocks")
struct FilterTests {
    static func withFilter<Result>(_ payload: [UInt8], _ body: (FilterView) throws -> Result) throws
        -> Result
    {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 1)
        defer { unsafe memory.deallocate() }
        unsafe memory.copyBytes(from: payload)
        return try body(try unsafe FilterView(UnsafeRawBufferPointer(memory)))
    }

    @Test("No key is missed, few others are taken for one, with and without vector instructions")
    func answers() throws {
        var builder = FilterBuilder(.row)
        let keys = (0..<20_000).map { CellKey.rowPrefix(Bytes("row-\($0)")) }
        for key in keys {
            builder.append(Hash64.hash(key))
            builder.append(Hash64.hash(key))
        }
        #expect(builder.count == 20_000)
        let payload = builder.finish()
        #expect(payload.count < 20_000 * 11 / 8)
        try Self.withFilter(payload) { view in
            #expect(view.kind == .row && view.keyCount == 20_000)
            for key in keys { #expect(view.mayContain(Hash64.hash(key))) }
            var wrong = 0
            for number in 0..<40_000 {
                let hash = Hash64.hash(CellKey.rowPrefix(Bytes("other-\(number)")))
                if view.mayContain(hash) { wrong += 1 }
                #expect(view.mayContain(hash) == view.mayContainPortably(hash))
            }
            #expect(wrong < 40_000 * 2 / 100, "false positives \(wrong)")
            #expect(wrong > 0)
        }
    }

    @Test("An empty filter excludes nothing", arguments: BloomFilterKind.allCases)
    func empty(kind: BloomFilterKind) throws {
        var builder = FilterBuilder(kind)
        if kind == .none { builder.append(1) }
        try Self.withFilter(builder.finish()) { #expect($0.mayContain(77) && $0.kind == kind) }
    }

    @Test("Changed headers, shortenings and random bytes give errors or safe answers")
    func damage() throws {
        var random = SeededRandom(seed: TestRun.seed)
        var builder = FilterBuilder(.rowAndColumn)
        for _ in 0..<100 { builder.append(random.next()) }
        let payload = builder.finish()
        func ask(_ view: FilterView) -> Bool { view.mayContain(1) != view.mayContain(.max) }
        for place in 0..<32 {
            for bit in 0..<8 {
                var copy = payload
                copy[place] ^= 1 << UInt8(bit)
                _ = try? Self.withFilter(copy, ask)
            }
        }
        for length in payload.indices {
            #expect(throws: DecodingError.self) {
                try Self.withFilter(Array(payload[..<length]), ask)
            }
        }
        for _ in 0..<(TestRun.steps * 20) {
            _ = try? Self.withFilter(random.bytes(random.below(100)), ask)
        }
    }
}
