import SiltModel
import SiltStream
import Testing

/// A seeded generator for tests (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

/// One thing that reaches an operator.
enum StreamItem {
    case event(ts: Int64, key: String, values: [AggregateValue], partition: UInt32 = 0)
    case watermark(Int64, partition: UInt32 = 0)
}

/// What an operator gave, without ids that depend on memory.
struct StreamResult: Equatable {
    struct Row: Equatable {
        let key: String
        let window: String
        let start: Int64
        let end: Int64
        let revision: UInt32
        let isFinal: Bool
        let values: [AggregateValue]
    }

    var rows: [Row] = []
    var superseded: [Row] = []
    var late: [Int64] = []
    var partial: [Int64] = []
    var outside = 0
    var state: [UInt8] = []

    mutating func take(_ output: WindowOutput) {
        for row in output.rows {
            rows.append(
                Row(
                    key: String(decoding: row.key, as: UTF8.self), window: row.windowName,
                    start: row.start, end: row.end, revision: row.revision, isFinal: row.isFinal,
                    values: row.values))
        }
        for row in output.superseded {
            superseded.append(
                Row(
                    key: String(decoding: row.key, as: UTF8.self), window: row.windowName,
                    start: row.start, end: row.end, revision: 0, isFinal: false, values: []))
        }
        for event in output.late {
            if event.isPartial { partial.append(event.offset) } else { late.append(event.offset) }
        }
        outside += output.outsideCount
    }
}

/// Feeds items to an operator, in batches split at random places, perhaps through its encoded
/// state.
struct StreamDriver {
    let windows: [WindowSpec]
    let aggregates: [AggregateSpec]
    let watermark: WatermarkSpec
    var columnCount = 1

    func makeOperator() throws -> WindowOperator {
        var made = try WindowOperator(
            windows: windows, aggregates: aggregates, watermark: watermark)
        made.givesPartialLateEvents = true
        return made
    }

    /// Batches of at most `batchLimit` events; the state is encoded and restored between when
    /// `restores`.
    func run(
        _ items: [StreamItem], batchLimit: Int = .max, restores: Bool = false, seed: UInt64 = 1
    ) throws -> StreamResult {
        var random = SeededGenerator(seed: seed)
        var stream = try makeOperator()
        var result = StreamResult()
        var batch = EventBatch(columnCount: columnCount)
        var limit = Int.max

        func flush() throws {
            var output = WindowOutput()
            stream.process(batch, into: &output)
            result.take(output)
            batch.removeAll()
            if batchLimit < .max { limit = Int.random(in: 1...batchLimit, using: &random) }
            guard restores else { return }
            let state = stream.encodeState()
            var other = try makeOperator()
            try other.restore(state)
            #expect(other.encodeState() == state)
            stream = other
        }

        if batchLimit < .max { limit = Int.random(in: 1...batchLimit, using: &random) }
        for (index, item) in items.enumerated() {
            switch item {
            case .watermark(let time, let partition):
                try flush()
                var output = WindowOutput()
                stream.advance(partition, to: time, into: &output)
                result.take(output)
            case .event(let ts, let key, let values, let partition):
                if partition != batch.partition || batch.count >= limit { try flush() }
                batch.partition = partition
                batch.timestamps.append(ts)
                batch.keyIDs.append(stream.keys.intern(Array(key.utf8)))
                batch.offsets.append(Int64(index))
                for (column, value) in values.enumerated() {
                    switch value {
                    case .int(let value): batch.columns[column].append(value)
                    case .double(let value): batch.columns[column].append(value)
                    case .bytes(let value): batch.columns[column].append(bytes: value)
                    default: batch.columns[column].appendNull()
                    }
                }
            }
        }
        try flush()
        result.state = stream.encodeState()
        return result
    }

    /// Runs whole, then in random batches with and without going through the state; all must agree.
    func runEveryWay(
        _ items: [StreamItem], seed: UInt64 = 1, limits: [Int] = [1, 3, 40]
    ) throws -> StreamResult {
        let whole = try run(items)
        for limit in limits {
            #expect(try run(items, batchLimit: limit, seed: seed) == whole)
            #expect(try run(items, batchLimit: limit, restores: true, seed: seed) == whole)
        }
        return whole
    }
}
