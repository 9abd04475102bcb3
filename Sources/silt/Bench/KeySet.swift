/// Which of a benchmark's keys are stored, a bit each.
struct KeySet: Sendable {
    private(set) var words: [UInt64]

    /// None of the keys below a count, or all.
    init(count: Int, isFull: Bool = false) {
        words = [UInt64](repeating: isFull ? .max : 0, count: (count + 63) / 64)
        if isFull, count % 64 != 0 { words[words.count - 1] = (1 << UInt64(count % 64)) - 1 }
    }

    /// Whether a key is in the set.
    func contains(_ number: Int) -> Bool {
        number / 64 < words.count && words[number / 64] >> UInt64(number % 64) & 1 == 1
    }

    /// The first key of the set from `number` on; the number behind the last word when there is none.
    @inline(__always)
    func first(from number: Int) -> Int {
        var index = number / 64
        guard index < words.count else { return number }
        var word = words[index] &>> UInt64(number % 64)
        if word != 0 { return number &+ word.trailingZeroBitCount }
        repeat {
            index &+= 1
            guard index < words.count else { return words.count &* 64 }
            word = words[index]
        } while word == 0
        return index &* 64 &+ word.trailingZeroBitCount
    }

    /// Adds a key.
    mutating func insert(_ number: Int) { words[number / 64] |= 1 << UInt64(number % 64) }

    /// Takes a key out.
    mutating func remove(_ number: Int) { words[number / 64] &= ~(1 << UInt64(number % 64)) }

    /// Adds another thread's keys.
    mutating func formUnion(_ other: KeySet) {
        for index in words.indices where index < other.words.count {
            words[index] |= other.words[index]
        }
    }

    /// How many keys are in the set.
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
