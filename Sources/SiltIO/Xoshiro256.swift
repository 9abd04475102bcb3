/// The generator xoshiro256** (Blackman and Vigna, public domain): fast, not for secrets.
package struct Xoshiro256: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    /// A generator whose state is spread from one word by splitmix64.
    package init(seed: UInt64) {
        var word = seed
        s0 = Xoshiro256.splitMix(&word)
        s1 = Xoshiro256.splitMix(&word)
        s2 = Xoshiro256.splitMix(&word)
        s3 = Xoshiro256.splitMix(&word)
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        let result = Xoshiro256.rotated(s1 &* 5, by: 7) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = Xoshiro256.rotated(s3, by: 45)
        return result
    }

    private static func splitMix(_ word: inout UInt64) -> UInt64 {
        word &+= 0x9e37_79b9_7f4a_7c15
        var mixed = word
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    private static func rotated(_ word: UInt64, by bits: UInt64) -> UInt64 {
        word << bits | word >> (64 - bits)
    }
}
