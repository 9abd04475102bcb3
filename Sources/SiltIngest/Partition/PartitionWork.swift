internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import SiltStream

/// One partition while this process has it: its pipeline, and what came of it since the last commit.
///
/// A partition has windows of its own. What they give is merged into the rows by who commits it, so that the rows do
/// not depend on which process read which partition, nor when.
struct PartitionWork {
    private struct PartKey: Hashable {
        let windowIndex: Int
        let start: Int64
        let end: Int64
        let key: [UInt8]
        /// Alerts do not count what came after its window was closed.
        var isLate = false
    }

    let partition: Int32
    let epoch: UInt64
    /// The offset of the next message; `nil` before the first, when the settings say where to begin.
    private(set) var nextOffset: Int64?
    var number: UInt64 = 0
    var hasEnded = false
    /// Bytes read since the last commit.
    private(set) var bytes = 0
    /// When a message came last.
    var lastMilliseconds: Int64
    var isIdle = false
    /// What the last commit said of the watermark, and of idleness.
    private var saidWatermark = Int64.min
    private var saidIdle = false
    private let job: JobDefinition
    private let source: String
    private let writer: RowWriter
    private(set) var pipeline: JobPipeline
    private var decoder: RecordDecoder
    private var records: RecordBatch
    private var output: PipelineOutput
    private var parts: [PartKey: [UInt8]] = [:]
    private var changes: [(target: PartitionCommit.Target, mutation: RowMutation)] = []
    private let definitionHash: UInt64

