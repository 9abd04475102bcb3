import CSiltstone
package import SiltModel
import Synchronization

/// Randomness seeded by the kernel; for identifiers and jitter, not for secrets.
package final class SystemRandom: RandomSource {
    private let generator: Mutex<Xoshiro256>

    /// A source with a seed of its own.
    package init() throws(SiltstoneError) {
        var seed: UInt64 = 0
        // Safety: the call fills the 8 bytes of the local word.
        let failure = unsafe withUnsafeMutableBytes(of: &seed) { bytes in
            unsafe silt_random(bytes.baseAddress, bytes.count)
        }
        guard failure == 0 else {
            throw SiltstoneError(.unavailable, "no random bytes from the system errno=\(failure)")
        }
        generator = Mutex(Xoshiro256(seed: seed))
    }

    /// The next 64 bits.
    package func next() -> UInt64 { generator.withLock { $0.next() } }
}
