import SiltIO
import SiltModel
import SiltStream

/// Feeds the events of a case to a window operator and keeps what comes out.
struct WindowCaseDrive {
    let window: WindowSpec
    let columns: [WindowCaseColumn]
    let watermark: WatermarkSpec
    /// Where the sizes of batches come from; `nil` gives every event a batch of its own.
    let batchSeed: UInt64?

    /// The rows in the order given.
    private(set) var rows: [WindowCaseRow] = []
    /// The indexes of late events.
    private(set) var late: [Int64] = []
    private var places: [String: WindowCaseRow] = [:]

    init(
        window: WindowSpec, columns: [WindowCaseColumn], watermark: WatermarkSpec,
        batchSeed: UInt64?
    ) {
        self.window = window
        self.columns = columns
        self.watermark = watermark
        self.batchSeed = batchSeed
    }

    /// The rows that are left when later ones replaced earlier ones and merged sessions are gone.
    var table: [WindowCaseRow] { Array(places.values) }

    private func makeOperator() throws(SiltstoneError) -> WindowOperator {
        try WindowOperator(
            windows: [window],
            aggregates: columns.enumerated().map { index, column in
                AggregateSpec(
                    name: column.name, column.function, column: column.field == nil ? nil : index)
            },
            watermark: watermark)
    }

    mutating func run(_ events: [JSONValue]) throws {
        var stream = try makeOperator()
        var batch = EventBatch(columnCount: columns.count)
        let random = SeededRandom(seed: batchSeed ?? 0)
        func nextLimit() -> Int { batchSeed == nil ? 1 : Int(random.next() % 8) + 1 }
        var limit = nextLimit()
        for (index, event) in events.enumerated() {
            if let time = event["watermark"]?.integerValue {
                flush(&batch, &stream)
                var output = WindowOutput()
                stream.advance(0, to: time, into: &output)
                take(output, moment: index)
            } else if let time = event["ts"]?.integerValue {
                batch.timestamps.append(time)
                batch.keyIDs.append(stream.keys.intern(Array((event["key"] ?? .null).text.utf8)))
                batch.offsets.append(Int64(index))
                for (place, column) in columns.enumerated() {
                    column.append(event, to: &batch.columns[place])
                }
                if batch.count >= limit {
                    flush(&batch, &stream)
                    limit = nextLimit()
                }
            } else if event["checkpoint_restore"]?.boolValue == true {
                flush(&batch, &stream)
                var restored = try makeOperator()
                try restored.restore(stream.encodeState())
                stream = restored
            }
        }
        flush(&batch, &stream)
    }

    private mutating func flush(_ batch: inout EventBatch, _ stream: inout WindowOperator) {
        guard let last = batch.offsets.last else { return }
        var output = WindowOutput()
        stream.process(batch, into: &output)
        batch.removeAll()
        take(output, moment: Int(last))
    }

    private mutating func take(_ output: WindowOutput, moment: Int) {
        for row in output.rows {
            let row = WindowCaseRow(row, moment: moment)
            rows.append(row)
            places[row.place] = row
        }
        for row in output.superseded {
            let key = String(decoding: row.key, as: UTF8.self)
            places["\(key) [\(row.start), \(row.end))"] = nil
        }
        late += output.late.filter { !$0.isPartial }.map(\.offset)
    }
}
