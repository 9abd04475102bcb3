internal import SiltBytes
internal import SiltModel
internal import SiltStream

/// A record that is kept aside, with the reason.
struct RejectedRecord: Equatable {
    let offset: Int
    let raw: [UInt8]
    let reason: String
    /// The time stamp of its row.
    let timestamp: Int64
}

/// What the pipeline made of some records; emptied by who uses it.
struct PipelineOutput {
    /// Rows and superseded rows of windows that fired.
    var windows = WindowOutput()
    /// Bad records.
    var bad: [RejectedRecord] = []
    /// Late events to be kept.
    var late: [RejectedRecord] = []
    /// Late events to be merged, as the events of a batch.
    var lateBatch: EventBatch
    /// The watermark when each of `lateBatch` came.
    var lateWatermarks: [Int64] = []
    /// Whether a late event was still taken by some of its windows.
    var latePartials: [Bool] = []
}

/// Records in, window rows out: filter, computed fields, event time, key, arguments, windows.
///
/// Knows no tables.
struct JobPipeline {
    let job: JobDefinition
    let plan: JobPlan
    var windows: WindowOperator
    var summary = JobSummary()
    /// The greatest event time seen; the least integer before the first.
    var maxTime = Int64.min
    private let time: EventTime
    private let outOfOrder: Int64?
    private let mergesLate: Bool
    private let keepsLate: Bool
    /// The longest key that still leaves room for the rest of its row's key.
    let keyBytesMax: Int
    private let needsKeyBytes: Bool
    var batch: EventBatch
    /// The record of each event of the batch.
    var eventRecords: [Int] = []
    private var argumentValues: [Datum]
    private var maskValues: [Bool]
    private var keyScratch: [UInt8] = []
    /// The gap after the event at hand, where each has its own.
    private var gap: Int64 = 0
    var run = RunColumns()
    let argumentSlots: [Int]
    /// Which column of records that are columns each argument is.
    let argumentPlaces: [Int]
    /// The ids of the numbers of keys, and which table those are of.
    var numberedIDs: [UInt32] = []
    var numberGeneration = 0
    /// Event time up to which the watermark was moved or will be by the batch.
    var batchMaxTime = Int64.min
    /// No event may be later than this, in milliseconds since 1970.
    var latestAllowed = Int64.max

    /// A pipeline of a job.
    ///
    /// With `ofPartition`, of one partition of its source: rows are parts, to be merged with those of
    /// the others, and a window that late events reach gives a part more.
    init(_ job: JobDefinition, ofPartition: Bool = false) throws(SiltstoneError) {
        self.job = job
        plan = JobPlan(job)
        time = EventTime(unit: job.time.unit)
        outOfOrder = job.time.outOfOrderMilliseconds
        mergesLate = job.late == .merge
        if case .table = job.late { keepsLate = true } else { keepsLate = false }
        // Sessions cannot be merged after the fact, so they are kept open for late events instead.
        let hasSessions = job.windows.contains {
            if case .session = $0.shape { true } else { false }
        }
        let lateness = mergesLate && hasSessions ? Int64.max : job.time.allowedLatenessMilliseconds
        windows = try WindowOperator(
            windows: ofPartition ? job.windows.map(\.givingParts) : job.windows,
            aggregates: plan.aggregates,
            watermark: WatermarkSpec(
                outOfOrderMilliseconds: outOfOrder, allowedLatenessMilliseconds: lateness))
        windows.givesStates = ofPartition || mergesLate && !hasSessions
        windows.givesPartialLateEvents = mergesLate
        windows.addPartition(0)
        batch = EventBatch(columnCount: plan.arguments.count, maskCount: plan.masks.count)
        argumentSlots = plan.arguments.compactMap(\.slot)
        argumentPlaces = argumentSlots.compactMap { [columns = plan.columns] in
            columns?.argumentSlots.firstIndex(of: $0)
        }
        argumentValues = Array(repeating: .null, count: plan.arguments.count)
        maskValues = Array(repeating: false, count: plan.masks.count)
        keyBytesMax = JobPipeline.keyBytesMax(job)
        needsKeyBytes = job.row.parts.allSatisfy { part in
            switch part {
            case .key, .field: true
            default: false
            }
        }
    }

