import SiltBytes
import SiltIO
import SiltModel

/// Locks on rows, striped over a fixed number of real locks.
///
/// Blind writes share a row's stripe; a write that depends on what it read holds it alone, so that
/// nothing is written between its read and its write. A batch takes its stripes in ascending order
/// and each once, so batches cannot wait for each other in a circle.
final class RowLocks: Sendable {
    /// How many stripes there are: a power of 2.
    static let stripeCount = 256

    private let stripes = InlineArray<256, ReadWriteLock> { _ in ReadWriteLock() }

    /// Waits for the stripe of a row and shares it.
    ///
    /// - Returns: the stripe, for `unlockShared`.
    func lockShared(table: Identifier, row: Bytes) -> Int {
        let stripe = RowLocks.stripe(table: table, row: row)
        stripes[stripe].lockShared()
        return stripe
    }

    /// Gives a shared stripe back.
    func unlockShared(_ stripe: Int) { stripes[stripe].unlockShared() }

    fileprivate static func stripe(table: Identifier, row: Bytes) -> Int {
        Int(truncatingIfNeeded: Hash64.hash(row.array, seed: table.low)) & (stripeCount - 1)
    }

    /// Waits for all stripes of a set.
    func lock(_ set: RowLockSet) {
        for word in 0..<RowLockSet.wordCount {
            var rest = set.shared[word] | set.exclusive[word]
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                if set.exclusive[word] >> UInt64(bit) & 1 == 1 {
                    stripes[word * 64 + bit].lockExclusive()
                } else {
                    stripes[word * 64 + bit].lockShared()
                }
                rest &= rest - 1
            }
        }
    }

    /// Runs `body` while nobody else holds any row.
    func withAllHeld(_ body: () throws(SiltstoneError) -> Void) throws(SiltstoneError) {
        for index in stripes.indices { stripes[index].lockExclusive() }
        defer { for index in stripes.indices { stripes[index].unlockExclusive() } }
        try body()
    }

    /// Waits until all that hold a row now have let it go.
    func waitForHolders() {
        for index in stripes.indices {
            stripes[index].lockExclusive()
            stripes[index].unlockExclusive()
        }
    }

    /// Gives all stripes of a set back; any thread may.
    func unlock(_ set: RowLockSet) {
        for word in 0..<RowLockSet.wordCount {
            var rest = set.shared[word] | set.exclusive[word]
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                if set.exclusive[word] >> UInt64(bit) & 1 == 1 {
                    stripes[word * 64 + bit].unlockExclusive()
                } else {
                    stripes[word * 64 + bit].unlockShared()
                }
                rest &= rest - 1
            }
        }
    }
}

/// Stripes of `RowLocks`, each shared or exclusive.
struct RowLockSet: Sendable {
    static let wordCount = RowLocks.stripeCount / 64

    fileprivate(set) var shared = SIMD4<UInt64>()
    fileprivate(set) var exclusive = SIMD4<UInt64>()

    /// Adds the stripes of another set.
    mutating func formUnion(_ other: RowLockSet) {
        shared = shared | other.shared
        exclusive = exclusive | other.exclusive
    }

    /// Adds the stripe of a row; exclusive wins over shared.
    mutating func insert(table: Identifier, row: Bytes, exclusively: Bool) {
        let stripe = RowLocks.stripe(table: table, row: row)
        let bit = UInt64(1) << UInt64(stripe % 64)
        if exclusively { exclusive[stripe / 64] |= bit } else { shared[stripe / 64] |= bit }
    }
}
