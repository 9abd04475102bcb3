import SiltBytes
import SiltModel
import Synchronization

/// The open feed of a table: gives batches their positions in the order in which they are committed, and wakes who
/// waits for more.
///
/// Lock order: after the locks of rows, and one feed after the other by their identifiers.
final class ChangeFeed: Sendable {
    private struct State {
        /// What comes next; `nil` until the first batch since the feed was opened.
        var next: ChangePosition?
        var last = ChangePosition.start
    }

    /// The feed's identifier.
    let id: Identifier
    /// Where the entries are.
    let entries: StoredTable
    private let shared: SharedParts
    private let state = Mutex(State())
    private let waiting = Mutex<[UInt64: @Sendable () -> Void]>([:])
    private let waitingCount = Atomic(0)
    private let tickets = Atomic<UInt64>(0)

    init(id: Identifier, entries: StoredTable, shared: SharedParts) {
        self.id = id
        self.entries = entries
        self.shared = shared
    }

    /// Runs `body` with the position of the next batch and the last one before; the batch must have its place among
    /// the commits when it returns how many rows it has.
    func withNext(
        _ body: (_ next: ChangePosition, _ previous: ChangePosition) throws(SiltstoneError) -> Int
    ) throws(SiltstoneError) {
        try state.withLock { state throws(SiltstoneError) in
            let next: ChangePosition
            if let known = state.next { next = known } else { next = try open(&state) }
            let count = try body(next, state.last)
            state.last = ChangePosition(
                opening: next.opening, batch: next.batch, index: UInt32(count - 1))
            state.next = ChangePosition(opening: next.opening, batch: next.batch + 1, index: 0)
        }
    }

    /// Takes note that the feed is written to again, so that no position is given twice, also when batches that were read are
    /// lost by a crash.
    private func open(_ state: inout State) throws(SiltstoneError) -> ChangePosition {
        let stored = try entries.get(FeedEntry.stateRow)
        func text(_ column: Column) -> String? {
            stored?.cells.first { $0.column == column }?.value.string
        }
        let opening = (text(FeedEntry.openingColumn).flatMap { UInt32($0) } ?? 0) + 1
        try WritePath.writeLocked(
            [FeedEntry.state(opening: opening)], of: entries, durability: .fsyncWAL, shared: shared)
        state.last = text(FeedEntry.lastColumn).flatMap { ChangePosition($0) } ?? .start
        let next = ChangePosition(opening: opening, batch: 1, index: 0)
        state.next = next
        return next
    }

    /// Calls `body` once, when something is committed or the feed ends.
    ///
    /// - Returns: a ticket with which not to be called.
    func whenChanged(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        let ticket = tickets.wrappingAdd(1, ordering: .relaxed).newValue
        waiting.withLock { waiting in
            waiting[ticket] = body
            waitingCount.store(waiting.count, ordering: .sequentiallyConsistent)
        }
        return ticket
    }

    /// Takes a wish back.
    ///
    /// - Returns: whether it was still there, and so is not called any more.
    @discardableResult
    func forget(_ ticket: UInt64) -> Bool {
        waiting.withLock { waiting in
            defer { waitingCount.store(waiting.count, ordering: .sequentiallyConsistent) }
            return waiting.removeValue(forKey: ticket) != nil
        }
    }

    /// Wakes all that wait: something was committed, or nothing will be any more.
    func wake() {
        if waitingCount.load(ordering: .sequentiallyConsistent) == 0 { return }
        let woken = waiting.withLock { waiting in
            defer { waiting.removeAll() }
            waitingCount.store(0, ordering: .sequentiallyConsistent)
            return Array(waiting.values)
        }
        for body in woken { body() }
    }
}

/// The open feeds, by their identifiers.
final class ChangeFeeds: Sendable {
    private let feeds = Mutex<[Identifier: ChangeFeed]>([:])

    subscript(feed: Identifier) -> ChangeFeed? {
        get { feeds.withLock { $0[feed] } }
        set { feeds.withLock { $0[feed] = newValue } }
    }

    /// Wakes all that wait.
    func wakeAll() { for feed in feeds.withLock({ Array($0.values) }) { feed.wake() } }
}
