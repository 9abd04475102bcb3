package import SiltBytes

/// Aggregates over groups of events, without windows: what is computed over the rows of a table.
///
/// The same functions as those of windows. Several of these, each of a part of the events, are merged into one
/// whose values are those of all events.
package struct GroupedAggregates: Sendable {
    /// Where one of the other's groups passes through on its way.
    private static let scratch: UInt32 = 0

    private var columns: [AccumulatorColumn]
    private var keys = KeyInterner()

    /// No groups.
    package init(_ aggregates: [AggregateSpec]) {
        columns = aggregates.map { AccumulatorColumn($0) }
        grow()
    }

    /// The number of groups.
    package var count: Int { keys.count }

    /// The slot of a group's events, made when there is none.
    package mutating func slot(of key: [UInt8]) -> UInt32 {
        let known = keys.count
        let id = keys.intern(key)
        if keys.count > known { grow() }
        return id + 1
    }

    /// Adds the events of a batch, each to its slot.
    package mutating func add(_ batch: EventBatch, slots: [UInt32]) {
        let range = UpdateRange(firstRow: 0, count: slots.count)
        for index in columns.indices { columns[index].update(batch, range, slots) }
    }

    /// Adds the groups of another of the same aggregates.
    package mutating func merge(_ other: GroupedAggregates) throws(DecodingError) {
        for id in 0..<UInt32(other.count) {
            let slot = slot(of: other.keys.bytes(of: id))
            for index in columns.indices {
                var writer = ByteWriter()
                other.columns[index].encode(id + 1, into: &writer)
                var reader = ByteReader(writer.bytes)
                try columns[index].decode(Self.scratch, from: &reader)
                columns[index].merge(Self.scratch, into: slot)
                columns[index].reset(Self.scratch)
            }
        }
    }

    /// The groups and their results, ascending by key.
    package mutating func results() -> [(key: [UInt8], values: [AggregateValue])] {
        keys.refreshOrder()
        return keys.order.map { id in
            (keys.bytes(of: id), columns.map { $0.value(id + 1) })
        }
    }

    private mutating func grow() {
        for index in columns.indices { columns[index].grow(to: keys.count + 1) }
    }
}
