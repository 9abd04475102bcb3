internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import SiltTable

/// Delivers what checkpoints put into the outbox to a job's sinks, and takes it out then.
///
/// A row of the table `silt:sinks` for each checkpoint and sink: the job, 00, the sink's name, 00, the checkpoint's
/// number as 16 hex digits with the sign bit flipped. It is written in the batch of the checkpoint, and removed when
/// the sink has it: a kill in between delivers the same batch under the same number again. The row of the job and 00
/// alone has the outbox's name.
struct SinkDelivery {
    /// Part of the format: docs/format/checkpoint.md.
    static let tableName = "silt:sinks"
    private static let family = "o"
    private static let partBytes = 1 << 20
    private static let waitMillisecondsMax: UInt64 = 10_000

    private let table: StoredTable
    private let job: String
    private let outbox: String
    private let sinks: [any RowSink]
    private let clock: any Clock

    init?(
        _ job: JobDefinition, _ makeSinks: () throws(SiltstoneError) -> [any RowSink],
        store: TableStore, clock: any Clock
    ) throws(SiltstoneError) {
        guard !job.sinks.isEmpty, job.backfill == nil else { return nil }
        let sinks = try makeSinks()
        guard Set(sinks.map(\.name)) == Set(job.sinks.map(\.name)) else {
            throw SiltstoneError(
                .invalidArgument,
                "this program has no way to the job's sinks; silt job run has job=\(job.name)")
        }
        self.job = job.name
        self.sinks = sinks
        self.clock = clock
        table = try store.systemTable(
            TableDefinition(Self.tableName, families: [Family(Self.family, compression: .lz4)]))
        outbox = try Self.outbox(job.name, table, clock)
    }

    /// The name of a job's outbox, given when it has none.
    private static func outbox(_ job: String, _ table: StoredTable, _ clock: any Clock)
        throws(SiltstoneError) -> String
    {
        let row = Bytes(Array(job.utf8) + [0])
        let column = Column(family, "name")
        if let known = try table.get(row)?[column]?.value.string { return known }
        let name = "\(clock.nowMilliseconds)-\(clock.monotonicNanoseconds)"
        let put = CellMutation(column, .put(value: Bytes(name), timeToLiveMilliseconds: nil))
        try table.write([RowMutation(row: row, changes: [put])])
        return name
    }

    private func prefix(_ sink: any RowSink) -> [UInt8] {
        Array(job.utf8) + [0] + Array(sink.name.utf8) + [0]
    }

    /// What puts a checkpoint's messages into the outbox.
    func mutations(_ outbox: SinkOutbox, number: UInt64) -> [TableMutation] {
        guard outbox.count > 0 else { return [] }
        let bytes = outbox.encoded
        var changes: [CellMutation] = []
        for (part, start) in stride(from: 0, to: bytes.count, by: Self.partBytes).enumerated() {
            let end = min(bytes.count, start + Self.partBytes)
            let digits = String(part)
            changes.append(
                CellMutation(
                    Column(
                        Self.family,
                        Bytes(String(repeating: "0", count: max(0, 6 - digits.count)) + digits)),
                    .put(value: Bytes(Array(bytes[start..<end])), timeToLiveMilliseconds: nil)))
        }
        return sinks.map { sink in
            var row = prefix(sink)
            RowTemplate.append(Int64(clamping: number), .key, to: &row)
            return TableMutation(
                table: table, mutation: RowMutation(row: Bytes(row), changes: changes))
        }
    }

    /// Delivers what is in the outbox; waits for sinks that do not answer, until `isCancelled`.
    func deliver(isCancelled: (() -> Bool)?) throws(SiltstoneError) {
        for sink in sinks {
            let prefix = prefix(sink)
            let scanner = try table.scan(RowRange(prefix: Bytes(prefix)))
            while let row = try scanner.next() {
                let digits = String(decoding: row.key.array.dropFirst(prefix.count), as: UTF8.self)
                guard let biased = UInt64(digits, radix: 16) else {
                    throw damaged("its number cannot be read", row)
                }
                let messages: [SinkBatch.Message]
                do throws(DecodingError) {
                    messages = try SinkOutbox.messages(row.cells.flatMap { $0.value.array })
                } catch {
                    throw damaged(error.description, row)
                }
                let batch = SinkBatch(
                    job: job, outbox: outbox, number: biased ^ (1 << 63), messages: messages)
                guard try deliver(batch, to: sink, isCancelled) else { return }
                try table.write([
                    RowMutation(
                        row: row.key,
                        changes: [CellMutation(Column(Self.family, .empty), .deleteFamily)])
                ])
            }
        }
    }

    private func deliver(
        _ batch: SinkBatch, to sink: any RowSink, _ isCancelled: (() -> Bool)?
    ) throws(SiltstoneError) -> Bool {
        var wait: UInt64 = 100
        while true {
            do throws(SiltstoneError) {
                try sink.deliver(batch)
                return true
            } catch {
                guard error.code == .unavailable else { throw error }
                if isCancelled?() == true { return false }
                clock.sleep(nanoseconds: wait * 1_000_000)
                wait = min(2 * wait, Self.waitMillisecondsMax)
            }
        }
    }

    private func damaged(_ what: String, _ row: Row) -> SiltstoneError {
        SiltstoneError(
            .corrupted, "messages to a sink cannot be read: \(what) row=\(row.key)",
            at: .init(file: Self.tableName))
    }
}
