public import SiltBytes
public import SiltModel
import SiltTable

/// Values for one table, for programs that bring threads of their own: all of them are stored, or none.
///
/// Each value is encoded when it is added, and the room of a batch serves the next one: the quickest way to store many values.
public struct BlockingBatch: Sendable {
    private var batch: PutBatch

    init(_ batch: PutBatch) { self.batch = batch }

    /// How many values were added since the last `write`.
    public var count: Int { batch.count }

    /// Adds a value; nothing is added when it throws.
    public mutating func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, timestamp: Int64? = nil
    ) throws(SiltstoneError) {
        try batch.put(row, column, value, timestamp: timestamp)
    }

    /// Forgets the values added since the last `write`.
    public mutating func removeAll() { batch.removeAll() }

    /// Stores the values as one and forgets them; they stay in the batch when it throws.
    ///
    /// On return they are visible, and durable at the level asked for (`nil`: the table's).
    @available(*, noasync)
    public mutating func write(durability: Durability? = nil) throws(SiltstoneError) {
        try batch.write(durability: durability)
    }
}

extension BlockingTable {
    /// An empty batch of values for the table.
    public func batch() -> BlockingBatch { BlockingBatch(PutBatch(stored)) }
}
