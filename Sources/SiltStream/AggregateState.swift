public import SiltBytes

/// The mergeable state of one row: what a late event is merged into after its window closed.
///
/// Merging is exact and does not depend on order, so a stored state and late events give the values
/// that the events would have given in time.
public struct AggregateState: Sendable {
    /// The version of the bytes.
    ///
    /// Part of the format: docs/format/window-state.md.
    private static let version: UInt8 = 1

    private var columns: [AccumulatorColumn]

    /// The state of no events.
    public init(_ aggregates: [AggregateSpec]) {
        columns = aggregates.map { AccumulatorColumn($0) }
        for index in columns.indices { columns[index].grow(to: 3) }
    }

    /// The state in `WindowRow.state` or `encode()`.
    ///
    /// - Throws: when the bytes are damaged or of other aggregates.
    public init(_ aggregates: [AggregateSpec], decoding bytes: [UInt8]) throws(DecodingError) {
        self.init(aggregates)
        var reader = ByteReader(bytes)
        guard try reader.readUInt8() == AggregateState.version else {
            throw reader.error("aggregate state is of another version")
        }
        for index in columns.indices {
            guard try reader.readUInt8() == columns[index].spec.function.rawValue else {
                throw reader.error("aggregate state is of other aggregates")
            }
            try columns[index].decode(1, from: &reader)
        }
        guard reader.isAtEnd else { throw reader.error("aggregate state has bytes left over") }
    }

    /// Adds one event of a batch.
    public mutating func add(_ batch: EventBatch, _ row: Int) {
        let range = UpdateRange(firstRow: row, count: 1)
        for index in columns.indices { columns[index].update(batch, range, [1]) }
    }

    /// Adds all events of another state of the same aggregates.
    public mutating func merge(_ other: AggregateState) {
        for index in columns.indices {
            var writer = ByteWriter()
            other.columns[index].encode(1, into: &writer)
            var reader = ByteReader(writer.bytes)
            // What was just encoded decodes.
            guard (try? columns[index].decode(2, from: &reader)) != nil else { continue }
            columns[index].merge(2, into: 1)
            columns[index].reset(2)
        }
    }

    /// The results, in the order of the aggregates.
    public var values: [AggregateValue] { columns.map { $0.value(1) } }

    /// The state as bytes, equal for equal states.
    public func encode() -> [UInt8] {
        AggregateState.encode(columns.map(\.spec), columns, Array(columns.indices), [1])[0]
    }

    /// The states of slots, each aggregate accumulated in the column at its place.
    static func encode(
        _ aggregates: [AggregateSpec], _ columns: [AccumulatorColumn], _ places: [Int],
        _ slots: [UInt32]
    ) -> [[UInt8]] {
        let encoded = SlotStates(columns, slots)
        let functions = aggregates.map(\.function.rawValue)
        return slots.indices.map { number in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(128)
            bytes.append(version)
            for index in functions.indices {
                bytes.append(functions[index])
                encoded.append(number, column: places[index], to: &bytes)
            }
            return bytes
        }
    }
}
