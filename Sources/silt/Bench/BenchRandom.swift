/// Seeded random numbers of one thread of a benchmark (splitmix64).
struct BenchRandom: Sendable {
    private var state: UInt64

    init(seed: UInt64, stream: Int) {
        state = seed ^ (UInt64(truncatingIfNeeded: stream) &+ 1) &* 0xa076_1d64_78bd_642f
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 { BenchRandom.next(&state) }

    /// A number from 0 up to but not including `bound`.
    mutating func next(below bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number from 0 up to but not including 1.
    mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

    static func next(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return mix(state)
    }

    /// Spreads a word over all its bits.
    static func mix(_ word: UInt64) -> UInt64 {
        var mixed = word
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// The numbers below a count in a random order, each once: a Feistel network, walked until it falls below the count.
struct Permutation: Sendable {
    private let count: UInt64
    private let halfBits: UInt64
    private let seed: UInt64

    init(count: Int, seed: UInt64) {
        self.count = UInt64(max(1, count))
        let bits = 64 - (self.count - 1).leadingZeroBitCount
        halfBits = UInt64(max(1, (bits + 1) / 2))
        self.seed = seed
    }

    /// The number at a place.
    subscript(_ place: Int) -> Int {
        var word = UInt64(place)
        repeat {
            let mask = (1 << halfBits) - 1 as UInt64
            var left = word >> halfBits
            var right = word & mask
            for round in 0..<4 as Range<UInt64> {
                let mixed = BenchRandom.mix(right ^ seed &+ round &* 0xe703_7ed1_a0b4_28db)
                (left, right) = (right, left ^ (mixed & mask))
            }
            word = left << halfBits | right
        } while word >= count
        return Int(word)
    }
}

/// Ranks with Zipf's distribution as YCSB draws them (Gray et al., "Quickly generating billion-record synthetic databases").
struct Zipfian: Sendable {
    private let count: Int
    private let theta = 0.99
    private let alpha: Double
    private let eta: Double
    private let zeta: Double
    private let half: Double

    init(count: Int) {
        self.count = max(1, count)
        var zeta = 0.0
        for rank in 1...max(1, count) { zeta += 1 / Zipfian.power(Double(rank), theta) }
        self.zeta = zeta
        half = Zipfian.power(0.5, theta)
        alpha = 1 / (1 - theta)
        let two = 1 + half
        eta = (1 - Zipfian.power(2 / Double(max(1, count)), 1 - theta)) / (1 - two / zeta)
    }

    /// A rank, 0 the most frequent.
    func next(_ random: inout BenchRandom) -> Int {
        let unit = random.nextUnit()
        let scaled = unit * zeta
        if scaled < 1 { return 0 }
        if scaled < 1 + half { return min(1, count - 1) }
        let rank = Double(count) * Zipfian.power(eta * unit - eta + 1, alpha)
        return min(count - 1, max(0, Int(rank)))
    }

    /// A rank spread over the whole range, so that frequent ones are not neighbours.
    func nextScrambled(_ random: inout BenchRandom) -> Int {
        let rank = UInt64(next(&random))
        return Int(BenchRandom.mix(rank &+ 0x1234_5678) % UInt64(count))
    }
}
