/// The values of one window of one key, when the window fires.
public struct WindowRow: Hashable, Sendable {
    /// The key, as an id of the operator's interner.
    public let keyID: UInt32
    /// The bytes of the key.
    public let key: [UInt8]
    /// The index of the window in the operator's list.
    public let windowIndex: Int
    /// The name of the window.
    public let windowName: String
    /// The first millisecond of the window.
    public let start: Int64
    /// One past its last millisecond; `Int64.max` when that does not fit.
    public let end: Int64
    /// How often the row was given before: it replaces those.
    public let revision: UInt32
    /// Whether no event can change the row any more.
    public let isFinal: Bool
    /// Whether an event that came after the window had fired made the row be given, not the watermark.
    public internal(set) var isLate = false
    /// The results, in the order of the operator's aggregates.
    public let values: [AggregateValue]
    /// The mergeable state of the results (`AggregateState`), when the operator was asked for it.
    public let state: [UInt8]?
    /// The place of the row among those of its window, from 1, when these are ranked.
    public internal(set) var rank: Int?
}

/// A session row given earlier that a later event joined to others: it is to be removed.
public struct SupersededRow: Hashable, Sendable {
    /// The bytes of the key.
    public let key: [UInt8]
    /// The index of the window in the operator's list.
    public let windowIndex: Int
    /// The name of the window.
    public let windowName: String
    /// The first millisecond of the old row.
    public let start: Int64
    /// One past its last millisecond.
    public let end: Int64
}

/// An event that came after some or all of its windows were closed.
public struct LateEvent: Hashable, Sendable {
    /// The index of the event in the batch.
    public let index: Int
    /// Its partition.
    public let partition: UInt32
    /// Its offset in the partition.
    public let offset: Int64
    /// Its event time.
    public let timestamp: Int64
    /// Its key.
    public let keyID: UInt32
    /// The watermark when it came.
    public let watermark: Int64
    /// Whether some window still took it.
    ///
    /// Then it is no late event to count or keep, but a window missed it. Only given when the
    /// operator was asked for these.
    public let isPartial: Bool
}

/// What an operator gives back: rows in the order in which they fired, which does not depend on how
/// events were split into batches.
///
/// Windows that fire together are sorted by end, name, key and start.
public struct WindowOutput: Sendable {
    /// Rows to write; a row replaces the one of the same key, window name, start and end.
    public var rows: [WindowRow] = []
    /// Session rows to remove once `rows` are written; none of them is given again.
    public var superseded: [SupersededRow] = []
    /// Late events, by arrival.
    public var late: [LateEvent] = []
    /// How many events fell into no window at all and were not late, as hopping windows with gaps leave some.
    public var outsideCount = 0

    /// Nothing.
    public init() {}

    /// Empties the output and keeps its room.
    public mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        superseded.removeAll(keepingCapacity: true)
        late.removeAll(keepingCapacity: true)
        outsideCount = 0
    }
}