    /// The longest key that still leaves room for the rest of its row's key.
    static func keyBytesMax(_ job: JobDefinition) -> Int {
        var rest = 0
        var keys = 0
        for part in job.row.parts {
            switch part {
            case .literal(let bytes): rest += bytes.count
            case .key, .field: keys += 1
            case .start, .end: rest += 32
            case .windowName: rest += job.windows.map(\.name.utf8.count).max() ?? 0
            }
        }
        return max(0, Limits.rowBytesMax - rest - 16) / max(1, keys)
    }

    /// Empty output fit for this pipeline.
    func makeOutput() -> PipelineOutput {
        PipelineOutput(
            lateBatch: EventBatch(columnCount: plan.arguments.count, maskCount: plan.masks.count))
    }

    /// Takes the records of a batch.
    ///
    /// `base` is what turns places in the buffer into offsets of the stream, `fileBase` into
    /// offsets of the file.
    mutating func process(
        _ records: inout RecordBatch, streamBase: Int, fileBase: Int,
        into output: inout PipelineOutput
    ) {
        var failure = 0
        var columnRun = 0
        var record = 0
        var row = 0
        while record < records.count {
            let nextRun =
                columnRun < records.columns.runs.count
                ? records.columns.runs[columnRun].first : records.count
            if record == nextRun {
                record += takeColumns(
                    &records, records.columns.runs[columnRun], streamBase, fileBase, &output)
                columnRun += 1
                if batch.count >= 65_536 { flush(records, fileBase, &output) }
                continue
            }
            if plan.isPlain, job.backfill == nil, maxTime == batchMaxTime, time.isMilliseconds {
                let limit =
                    failure < records.failures.count
                    ? records.failures[failure].record : records.count
                let taken = takeRun(records, record..<min(limit, nextRun), row, streamBase)
                record += taken
                row += taken * records.slotCount
                if batch.count >= 65_536 { flush(records, fileBase, &output) }
                if record == nextRun { continue }
            }
            summary.records &+= 1
            defer {
                record += 1
                row += records.slotCount
            }
            if failure < records.failures.count, records.failures[failure].record == record {
                reject(records, record, records.failures[failure].reason, fileBase, &output)
                failure &+= 1
                continue
            }
            if let reason = take(&records, record, row, streamBase, fileBase, &output) {
                reject(records, record, reason, fileBase, &output)
            }
            if batch.count >= 65_536 { flush(records, fileBase, &output) }
        }
        flush(records, fileBase, &output)
        catchUp(&output)
    }

    /// Takes what follows as events of a partition whose greatest event time was `maxTime`.
    ///
    /// Each partition has a watermark, and the least one counts. A pipeline begins with partition 0.
    mutating func select(_ partition: UInt32, maxTime: Int64) {
        batch.partition = partition
        self.maxTime = maxTime
        batchMaxTime = maxTime
    }

    /// Notes in the summary how far the windows are complete.
    mutating func noteWatermark() {
        summary.watermark = windows.watermark == .min ? nil : windows.watermark
    }

    /// Ends bounded input: every window fires.
    mutating func finish(into output: inout PipelineOutput) {
        windows.finish(into: &output.windows)
        noteWatermark()
        summary.watermark = .max
    }

    /// Takes a run of records that are columns; how many those are.
    private mutating func takeColumns(
        _ records: inout RecordBatch, _ run: PlainColumns.Run, _ streamBase: Int, _ fileBase: Int,
        _ output: inout PipelineOutput
    ) -> Int {
        if run.latest <= latestAllowed {
            takeColumns(records, run, streamBase)
            return run.count
        }
        // Some are too late: which, is found one by one.
        guard let columns = plan.columns else { return run.count }
        internKeys(records, run)
        batch.keyIDs.removeLast(run.count)
        for index in 0..<run.count {
            let row = records.appendSlots(run, index, columns)
            let record = run.first + index
            summary.records &+= 1
            if let reason = take(&records, record, row, streamBase, fileBase, &output) {
                reject(records, record, reason, fileBase, &output)
            }
            records.slots.removeLast(records.slotCount)
            if batch.count >= 65_536 { flush(records, fileBase, &output) }
        }
        return run.count
    }

