import Testing

@testable import SiltStream

@Suite struct KeyInternerTests {
    @Test("ids are dense, stable and found again")
    func ids() {
        var keys = KeyInterner()
        for number in 0..<5000 { #expect(keys.intern(Array("k\(number)".utf8)) == UInt32(number)) }
        for number in 0..<5000 {
            #expect(keys.intern(Array("k\(number)".utf8)) == UInt32(number))
            #expect(keys.find(Array("k\(number)".utf8)) == UInt32(number))
        }
        #expect(keys.find([1]) == nil)
        #expect(keys.bytes(of: 4321) == Array("k4321".utf8))
        #expect(keys.count == 5000)
    }

    @Test("a key may be any bytes, also none, and part of a line")
    func anyBytes() {
        var keys = KeyInterner()
        let empty = keys.intern([])
        let zero = keys.intern([0])
        let long = keys.intern(Array(repeating: 7, count: 10_000))
        #expect(Set([empty, zero, long]).count == 3)
        #expect(keys.intern([9, 0, 9], 1..<2) == zero)
        #expect(keys.bytes(of: empty) == [])
        #expect(keys.precedes(empty, zero))
        #expect(!keys.precedes(zero, empty))
    }

    @Test("many keys at once get the ids that they get one by one, however many of them are new")
    func together() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for kinds in [1, 30, 3000, 1 << 40] {
            var one = KeyInterner()
            var many = KeyInterner()
            var ids: [UInt32] = [77]
            var expected: [UInt32] = [77]
            for _ in 0..<20 {
                var bytes: [UInt8] = []
                var places: [Int64] = [-1]
                for _ in 0..<Int.random(in: 0...200, using: &random) {
                    let number = Int.random(in: 0..<kinds, using: &random)
                    let key = Array("\(number)".utf8.prefix(number % 23))
                    places.append(Int64(bytes.count) << 32 | Int64(key.count))
                    bytes += key
                    expected.append(one.intern(key))
                }
                many.intern(bytes, places: places[1...], into: &ids)
            }
            #expect(ids == expected, "seed \(seed), of \(kinds) keys")
            #expect(many.count == one.count)
        }
    }

    @Test("keys sort by their bytes")
    func order() {
        var keys = KeyInterner()
        let texts = ["", "a", "a\0", "abcdefgh", "abcdefghi", "abcdefgha", "b", "\u{e9}"]
        let ids = texts.map { keys.intern(Array($0.utf8)) }
        for (left, leftID) in zip(texts, ids) {
            for (right, rightID) in zip(texts, ids) {
                let expected = Array(left.utf8).lexicographicallyPrecedes(Array(right.utf8))
                #expect(keys.precedes(leftID, rightID) == expected, "\(left) \(right)")
            }
        }
    }

    @Test("slots are found whether few keys have one or most")
    func slotMap() {
        var random = SeededGenerator(seed: 2)
        for keyCount in [100, 200_000] {
            var map = SlotMap()
            var expected: [UInt32: UInt32] = [:]
            for slot in 1...40_000 as ClosedRange<UInt32> {
                let key = UInt32.random(in: 0..<UInt32(keyCount), using: &random)
                if expected[key] == nil {
                    map.insert(key, slot, keyCount: keyCount)
                } else {
                    map.update(key, slot, keyCount: keyCount)
                }
                expected[key] = slot
            }
            for key in 0..<UInt32(keyCount) where map.slot(of: key) != expected[key] ?? 0 {
                Issue.record("key \(key) of \(keyCount)")
            }
        }
    }
}
