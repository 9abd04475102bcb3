import Synchronization

/// What a mixed load expects to read: a version number a key, four bytes.
///
/// A version says by itself whether it is a put or a deletion, so nothing else need be kept. While a
/// write is under way its key counts as being of the old or the new version.
final class MixedModel: Sendable {
    private static let stripeCount = 1024
    private let stripes: [Stripe]
    let keyCount: Int

    /// Every key at version 0: never written.
    init(keyCount: Int) {
        self.keyCount = keyCount
        stripes = (0..<MixedModel.stripeCount).map { _ in
            Stripe(count: keyCount / MixedModel.stripeCount + 1)
        }
    }

    /// What the model itself takes.
    var byteCount: Int { (keyCount / MixedModel.stripeCount + 1) * 4 * MixedModel.stripeCount }

    /// The versions that a read may show of a key: those of moments before and after it.
    func range(of number: Int) -> ClosedRange<UInt32> {
        let word = word(number)
        return (word >> 1)...((word >> 1) + (word & 1))
    }

    /// Notes that a key's next version is being written, and gives it.
    func begin(_ number: Int) -> UInt32 {
        stripe(number).words.withLock { words in
            words[number / MixedModel.stripeCount] |= 1
            return words[number / MixedModel.stripeCount] >> 1 + 1
        }
    }

    /// Notes that the version was written, or that it was refused.
    func end(_ number: Int, isWritten: Bool) {
        stripe(number).words.withLock { words in
            let place = number / MixedModel.stripeCount
            words[place] = ((words[place] >> 1) + (isWritten ? 1 : 0)) << 1
        }
    }

    /// Whether a version is a deletion; a tenth are, the first never.
    static func isDeletion(_ number: Int, _ version: UInt32) -> Bool {
        if version <= 1 { return version == 0 }
        return BenchRandom.mix(UInt64(number) << 24 ^ UInt64(version)) % 10 == 0
    }

    /// The number that makes a version's value.
    static func valueNumber(_ number: Int, _ version: UInt32) -> Int {
        number + Int(version) << 32
    }

    private func word(_ number: Int) -> UInt32 {
        stripe(number).words.withLock { $0[number / MixedModel.stripeCount] }
    }

    private func stripe(_ number: Int) -> Stripe { stripes[number % MixedModel.stripeCount] }

    private final class Stripe: Sendable {
        let words: Mutex<[UInt32]>

        init(count: Int) { words = Mutex([UInt32](repeating: 0, count: count)) }
    }
}