    /// Takes one record; the reason when it is bad.
    @inline(__always)
    private mutating func take(
        _ records: inout RecordBatch, _ record: Int, _ row: Int, _ streamBase: Int, _ fileBase: Int,
        _ output: inout PipelineOutput
    ) -> String? {
        if let slot = plan.watermarkSlot, !records.slots[row &+ slot].isNull {
            return takeWatermark(records, records.slots[row &+ slot], fileBase, &output)
        }
        var isWanted = true
        if let filter = plan.filter {
            let answer = filter.evaluate(records.slots, row: row, &records.texts)
            isWanted = answer.isTrue
            if !isWanted, answer.tag != Datum.Tag.bool, !answer.isNull {
                return JobPipeline.reason("where", answer)
            }
        }
        if isWanted || plan.isTimeComputed, !plan.mappings.isEmpty {
            if let reason = computeFields(&records, row) { return isWanted ? reason : ignore() }
        }
        let timestamp: Int64
        switch time.read(records.slots[row &+ plan.timeSlot], records.texts) {
        case .time(let value): timestamp = value
        case .fault(let what): return isWanted ? timeFault(what) : ignore()
        }
        if let range = job.backfill, timestamp < range.from || timestamp >= range.to {
            return ignore()
        }
        if timestamp > latestAllowed {
            return isWanted ? "event time is too far in the future time=\(timestamp)" : ignore()
        }
        guard isWanted else {
            summary.filtered &+= 1
            if timestamp > maxTime { maxTime = timestamp }
            return nil
        }
        if let reason = evaluateArguments(&records, row) { return reason }
        if let program = plan.gap, let reason = evaluateGap(program, &records, row) {
            return reason
        }
        if let outOfOrder, maxTime > batchMaxTime,
            timestamp <= JobPipeline.watermark(maxTime, outOfOrder)
        {
            flush(records, fileBase, &output)
            catchUp(&output)
        }
        switch internKey(records, row) {
        case .success(let id): batch.keyIDs.append(id)
        case .failure(let fault): return fault.reason
        }
        batch.timestamps.append(timestamp)
        batch.offsets.append(
            records.offsets.isEmpty
                ? Int64(streamBase &+ records.starts[record]) : records.offsets[record])
        eventRecords.append(record)
        if plan.gap != nil { batch.gaps.append(gap) }
        appendArguments(records)
        if timestamp > maxTime { maxTime = timestamp }
        if timestamp > batchMaxTime { batchMaxTime = timestamp }
        return nil
    }

    private mutating func ignore() -> String? {
        summary.filtered &+= 1
        return nil
    }

    private func timeFault(_ what: String) -> String {
        "event time \(job.time.field.joined(separator: ".")) \(what)"
    }

    private static func reason(_ what: String, _ value: Datum) -> String {
        guard value.isFailure else { return "\(what): value is neither true nor false" }
        let failure = value.failure
        return "\(what): \(failure.cause.message) at column \(failure.column + 1)"
    }

    private static func watermark(_ time: Int64, _ outOfOrder: Int64) -> Int64 {
        let bound = time.subtractingReportingOverflow(outOfOrder)
        if bound.overflow || bound.partialValue == .min { return .min }
        return bound.partialValue - 1
    }

    /// Moves the watermark to what records that `where` left out said.
    private mutating func catchUp(_ output: inout PipelineOutput) {
        guard let outOfOrder, maxTime > batchMaxTime else { return }
        windows.advance(
            batch.partition, to: JobPipeline.watermark(maxTime, outOfOrder), into: &output.windows)
        batchMaxTime = maxTime
        noteWatermark()
    }

    private mutating func takeWatermark(
        _ records: RecordBatch, _ value: Datum, _ fileBase: Int, _ output: inout PipelineOutput
    ) -> String? {
        switch time.read(value, records.texts) {
        case .fault(let what): return "watermark \(what)"
        case .time(let watermark):
            flush(records, fileBase, &output)
            windows.advance(batch.partition, to: watermark, into: &output.windows)
            noteWatermark()
            return nil
        }
    }

