public import SiltModel
import SiltTable
import Synchronization

/// The changes of a table after a position, in the order in which they were committed.
///
/// Without end: a reader that has seen all waits for more. Whoever keeps the position of the last change that was dealt
/// with goes on after it, misses none and sees none twice.
public struct TableChanges: AsyncSequence, Sendable {
    /// Changes.
    public typealias Element = TableChange
    /// Reading fails with `SiltstoneError` only: `expired` when changes after the position are not kept any more,
    /// `notFound` when the feed ended.
    public typealias Failure = SiltstoneError

    let table: Table
    let position: ChangePosition

    /// Begins to read.
    public func makeAsyncIterator() -> Iterator { Iterator(table: table, position: position) }

    /// Reads change by change; crosses into the engine once per batch.
    public struct Iterator: AsyncIteratorProtocol {
        private static let batchCount = 1_000

        private let table: Table
        private var position: ChangePosition
        private var buffer: [TableChange] = []
        private var index = 0

        init(table: Table, position: ChangePosition) {
            self.table = table
            self.position = position
        }

        /// The next change, waited for when there is none yet.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation)
            async throws(SiltstoneError) -> TableChange?
        {
            while index == buffer.count {
                let (stored, position) = (table.stored, position)
                let wake = Wake()
                // The wish comes first: what is committed after the read is told of.
                let forget = try stored.whenChanged { wake.fire() }
                let batch: ChangeBatch
                do throws(SiltstoneError) {
                    batch = try await table.bridge.run { () throws(SiltstoneError) in
                        try stored.changes(after: position, limit: Self.batchCount)
                    }
                } catch {
                    _ = forget()
                    throw error
                }
                if batch.changes.isEmpty {
                    await wake.wait()
                    guard !Task.isCancelled else {
                        _ = forget()
                        throw SiltstoneError(.cancelled, "reading of changes was cancelled")
                    }
                }
                _ = forget()
                buffer = batch.changes
                index = 0
                self.position = batch.next
            }
            defer { index += 1 }
            return buffer[index]
        }

        /// The next change, waited for when there is none yet.
        public mutating func next() async throws(SiltstoneError) -> TableChange? {
            try await next(isolation: nil)
        }
    }
}

/// Resumes one task when it is fired, or the task is cancelled, before or after it waits.
private final class Wake: Sendable {
    private enum State {
        case idle
        case fired
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    func fire() {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            defer { state = .fired }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume()
    }

    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFired = state.withLock { state in
                    if case .fired = state { return true }
                    state = .waiting(continuation)
                    return false
                }
                if isFired { continuation.resume() }
            }
        } onCancel: {
            fire()
        }
    }
}

extension Table {
    /// The changes of the table after a position, from the first that is kept on when none is given.
    ///
    /// The table needs a feed: see `Database.enableFeed`. Deletes by time to live, dropped families and changes of the
    /// schema are not told.
    public func changes(after position: ChangePosition = .start) -> TableChanges {
        TableChanges(table: self, position: position)
    }

    /// The position of the last change: what is told after it happens from now on.
    ///
    /// - Throws: `notFound` when the table has no feed.
    public func lastChange() async throws(SiltstoneError) -> ChangePosition {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in try stored.lastChange() }
    }
}

extension BlockingTable {
    /// The changes after a position, so many at most; waits for a while when there are none yet.
    ///
    /// - Throws: `notFound` when the table has no feed; `expired` when changes after the position are not kept any more.
    @available(*, noasync)
    public func changes(
        after position: ChangePosition = .start, limit: Int = 1_000, waitMilliseconds: Int = 0
    ) throws(SiltstoneError) -> [TableChange] {
        try stored.changes(after: position, limit: limit, waitMilliseconds: waitMilliseconds)
            .changes
    }
}

extension Database {
    /// Makes the changes of a table be told from here on, each for so long; or changes for how long.
    ///
    /// Durable on return. Every batch is entered in the feed in the commit that makes it, so that nothing is told that
    /// did not happen and nothing happens that is not told. A feed about doubles what is written.
    ///
    /// - Throws: `notFound`; `invalidArgument` for a time below a millisecond.
    public func enableFeed(_ table: String, retention: Duration) async throws(SiltstoneError) {
        let store = store
        let length = retention.wholeMilliseconds
        try await bridge.run { () throws(SiltstoneError) in
            try store.enableFeed(table, retentionMilliseconds: length)
        }
    }

    /// Ends a table's feed and forgets what it told; durable on return.
    ///
    /// - Throws: `notFound` when there is none.
    public func disableFeed(_ table: String) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.disableFeed(table) }
    }
}
