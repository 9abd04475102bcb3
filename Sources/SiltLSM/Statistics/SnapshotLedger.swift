package import SiltBytes
internal import SiltIO
internal import Synchronization

/// The snapshots that are held for longer than a call, so that one that was forgotten is found: it keeps files and memory.
final class SnapshotLedger: Sendable {
    private struct State {
        var last: UInt64 = 0
        var entries: [UInt64: (since: UInt64, purpose: StaticString, region: Identifier)] = [:]
    }

    private let clock: any Clock
    private let state = Mutex(State())

    init(clock: any Clock) { self.clock = clock }

    /// Notes a snapshot, until the lease goes.
    func enter(_ purpose: StaticString, region: Identifier) -> SnapshotLease {
        let now = clock.monotonicNanoseconds
        let number = state.withLock { state in
            state.last += 1
            state.entries[state.last] = (now, purpose, region)
            return state.last
        }
        return SnapshotLease(ledger: self, number: number)
    }

    fileprivate func leave(_ number: UInt64) {
        state.withLock { _ = $0.entries.removeValue(forKey: number) }
    }

    /// The snapshots that are held, the oldest first.
    var held: [HeldSnapshot] {
        let now = clock.monotonicNanoseconds
        return state.withLock { $0.entries }.sorted { $0.key < $1.key }.map { _, entry in
            HeldSnapshot(
                purpose: "\(entry.purpose)", region: entry.region,
                ageMilliseconds: Int(clamping: (now &- entry.since) / 1_000_000))
        }
    }
}

/// Stands for a snapshot in the ledger.
final class SnapshotLease: Sendable {
    private let ledger: SnapshotLedger
    private let number: UInt64

    init(ledger: SnapshotLedger, number: UInt64) {
        self.ledger = ledger
        self.number = number
    }

    deinit { ledger.leave(number) }
}

/// A snapshot that somebody holds.
package struct HeldSnapshot: Sendable {
    /// What it was made for.
    package let purpose: String
    /// Of which region.
    package let region: Identifier
    /// How long ago, in milliseconds.
    package let ageMilliseconds: Int
}