    private mutating func computeFields(_ records: inout RecordBatch, _ row: Int) -> String? {
        for mapping in plan.mappings {
            let value = mapping.program.evaluate(records.slots, row: row, &records.texts)
            if value.isFailure { return JobPipeline.reason("map \(mapping.name)", value) }
            records.slots[row &+ mapping.slot] = value
        }
        return nil
    }
}

// MARK: - Keys and arguments

extension JobPipeline {
    private struct KeyFault: Error { let reason: String }

    @inline(__always)
    private mutating func internKey(_ records: RecordBatch, _ row: Int) -> Result<UInt32, KeyFault>
    {
        if plan.keySlots.count == 1 {
            let value = records.slots[row &+ plan.keySlots[0]]
            if value.tag == Datum.Tag.text || value.tag == Datum.Tag.untyped, value.textCount > 0,
                value.textCount <= keyBytesMax
            {
                return .success(windows.keys.intern(records.texts.bytes, value.range))
            }
        }
        return internBuiltKey(records, row)
    }

    @inline(never)
    private mutating func internBuiltKey(_ records: RecordBatch, _ row: Int) -> Result<
        UInt32, KeyFault
    > {
        keyScratch.removeAll(keepingCapacity: true)
        var total = 0
        for (index, slot) in plan.keySlots.enumerated() {
            let value = records.slots[row &+ slot]
            if value.isFailure {
                return .failure(KeyFault(reason: "key: \(value.failure.cause.message)"))
            }
            if plan.keepsKeyFieldsApart {
                var part: [UInt8] = []
                TextFunctions.append(value, records.texts, to: &part)
                total += part.count
                var writer = ByteWriter()
                writer.writeSized(part)
                keyScratch.append(contentsOf: writer.bytes)
            } else {
                if index > 0 { keyScratch.append(0x23) }
                TextFunctions.append(value, records.texts, to: &keyScratch)
                total = keyScratch.count
            }
        }
        guard total <= keyBytesMax else {
            return .failure(KeyFault(reason: "key is too long for a row bytes=\(total)"))
        }
        if total == 0, needsKeyBytes {
            return .failure(KeyFault(reason: "key is empty, so the row's key would be"))
        }
        return .success(windows.keys.intern(keyScratch))
    }

    @inline(__always)
    private mutating func evaluateArguments(_ records: inout RecordBatch, _ row: Int) -> String? {
        for index in plan.arguments.indices {
            var value: Datum
            if let slot = plan.arguments[index].slot {
                value = records.slots[row &+ slot]
            } else {
                value = plan.arguments[index].program.evaluate(
                    records.slots, row: row, &records.texts)
            }
            if value.tag > Datum.Tag.double {
                value = convert(
                    value, wantsNumber: plan.arguments[index].wantsNumber, &records.texts)
                if value.isFailure {
                    return JobPipeline.reason("aggregate \(plan.arguments[index].name)", value)
                }
            }
            argumentValues[index] = value
        }
        for index in plan.masks.indices {
            let value = plan.masks[index].program.evaluate(records.slots, row: row, &records.texts)
            if value.tag != Datum.Tag.bool, !value.isNull {
                return JobPipeline.reason("aggregate \(plan.masks[index].name) where", value)
            }
            maskValues[index] = value.isTrue
        }
        return nil
    }

    /// Finds how long the event's session waits; the reason when it does not say.
    private mutating func evaluateGap(
        _ program: ExpressionProgram, _ records: inout RecordBatch, _ row: Int
    ) -> String? {
        var value = program.evaluate(records.slots, row: row, &records.texts)
        if value.tag > Datum.Tag.double {
            value = convert(value, wantsNumber: true, &records.texts)
        }
        if value.isFailure { return JobPipeline.reason("session gap", value) }
        switch value.tag {
        case Datum.Tag.int: gap = value.bits
        case Datum.Tag.double: gap = Int64(exactly: value.double.rounded(.down)) ?? 0
        default: gap = 0
        }
        return gap > 0 ? nil : "session gap is no positive number of milliseconds"
    }

