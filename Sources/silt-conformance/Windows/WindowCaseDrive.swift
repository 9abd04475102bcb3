import SiltIO
import SiltModel
import SiltStream

/// How a case's events reach the operator.
struct WindowCaseDelivery {
    /// Where the sizes of batches come from; `nil` gives every event a batch of its own.
    var batchSeed: UInt64?
    /// How many partitions the events are spread over.
    var partitions = 1
    /// Whether the operator is encoded, thrown away and restored after every batch and watermark.
    var restartsEach = false
}

/// Feeds the events of a case to a window operator and keeps what comes out.
struct WindowCaseDrive {
    let window: WindowSpec
    let columns: [WindowCaseColumn]
    let watermark: WatermarkSpec
    let delivery: WindowCaseDelivery
    /// The aggregates' arguments and outputs: fields of events, one a column of the batches.
    private let fields: [String]

    /// The rows in the order given.
    private(set) var rows: [WindowCaseRow] = []
    /// The indexes of late events.
    private(set) var late: [Int64] = []
    /// Rows of sessions that others replaced.
    private(set) var superseded: [String] = []
    private var places: [String: WindowCaseRow] = [:]

    init(
        window: WindowSpec, columns: [WindowCaseColumn], watermark: WatermarkSpec,
        delivery: WindowCaseDelivery
    ) {
        self.window = window
        self.columns = columns
        self.watermark = watermark
        self.delivery = delivery
        var fields: [String] = []
        for column in columns {
            for field in [column.field, column.output].compactMap({ $0 })
            where !fields.contains(field) {
                fields.append(field)
            }
        }
        self.fields = fields
    }

    /// The rows that are left when later ones replaced earlier ones and merged sessions are gone.
    var table: [WindowCaseRow] { Array(places.values) }

    /// Events spread over partitions are announced by one watermark for all, as a single partition's
    /// would be: a bound is then applied here.
    private var isSpread: Bool { delivery.partitions > 1 }

    private func makeOperator() throws(SiltstoneError) -> WindowOperator {
        var made = try WindowOperator(
            windows: [window],
            aggregates: columns.map { column in
                AggregateSpec(
                    name: column.name, column.function,
                    column: column.field.flatMap { fields.firstIndex(of: $0) },
                    parameters: column.parameters,
                    output: column.output.flatMap { fields.firstIndex(of: $0) })
            },
            watermark: isSpread
                ? .explicit(
                    allowedLatenessMilliseconds: watermark.allowedLatenessMilliseconds)
                : watermark)
        for partition in 0..<delivery.partitions { made.addPartition(UInt32(partition)) }
        return made
    }

    mutating func run(_ events: [JSONValue]) throws {
        var stream = try makeOperator()
        var batch = EventBatch(columnCount: fields.count)
        let random = SeededRandom(seed: delivery.batchSeed ?? 1)
        func nextLimit() -> Int { delivery.batchSeed == nil ? 1 : Int(random.next() % 8) + 1 }
        var limit = nextLimit()
        var latest = Int64.min
        let hasGaps = events.contains { $0["gap_ms"] != nil }
        for (index, event) in events.enumerated() {
            if let time = event["watermark"]?.integerValue {
                try flush(&batch, &stream)
                try advance(to: time, moment: index, &stream)
            } else if let time = event["ts"]?.integerValue {
                let partition = UInt32(random.next() % UInt64(delivery.partitions))
                if partition != batch.partition { try flush(&batch, &stream) }
                batch.partition = partition
                batch.timestamps.append(time)
                batch.keyIDs.append(stream.keys.intern(Array((event["key"] ?? .null).text.utf8)))
                batch.offsets.append(Int64(index))
                if hasGaps { batch.gaps.append(event["gap_ms"]?.integerValue) }
                for (place, field) in fields.enumerated() {
                    WindowCaseColumn.append(event, field, to: &batch.columns[place])
                }
                if isSpread, let bound = watermark.outOfOrderMilliseconds {
                    try flush(&batch, &stream)
                    latest = max(latest, time)
                    let (moved, overflow) = latest.subtractingReportingOverflow(bound)
                    if !overflow, moved > .min {
                        try advance(to: moved - 1, moment: index, &stream)
                    }
                } else if batch.count >= limit {
                    try flush(&batch, &stream)
                    limit = nextLimit()
                }
            } else if event["checkpoint_restore"]?.boolValue == true {
                try flush(&batch, &stream)
                try restart(&stream)
            }
        }
        try flush(&batch, &stream)
    }

    private mutating func advance(
        to time: Int64, moment: Int, _ stream: inout WindowOperator
    ) throws {
        for partition in 0..<delivery.partitions {
            var output = WindowOutput()
            stream.advance(UInt32(partition), to: time, into: &output)
            take(output, moment: moment)
            if delivery.restartsEach { try restart(&stream) }
        }
    }

    private func restart(_ stream: inout WindowOperator) throws {
        var restored = try makeOperator()
        let state = stream.encodeState()
        try restored.restore(state)
        guard restored.encodeState() == state else {
            throw CaseUnsupported(what: "a restored state that encodes as it was")
        }
        stream = restored
    }

    private mutating func flush(
        _ batch: inout EventBatch, _ stream: inout WindowOperator
    ) throws {
        guard let last = batch.offsets.last else { return }
        var output = WindowOutput()
        stream.process(batch, into: &output)
        batch.removeAll()
        take(output, moment: Int(last))
        if delivery.restartsEach { try restart(&stream) }
    }

    private mutating func take(_ output: WindowOutput, moment: Int) {
        var hasTimes = true
        if case .count = window.shape { hasTimes = false }
        for row in output.rows {
            let row = WindowCaseRow(row, moment: moment, hasTimes: hasTimes)
            rows.append(row)
            places[row.place] = row
        }
        for row in output.superseded {
            let place = "\(String(decoding: row.key, as: UTF8.self)) [\(row.start), \(row.end))"
            if places.removeValue(forKey: place) != nil { superseded.append(place) }
        }
        late += output.late.filter { !$0.isPartial }.map(\.offset)
    }
}
