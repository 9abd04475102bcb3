package import SiltBytes
internal import SiltIO
internal import Synchronization

/// The snapshots that are held for longer than a call, so that one that was forgotten is found: it keeps files and memory.
final class SnapshotLedger: Sendable {
    private struct Entry {
        var number: UInt64
        var since: UInt64
        var purpose: StaticString
        var region: Identifier
    }

    private struct State {
        var last: UInt64 = 0
        /// A place for each snapshot held at the same time; number 0 means free.
        var entries: [Entry] = []
        var free: [Int] = []
    }

    private let clock: any Clock
    private let state = Mutex(State())

    init(clock: any Clock) { self.clock = clock }

    /// Notes a snapshot, until the lease goes.
    func enter(_ purpose: StaticString, region: Identifier) -> SnapshotLease {
        let now = clock.monotonicNanoseconds
        let place = state.withLock { state in
            state.last += 1
            let entry = Entry(
                number: state.last, since: now, purpose: purpose, region: region)
            if let place = state.free.popLast() {
                state.entries[place] = entry
                return place
            }
            state.entries.append(entry)
            return state.entries.count - 1
        }
        return SnapshotLease(ledger: self, place: place)
    }

    fileprivate func leave(_ place: Int) {
        state.withLock { state in
            state.entries[place].number = 0
            state.free.append(place)
        }
    }

    /// The snapshots that are held, the oldest first.
    var held: [HeldSnapshot] {
        let now = clock.monotonicNanoseconds
        let entries = state.withLock { $0.entries }.filter { $0.number != 0 }
        return entries.sorted { $0.number < $1.number }.map { entry in
            HeldSnapshot(
                purpose: "\(entry.purpose)", region: entry.region,
                ageMilliseconds: Int(clamping: (now &- entry.since) / 1_000_000))
        }
    }
}

/// Stands for a snapshot in the ledger.
final class SnapshotLease: Sendable {
    private let ledger: SnapshotLedger
    private let place: Int

    init(ledger: SnapshotLedger, place: Int) {
        self.ledger = ledger
        self.place = place
    }

    deinit { ledger.leave(place) }
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
