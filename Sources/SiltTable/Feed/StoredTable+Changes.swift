import SiltBytes
import SiltIO
package import SiltModel

/// Changes of a table, in the order in which they were committed.
package struct ChangeBatch: Sendable {
    /// The changes.
    package let changes: [TableChange]
    /// After which position to go on.
    package let next: ChangePosition
}

extension StoredTable {
    /// How long the table's changes are kept, in milliseconds; `nil` when it has no feed.
    package var feedRetentionMilliseconds: Int64? {
        get throws(SiltstoneError) { try layout().feed?.retentionMilliseconds }
    }

    /// The position of the last change.
    ///
    /// - Throws: `notFound` when the table has no feed.
    package func lastChange() throws(SiltstoneError) -> ChangePosition {
        try Self.last(try feed().entries)
    }

    /// The changes after a position, so many at most; none when there are no more yet.
    ///
    /// - Throws: `notFound` when the table has no feed; `expired` when changes after the position are not kept any more.
    package func changes(after position: ChangePosition, limit: Int = 1_000)
        throws(SiltstoneError) -> ChangeBatch
    {
        try changes(after: position, limit: limit, fromStart: false)
    }

    /// As `changes(after:limit:)`, but `expired` also when the first changes of all are not kept any more.
    func everyChange(after position: ChangePosition, limit: Int) throws(SiltstoneError)
        -> ChangeBatch
    {
        try changes(after: position, limit: limit, fromStart: true)
    }

    private func changes(after position: ChangePosition, limit: Int, fromStart: Bool)
        throws(SiltstoneError) -> ChangeBatch
    {
        let entries = try feed().entries
        // What is committed after this was read may be missed by the scan; the other way round something would seem lost.
        let last = try Self.last(entries)
        var range = RowRange(stop: FeedEntry.stateRow)
        if position > .start {
            range.start = FeedEntry.row(position)
            range.includesStart = false
        }
        let scanner = try entries.scan(range, .family(FeedEntry.family))
        var changes: [TableChange] = []
        while changes.count < max(1, limit), let entry = try scanner.next() {
            let (change, previous) = try FeedEntry.read(entry)
            if changes.isEmpty {
                if fromStart, position == .start,
                    change.position.index > 0 || previous ?? .start > .start
                {
                    throw expired(position)
                }
                try check(position, isFollowedBy: change.position, previous, entries)
            }
            changes.append(change)
        }
        if changes.isEmpty, last > position, fromStart || position > .start {
            throw expired(position)
        }
        return ChangeBatch(changes: changes, next: changes.last?.position ?? position)
    }

    /// As `changes(after:limit:)`, but waits for a while when there are none.
    package func changes(
        after position: ChangePosition, limit: Int = 1_000, waitMilliseconds: Int
    ) throws(SiltstoneError) -> ChangeBatch {
        let end =
            shared.clock.monotonicNanoseconds &+ UInt64(max(0, waitMilliseconds)) * 1_000_000
        while true {
            let signal = Signal()
            let feed = try feed()
            // The wish comes first; so it may be granted for what the read finds, or found before.
            let ticket = feed.whenChanged { signal.set(1) }
            defer { feed.forget(ticket) }
            let found = try changes(after: position, limit: limit)
            let now = shared.clock.monotonicNanoseconds
            guard found.changes.isEmpty, now < end else { return found }
            if signal.wait(milliseconds: Int((end - now) / 1_000_000) + 1) == 0 {
                return try changes(after: position, limit: limit)
            }
        }
    }

    /// Calls `body` once, when something changes or the feed ends.
    ///
    /// - Returns: what takes the wish back, and says whether it came in time.
    package func whenChanged(_ body: @escaping @Sendable () -> Void) throws(SiltstoneError)
        -> @Sendable () -> Bool
    {
        let feed = try feed()
        let ticket = feed.whenChanged(body)
        return { feed.forget(ticket) }
    }

    private func feed() throws(SiltstoneError) -> ChangeFeed {
        let layout = try layout()
        guard let stored = layout.feed, let feed = shared.feeds[stored.id] else {
            throw SiltstoneError(
                .notFound, "table has no change feed table=\(layout.definition.name)")
        }
        return feed
    }

    /// The position of the last entry in a table of entries.
    static func last(_ entries: StoredTable) throws(SiltstoneError) -> ChangePosition {
        let state = try entries.get(FeedEntry.stateRow, .columns(FeedEntry.lastColumn))
        return state?.cells[0].value.string.flatMap { ChangePosition($0) } ?? .start
    }

    /// Nothing was between a position and the first entry that is found after it: they are of one batch, or the batch says that
    /// the one before it is no later; or the position's own entry is still there, for entries expire in their order.
    private func check(
        _ position: ChangePosition, isFollowedBy first: ChangePosition,
        _ previous: ChangePosition?, _ entries: StoredTable
    ) throws(SiltstoneError) {
        if position == .start { return }
        if first.opening == position.opening, first.batch == position.batch { return }
        if let previous, previous <= position { return }
        guard try entries.exists(FeedEntry.row(position)) else { throw expired(position) }
    }

    private func expired(_ position: ChangePosition) -> SiltstoneError {
        SiltstoneError(
            .expired, "changes after the position are not kept any more position=\(position)")
    }
}
