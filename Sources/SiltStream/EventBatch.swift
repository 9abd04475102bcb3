/// Events of one partition in arrival order, as columns of equal length.
public struct EventBatch: Sendable {
    /// The source partition all these events came from.
    public var partition: UInt32 = 0
    /// Event times in milliseconds.
    public var timestamps: [Int64] = []
    /// Keys, as ids of the operator's interner (`WindowOperator.keys`).
    public var keyIDs: [UInt32] = []
    /// Where each event is in its partition, never falling: breaks ties of `first` and `last`, and
    /// names late events.
    public var offsets: [Int64] = []
    /// The gap of each event's session where it is not the window's; empty when all have that.
    public var gaps: [Int64?] = []
    /// The arguments of the aggregates.
    public var columns: [ValueColumn]
    /// The filters of the aggregates: which events each counts.
    public var masks: [[Bool]]

    /// An empty batch with a number of columns and masks.
    public init(partition: UInt32 = 0, columnCount: Int, maskCount: Int = 0) {
        self.partition = partition
        columns = Array(repeating: ValueColumn(), count: columnCount)
        masks = Array(repeating: [], count: maskCount)
    }

    /// The number of events.
    public var count: Int { timestamps.count }

    /// Empties the columns and keeps their room.
    public mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        keyIDs.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        gaps.removeAll(keepingCapacity: true)
        for index in columns.indices { columns[index].removeAll() }
        for index in masks.indices { masks[index].removeAll(keepingCapacity: true) }
    }
}
