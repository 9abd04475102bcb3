import Synchronization

/// Randomness that a seed fixes: the same seed gives the same run.
package final class SeededRandom: RandomSource {
    /// The seed, for a test to print.
    package let seed: UInt64
    private let generator: Mutex<Xoshiro256>

    /// A source that begins at `seed`.
    package init(seed: UInt64) {
        self.seed = seed
        generator = Mutex(Xoshiro256(seed: seed))
    }

    /// The next 64 bits.
    package func next() -> UInt64 { generator.withLock { $0.next() } }
}

extension RandomSource {
    /// A number from 0 up to but not including `bound`, which must be positive.
    package func next(below bound: Int) -> Int {
        precondition(bound > 0)
        return Int(next() % UInt64(bound))
    }

    /// Heads or tails.
    package func nextBool() -> Bool { next() & 1 == 1 }
}
