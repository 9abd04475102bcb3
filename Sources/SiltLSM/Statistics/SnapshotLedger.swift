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
        var table: Identifier
        var isReported = false

        func ageMilliseconds(now: UInt64) -> Int { Int(clamping: (now &- since) / 1_000_000) }

        func held(now: UInt64) -> HeldSnapshot {
            HeldSnapshot(
                purpose: "\(purpose)", region: region, table: table,
                ageMilliseconds: ageMilliseconds(now: now))
        }
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

    /// Notes a snapshot, until it leaves the place given here.
    func enter(_ purpose: StaticString, region: Identifier, table: Identifier) -> Int {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            state.last += 1
            let entry = Entry(
                number: state.last, since: now, purpose: purpose, region: region, table: table)
            if let place = state.free.popLast() {
                state.entries[place] = entry
                return place
            }
            state.entries.append(entry)
            return state.entries.count - 1
        }
    }

    /// Forgets the snapshot at a place.
    func leave(_ place: Int) {
        state.withLock { state in
            state.entries[place].number = 0
            state.free.append(place)
        }
    }

    /// The snapshots that are held, the oldest first.
    var held: [HeldSnapshot] {
        let now = clock.monotonicNanoseconds
        let entries = state.withLock { $0.entries }.filter { $0.number != 0 }
        return entries.sorted { $0.number < $1.number }.map { $0.held(now: now) }
    }

    /// Those that are that old, the oldest first, each once.
    func takeOld(ageMilliseconds: Int) -> [HeldSnapshot] {
        let now = clock.monotonicNanoseconds
        let found = state.withLock { state in
            var found: [Entry] = []
            for place in state.entries.indices {
                let entry = state.entries[place]
                guard entry.number != 0, !entry.isReported,
                    entry.ageMilliseconds(now: now) >= ageMilliseconds
                else { continue }
                state.entries[place].isReported = true
                found.append(entry)
            }
            return found
        }
        return found.sorted { $0.number < $1.number }.map { $0.held(now: now) }
    }
}

/// A snapshot that somebody holds.
package struct HeldSnapshot: Sendable {
    /// What it was made for.
    package let purpose: String
    /// Of which region.
    package let region: Identifier
    /// Of which table.
    package let table: Identifier
    /// How long ago, in milliseconds.
    package let ageMilliseconds: Int
}
