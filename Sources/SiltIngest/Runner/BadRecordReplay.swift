internal import SiltBytes
package import SiltIO
package import SiltModel
internal import SiltStream
package import SiltTable

/// Reads the bad records of a job again, after what was wrong with its file or data is mended.
///
/// Records that are good now count in their windows, open or written, as if they had come late; their rows in the table
/// of bad records are marked in the same batch as the rows and the checkpoint, so that none counts twice. Those that
/// are still bad stay as they are.
package struct BadRecordReplay {
    /// What came of it.
    package struct Outcome: Sendable {
        /// Records that count now.
        package var replayed = 0
        /// Records that are bad still.
        package var stillBad = 0
        /// Records of which too little was kept to be read again.
        package var cut = 0
        /// The first reason of a record that is still bad.
        package var firstReason: String?

        /// Nothing replayed.
        package init() {}
    }

    private static let batchBytes = 4 << 20
    private static let batchCount = 10_000
    /// The partition of replayed events: they must not move the watermark of others.
    private static let partition = UInt32.max
    private static let mark = Column("e", "replayed")

    private let store: TableStore
    private let job: JobDefinition
    private let clock: any Clock
    private let includesMarked: Bool

    /// A replay of a job that nobody runs meanwhile.
    ///
    /// - Parameter includesMarked: whether records count again that were replayed before, as after a run from the
    ///   beginning.
    package init(
        store: TableStore, job: JobDefinition, clock: any Clock, includesMarked: Bool = false
    ) {
        self.store = store
        self.job = job
        self.clock = clock
        self.includesMarked = includesMarked
    }

    private struct Record {
        let row: Bytes
        let raw: [UInt8]
    }

    /// Replays.
    ///
    /// - Throws: `invalidArgument` when the job keeps no bad records, drops or keeps aside what comes late, has sinks, or
    ///   is over Kafka; `notFound` when it never ran; `conflict` when its windows are of a definition that differs in
    ///   more than how records are read.
    package func run() throws(SiltstoneError) -> Outcome {
        guard let badTable = job.badRecordTable else {
            throw SiltstoneError(.invalidArgument, "job keeps no bad records job=\(job.name)")
        }
        guard job.late == .merge else {
            throw SiltstoneError(
                .invalidArgument,
                "bad records that are replayed come late, and the job does not merge late events (late: merge) job=\(job.name)"
            )
        }
        try checkReadable()
        var pipeline = try JobPipeline(job)
        let tables = try JobTables(job, in: store, keepsStates: pipeline.windows.givesStates)
        guard var checkpoint = try JobCheckpoint.read(job.name, from: tables.jobs) else {
            throw SiltstoneError(.notFound, "job has no checkpoint yet job=\(job.name)")
        }
        try checkpoint.adopt(job, takesChanges: true, from: tables.jobs)
        var output = pipeline.makeOutput()
        if checkpoint.isComplete {
            pipeline.windows.finish(into: &output.windows)
        } else {
            try OpenWindows.restore(&pipeline, checkpoint, job)
        }
        pipeline.summary = checkpoint.summary
        var committer = JobCommitter(
            job, plan: pipeline.plan, store: store, tables: tables, durability: nil,
            pendingBytesMax: .max)
        var outcome = Outcome()
        let scanner = try store.table(badTable).scan(
            RowRange(prefix: Bytes(Array(job.name.utf8) + [0x23])))
        var isAtEnd = false
        while !isAtEnd {
            let records = try nextRecords(scanner, &outcome, &isAtEnd)
            if records.isEmpty { continue }
            let bad = try process(records, &pipeline, header: checkpoint.header, &output)
            outcome.stillBad += bad.count
            if outcome.firstReason == nil { outcome.firstReason = bad.values.first }
            let good = records.indices.filter { bad[$0] == nil }
            outcome.replayed += good.count
            if good.isEmpty { continue }
            output.bad.removeAll()
            try committer.take(
                &output, source: "", summary: &pipeline.summary, keys: pipeline.windows.keys)
            checkpoint.number += 1
            for index in good {
                committer.markReplayed(
                    records[index].row, Self.mark, number: checkpoint.number)
            }
            pipeline.summary.bad = max(0, pipeline.summary.bad - Int64(good.count))
            checkpoint.state = checkpoint.isComplete ? [] : pipeline.windows.encodeState()
            checkpoint.summary = pipeline.summary
            checkpoint.summary.watermark =
                pipeline.windows.watermark == .min
                ? nil : pipeline.windows.watermark
            let mutation = checkpoint.mutation(job, now: clock.nowMilliseconds)
            try committer.commit(mutation, number: checkpoint.number)
        }
        return outcome
    }

    /// Refuses jobs whose records cannot be read again from what was kept of them, or whose rows would not go everywhere.
    private func checkReadable() throws(SiltstoneError) {
        var what: String?
        if case .kafka = job.source { what = "over Kafka" }
        if !job.sinks.isEmpty { what = "with sinks" }
        let hasHeader = job.columns == nil && (job.format == .csv || job.format == .tsv)
        if job.tails, hasHeader { what = "whose tailed files name their columns themselves" }
        guard let what else { return }
        throw SiltstoneError(
            .invalidArgument, "bad records of jobs \(what) cannot be replayed yet job=\(job.name)")
    }

    private func nextRecords(
        _ scanner: RowScanner, _ outcome: inout Outcome, _ isAtEnd: inout Bool
    ) throws(SiltstoneError) -> [Record] {
        var records: [Record] = []
        var bytes = 0
        while records.count < Self.batchCount, bytes < Self.batchBytes {
            guard let row = try scanner.next() else {
                isAtEnd = true
                break
            }
            if row[Self.mark] != nil, !includesMarked { continue }
            guard let raw = row[Column("e", "raw")]?.value.array else { continue }
            // Of a longer record only the beginning was kept.
            if raw.count >= RecordDecoder.rawBytesMax || raw.isEmpty {
                outcome.cut += 1
                continue
            }
            bytes += raw.count
            records.append(Record(row: row.key, raw: raw))
        }
        return records
    }

    /// Takes the records into the windows; the reasons of those that are still bad, by their places.
    private func process(
        _ raw: [Record], _ pipeline: inout JobPipeline, header: [String]?,
        _ output: inout PipelineOutput
    ) throws(SiltstoneError) -> [Int: String] {
        var bad: [Int: String] = [:]
        let plan = pipeline.plan
        pipeline.select(Self.partition, maxTime: .min)
        let known = pipeline.summary
        for (index, record) in raw.enumerated() {
            var decoder = RecordDecoder(
                job.format, paths: plan.fields.paths, nullTexts: job.nullTexts,
                columns: job.columns, numberSlots: plan.numberSlots, pattern: job.pattern)
            try decoder.beginFile("", header: header)
            var batch = RecordBatch(literals: plan.literals, slotCount: plan.fields.slotCount)
            batch.texts.bytes += record.raw
            try decoder.decode(
                &batch, end: batch.texts.bytes.count, isFinal: true, file: "")
            let before = pipeline.summary.bad
            pipeline.process(&batch, streamBase: 0, fileBase: 0, into: &output)
            if pipeline.summary.bad > before || batch.count == 0 {
                bad[index] = output.bad.last?.reason ?? "no record"
            }
        }
        pipeline.summary.bad = known.bad
        pipeline.summary.records = known.records
        pipeline.windows.removePartition(Self.partition, into: &output.windows)
        return bad
    }
}
