import SiltBytes
import SiltLSM
import SiltModel

/// What a batch changed in a table that has a feed.
struct FeedPart {
    /// The feed.
    let feed: ChangeFeed
    /// What happened, row by row.
    var kinds: [TableChange.Kind] = []
}

/// Commits batches of which feeds tell.
///
/// A batch gets its positions and its place among the commits while the feeds are locked; so the order of positions is
/// the order of commits. The entries are a part of the batch.
enum FeedCommit {
    /// Enters an encoded batch in its feeds and gives it its place among the commits.
    static func enqueue(
        _ encoder: inout BatchEncoder, durability: Durability?, shared: SharedParts,
        completion: (@Sendable (Result<CommitReceipt, SiltstoneError>) -> Void)? = nil
    ) throws(SiltstoneError) -> EnqueuedBatch {
        let parts = encoder.feeds.sorted { $0.feed.id < $1.feed.id }
        // Before the feeds are locked: it may have to wait. For who does not wait a worker will.
        if completion == nil { try shared.engine.admit(byteCount: encoder.byteCount) }
        var enqueued: EnqueuedBatch?
        try enter(parts[...], &encoder) { (encoder) throws(SiltstoneError) in
            enqueued = shared.engine.enqueue(
                encoder.writes, durability: durability ?? encoder.durability,
                completion: completion)
        }
        guard let enqueued else { throw SiltstoneError(.closed, "database is closed") }
        return enqueued
    }

    private static func enter(
        _ parts: ArraySlice<FeedPart>, _ encoder: inout BatchEncoder,
        _ body: (inout BatchEncoder) throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) {
        guard let part = parts.first else { return try body(&encoder) }
        try part.feed.withNext { (next, previous) throws(SiltstoneError) in
            var position = next
            for (index, kind) in part.kinds.enumerated() {
                position = ChangePosition(
                    opening: next.opening, batch: next.batch, index: UInt32(index))
                try encoder.append(
                    FeedEntry.mutation(position, kind, previous: index == 0 ? previous : nil),
                    of: part.feed.entries)
            }
            try encoder.append(FeedEntry.state(last: position), of: part.feed.entries)
            try enter(parts.dropFirst(), &encoder, body)
            return part.kinds.count
        }
    }
}