    init(
        _ job: JobDefinition, partition: Int32, source: String, claim: PartitionClaim, now: Int64
    ) throws(SiltstoneError) {
        self.job = job
        self.partition = partition
        self.source = source
        epoch = claim.epoch
        lastMilliseconds = now
        definitionHash = JobCheckpoint.hash(job)
        pipeline = try JobPipeline(job, ofPartition: true)
        let plan = pipeline.plan
        decoder = RecordDecoder(
            job.format, paths: plan.fields.paths, nullTexts: job.nullTexts, columns: job.columns,
            numberSlots: plan.numberSlots, pattern: job.pattern)
        try decoder.beginFile(source, header: nil)
        records = RecordBatch(literals: plan.literals, slotCount: plan.fields.slotCount)
        output = pipeline.makeOutput()
        writer = RowWriter(job, keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
        if let bytes = claim.checkpoint { try resume(bytes) }
    }

    private mutating func resume(_ bytes: [UInt8]) throws(SiltstoneError) {
        let record: CheckpointRecord
        do {
            record = try CheckpointRecord(decoding: bytes)
            guard record.definitionHash == definitionHash else {
                throw SiltstoneError(
                    .conflict,
                    "job has a checkpoint of another definition; give the job another name, or run it with --fresh to begin again job=\(job.name) partition=\(partition)"
                )
            }
            guard record.sources.first?.name == source else {
                throw SiltstoneError(
                    .conflict,
                    "job's checkpoint is of another topic; give the job another name, or run it with --fresh to begin again job=\(job.name) source=\(source)"
                )
            }
            var position = ByteReader(record.sources.first?.position ?? [])
            if !position.isAtEnd {
                nextOffset = Int64(try position.readCount(limit: Int(Int64.max)))
            }
            var runner = ByteReader(record.section("runner") ?? [])
            let maxTime = try runner.readInt64()
            try pipeline.restore(maxTime: maxTime, state: record.section("windows") ?? [])
            pipeline.summary.watermark = record.watermarkMilliseconds
            try pipeline.summary.readCounters(&runner)
        } catch {
            if let error = error as? SiltstoneError { throw error }
            throw SiltstoneError(
                .corrupted, "partition's checkpoint cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
        number = record.number
        pipeline.summary.isResumed = true
        saidWatermark = pipeline.windows.watermark
    }

    /// Whether there is something to commit; alerts wait for each partition's watermark, too.
    var isDirty: Bool {
        bytes > 0 || !parts.isEmpty || !changes.isEmpty
            || !job.alerts.isEmpty
                && (saidIdle != isIdle || saidWatermark != pipeline.windows.watermark)
    }

    /// Takes messages; those before the next offset were taken already.
    mutating func take(_ batch: inout MessageBatch, now: Int64) throws(SiltstoneError) {
        guard let last = batch.messages.last else { return }
        lastMilliseconds = now
        isIdle = false
        hasEnded = batch.reachesEnd
        if let limit = job.time.maxFutureMilliseconds {
            let latest = now.addingReportingOverflow(limit)
            pipeline.latestAllowed = latest.overflow ? .max : latest.partialValue
        }
        records.beginBlock(keeping: records.restStart)
        records.offsets.removeAll(keepingCapacity: true)
        if job.format == .ndjson {
            try decodeLines(&batch)
        } else {
            try decodeEach(batch)
        }
        records.restStart = records.texts.bytes.count
        pipeline.process(&records, streamBase: 0, fileBase: 0, into: &output)
        pipeline.summary.bytes += Int64(batch.bytes.count)
        bytes += batch.bytes.count
        nextOffset = last.offset + 1
        collect()
    }

    /// Decodes all messages as lines; line breaks inside of one are white space in JSON.
    private mutating func decodeLines(_ batch: inout MessageBatch) throws(SiltstoneError) {
        let base = records.texts.bytes.count
        records.restStart = base
        var place = 0
        var ends: [Int] = []
        ends.reserveCapacity(batch.messages.count)
        for message in batch.messages {
            let end = place + max(0, message.length)
            var index = place
            while index < end, let found = batch.bytes[index..<end].firstIndex(of: 0x0a) {
                batch.bytes[found] = 0x20
                index = found + 1
            }
            if message.offset < nextOffset ?? .min {
                for index in place..<end { batch.bytes[index] = 0x20 }
            }
            place = end + 1
            ends.append(base + place)
        }
        records.texts.bytes.append(contentsOf: batch.bytes)
        try decoder.decode(
            &records, end: records.texts.bytes.count, isFinal: true, file: source)
        var message = 0
        for start in records.starts {
            while ends[message] <= start { message += 1 }
            records.offsets.append(batch.messages[message].offset)
        }
    }

    /// Decodes message by message, so that a quote that is not closed costs that message only.
    private mutating func decodeEach(_ batch: MessageBatch) throws(SiltstoneError) {
        var place = 0
        for message in batch.messages {
            let end = place + max(0, message.length)
            defer { place = end + 1 }
            if message.length <= 0 || message.offset < nextOffset ?? .min { continue }
            records.restStart = records.texts.bytes.count
            records.texts.bytes.append(contentsOf: batch.bytes[place...end])
            try decoder.decode(
                &records, end: records.texts.bytes.count, isFinal: true, file: source)
            while records.offsets.count < records.count { records.offsets.append(message.offset) }
        }
    }

    /// Moves the watermark of a partition without events to where the others are.
    mutating func idle(to watermark: Int64) {
        pipeline.advance(to: watermark, into: &output)
        collect()
    }

    /// Fires everything, as there will be no more.
    mutating func finish() {
        pipeline.finish(into: &output)
        collect()
    }

    /// Gathers what the pipeline gave.
    private mutating func collect() {
        pipeline.summary.outside += Int64(output.windows.outsideCount)
        for removal in output.windows.superseded.isEmpty
            ? [] : JobCommitter.removals(output.windows, writer)
        {
            changes.append((.rows, removal))
        }
        for row in output.windows.rows {
            pipeline.summary.rows += 1
            if row.revision == 0 { pipeline.summary.windows += 1 }
            switch job.windows[row.windowIndex].shape {
            case .session, .count: changes.append((.rows, writer.mutation(row)))
            default:
                merge(
                    row.state ?? [],
                    PartKey(
                        windowIndex: row.windowIndex, start: row.start, end: row.end, key: row.key))
            }
        }
        for record in output.bad where job.badRecordTable != nil {
            changes.append((.bad, RowWriter.mutation(record, job: job.name, source: source)))
        }
        for record in output.late {
            changes.append((.late, RowWriter.mutation(record, job: job.name, source: source)))
        }
        for index in 0..<output.lateBatch.count { mergeLate(index) }
        output.windows.removeAll()
        output.bad.removeAll(keepingCapacity: true)
        output.late.removeAll(keepingCapacity: true)
        output.lateBatch.removeAll()
        output.lateWatermarks.removeAll(keepingCapacity: true)
        output.latePartials.removeAll(keepingCapacity: true)
    }

    /// An event that came after its windows had given their parts is a part of its own.
    private mutating func mergeLate(_ index: Int) {
        let key = pipeline.windows.keys.bytes(of: output.lateBatch.keyIDs[index])
        var state = AggregateState(pipeline.plan.aggregates)
        state.add(output.lateBatch, index)
        let encoded = state.encode()
        for (windowIndex, window) in job.windows.enumerated() {
            let time = output.lateBatch.timestamps[index]
            for (start, end) in WindowBounds.containing(time, window.shape) {
                let closes = (end - 1).addingReportingOverflow(job.time.allowedLatenessMilliseconds)
                guard !closes.overflow, closes.partialValue <= output.lateWatermarks[index] else {
                    continue
                }
                pipeline.summary.rows += 1
                merge(
                    encoded,
                    PartKey(
                        windowIndex: windowIndex, start: start, end: end, key: key, isLate: true))
            }
        }
    }

    private mutating func merge(_ state: [UInt8], _ key: PartKey) {
        guard let known = parts[key],
            var merged = try? AggregateState(pipeline.plan.aggregates, decoding: known),
            // Both were encoded by this process.
            let other = try? AggregateState(pipeline.plan.aggregates, decoding: state)
        else {
            parts[key] = state
            return
        }
        merged.merge(other)
        parts[key] = merged.encode()
    }

    /// What is to be written for what was read so far.
    mutating func makeCommit(now: Int64) -> PartitionCommit {
        pipeline.summary.checkpoints += 1
        var position = ByteWriter()
        if let nextOffset { position.writeVarint(UInt64(max(0, nextOffset))) }
        var runner = ByteWriter()
        runner.write(pipeline.maxTime)
        for (_, value) in pipeline.summary.counters { runner.write(value) }
        var commit = PartitionCommit()
        commit.partition = partition
        commit.epoch = epoch
        commit.number = number + 1
        commit.checkpoint = CheckpointRecord(
            job: job.name, number: number + 1, definitionHash: definitionHash,
            createdMilliseconds: now, watermarkMilliseconds: pipeline.summary.watermark,
            sources: [.init(name: source, kind: "kafka", position: position.bytes)],
            sections: [
                ("windows", pipeline.windows.encodeState()), ("runner", runner.bytes),
            ]
        ).encoded()
        commit.parts = parts.map { key, state in
            PartitionCommit.Part(
                windowIndex: key.windowIndex, start: key.start, end: key.end, key: key.key,
                state: state, isLate: key.isLate)
        }
        commit.watermark = pipeline.windows.watermark
        commit.isIdle = isIdle
        commit.changes = changes
        return commit
    }

    /// Notes that the commit is durable.
    mutating func didCommit() {
        number += 1
        saidWatermark = pipeline.windows.watermark
        saidIdle = isIdle
        bytes = 0
        parts.removeAll(keepingCapacity: true)
        changes.removeAll(keepingCapacity: true)
    }

    /// How much waits to be written, about.
    var pendingCount: Int { parts.count + changes.count }
}

extension JobSummary {
    /// Reads the counters in their order.
    mutating func readCounters(_ reader: inout ByteReader) throws(DecodingError) {
        records = try reader.readInt64()
        bytes = try reader.readInt64()
        bad = try reader.readInt64()
        late = try reader.readInt64()
        filtered = try reader.readInt64()
        outside = try reader.readInt64()
        rows = try reader.readInt64()
        windows = try reader.readInt64()
        checkpoints = try reader.readInt64()
    }

    /// Adds what another partition did; the watermark is the lesser one.
    mutating func add(_ other: JobSummary) {
        records += other.records
        bytes += other.bytes
        bad += other.bad
        late += other.late
        filtered += other.filtered
        outside += other.outside
        rows += other.rows
        windows += other.windows
        checkpoints += other.checkpoints
        isResumed = isResumed || other.isResumed
        if firstBad == nil { firstBad = other.firstBad }
        if let mark = other.watermark { watermark = min(watermark ?? .max, mark) }
    }
}

extension JobPipeline {
    /// Moves the watermark, as nothing older is expected.
    mutating func advance(to watermark: Int64, into output: inout PipelineOutput) {
        windows.advance(0, to: watermark, into: &output.windows)
        noteWatermark()
    }
}

extension WindowSpec {
    /// The window with rows that hold what came since the row before, where such rows can be merged.
    var givingParts: WindowSpec {
        switch shape {
        case .session, .count: self
        default: WindowSpec(name: name, shape, discards: true, rank: rank)
        }
    }
}