    /// A value as an argument: a number, text or null.
    private func convert(_ value: Datum, wantsNumber: Bool, _ texts: inout TextBuffer) -> Datum {
        switch value.tag {
        case Datum.Tag.missing: return .null
        case Datum.Tag.untyped:
            if let number = NumberText.parse(texts.bytes, value.range) { return number }
            if wantsNumber { return Datum(.notANumber, at: 0) }
            return Datum(textAt: value.textOffset, count: value.textCount)
        case Datum.Tag.failure: return value
        default:
            if wantsNumber { return Datum(.wrongType, at: 0) }
            if value.isText { return Datum(textAt: value.textOffset, count: value.textCount) }
            return texts.add(Array((value.bits != 0 ? "true" : "false").utf8))
        }
    }

    @inline(__always)
    private mutating func appendArguments(_ records: RecordBatch) {
        for index in plan.arguments.indices {
            let value = argumentValues[index]
            if value.tag == Datum.Tag.text {
                batch.columns[index].append(bytes: records.texts.bytes[value.range])
            } else {
                batch.columns[index].append(tag: value.tag, bits: value.bits)
            }
        }
        for index in plan.masks.indices { batch.masks[index].append(maskValues[index]) }
    }
}

// MARK: - Output

extension JobPipeline {
    /// Lets the windows take the events collected so far.
    private mutating func flush(
        _ records: RecordBatch, _ fileBase: Int, _ output: inout PipelineOutput
    ) {
        guard batch.count > 0 else { return }
        let known = output.windows.late.count
        windows.process(batch, into: &output.windows)
        for event in output.windows.late[known...] {
            if !event.isPartial { summary.late &+= 1 }
            let record = eventRecords[event.index]
            if keepsLate, !event.isPartial {
                let reason = "late: event time \(event.timestamp), watermark \(event.watermark)"
                output.late.append(
                    rejected(records, record, reason, fileBase, timestamp: event.timestamp))
            } else if mergesLate {
                output.lateBatch.append(batch, event.index)
                output.lateWatermarks.append(event.watermark)
                output.latePartials.append(event.isPartial)
            }
        }
        output.windows.late.removeAll(keepingCapacity: true)
        noteWatermark()
        batch.removeAll()
        eventRecords.removeAll(keepingCapacity: true)
    }

    @inline(never)
    private mutating func reject(
        _ records: RecordBatch, _ record: Int, _ reason: String, _ fileBase: Int,
        _ output: inout PipelineOutput
    ) {
        summary.bad &+= 1
        if summary.firstBad == nil {
            summary.firstBad = "offset=\(fileBase + records.starts[record]) \(reason)"
        }
        guard job.badRecordTable != nil else { return }
        output.bad.append(rejected(records, record, reason, fileBase, timestamp: maxTime))
    }

    private func rejected(
        _ records: RecordBatch, _ record: Int, _ reason: String, _ fileBase: Int, timestamp: Int64
    ) -> RejectedRecord {
        let start = records.starts[record]
        var end = min(records.ends[record], start + RecordDecoder.rawBytesMax)
        if end > start, end == records.ends[record], records.texts.bytes[end - 1] == 0x0d {
            end -= 1
        }
        return RejectedRecord(
            offset: records.offsets.isEmpty ? fileBase + start : Int(records.offsets[record]),
            raw: Array(records.texts.bytes[start..<end]), reason: reason,
            timestamp: max(0, timestamp))
    }

    /// The greatest event time, as a checkpoint keeps it.
    mutating func restore(maxTime: Int64, state: [UInt8]) throws(DecodingError) {
        try windows.restore(state)
        self.maxTime = maxTime
        batchMaxTime = maxTime
    }
}

extension EventBatch {
    /// Appends one event of another batch of the same columns.
    mutating func append(_ other: EventBatch, _ index: Int) {
        timestamps.append(other.timestamps[index])
        keyIDs.append(other.keyIDs[index])
        offsets.append(other.offsets[index])
        for column in columns.indices {
            if other.columns[column].tags[index] == ValueColumn.Tag.bytes {
                columns[column].append(bytes: other.columns[column].bytes(at: index))
            } else {
                columns[column].append(
                    tag: other.columns[column].tags[index], bits: other.columns[column].bits[index])
            }
        }
        for mask in masks.indices { masks[mask].append(other.masks[mask][index]) }
    }
}
