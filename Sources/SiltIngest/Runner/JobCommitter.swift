internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import SiltStream
internal import SiltTable

/// Collects the changes that belong to a checkpoint and writes them with it as one batch.
///
/// When they grow large, rows go ahead of the checkpoint: they depend on the input only, so a job that is killed in
/// between writes the same bytes again. Merges of late events always go with the checkpoint.
struct JobCommitter {
    private let store: TableStore
    private let tables: JobTables
    private let job: JobDefinition
    private let writer: RowWriter
    private let aggregates: [AggregateSpec]
    private let durability: Durability?
    /// Rows of windows, which go before `pending`: once that has rows of their table, they follow them there.
    private var rows: EncodedRows
    private var holdsTargetRows = false
    /// The states of `rows`, likewise.
    private var rowStates: EncodedRows?
    private var holdsStates = false
    private var values = CellValues()
    private var pending: [TableMutation] = []
    /// How much waits for the next checkpoint, in bytes.
    private(set) var pendingBytes = 0
    /// States of window rows that wait or were changed, by their row in the table of states.
    private var states: [Bytes: [UInt8]] = [:]
    /// Whether those of `rowStates` are among them, which are entered once one is asked for.
    private var hasEnteredStates = false
    private var mustWait = false
    private let delivery: SinkDelivery?
    private var outbox = SinkOutbox()
    /// Rows go ahead of the checkpoint beyond this, in bytes.
    private let pendingBytesMax: Int

    init(
        _ job: JobDefinition, plan: JobPlan, store: TableStore, tables: JobTables,
        durability: Durability?, pendingBytesMax: Int, delivery: SinkDelivery? = nil
    ) {
        self.delivery = delivery
        self.store = store
        self.tables = tables
        self.job = job
        self.durability = durability
        self.pendingBytesMax = pendingBytesMax
        aggregates = plan.aggregates
        writer = RowWriter(job, keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
        rows = EncodedRows(tables.target, columns: writer.valueColumns)
        rowStates = tables.states.map { EncodedRows($0, columns: ["s"]) }
    }

    /// Takes what the pipeline gave, and empties it.
    mutating func take(
        _ output: inout PipelineOutput, source: String, summary: inout JobSummary, keys: KeyInterner
    ) throws(SiltstoneError) {
        try takeWindows(output.windows, &summary)
        if let bad = tables.bad {
            for record in output.bad {
                add(bad, RowWriter.mutation(record, job: job.name, source: source))
            }
        }
        if let late = tables.late {
            for record in output.late {
                add(late, RowWriter.mutation(record, job: job.name, source: source))
            }
        }
        if tables.states != nil {
            for index in 0..<output.lateBatch.count {
                let key = keys.bytes(of: output.lateBatch.keyIDs[index])
                try merge(
                    output.lateBatch, index, key: key, watermark: output.lateWatermarks[index],
                    &summary)
            }
        }
        output.windows.removeAll()
        output.bad.removeAll(keepingCapacity: true)
        output.late.removeAll(keepingCapacity: true)
        output.lateBatch.removeAll()
        output.lateWatermarks.removeAll(keepingCapacity: true)
        output.latePartials.removeAll(keepingCapacity: true)
        if pendingBytes > pendingBytesMax, !mustWait { try writeAhead() }
    }

    private mutating func takeWindows(_ output: WindowOutput, _ summary: inout JobSummary)
        throws(SiltstoneError)
    {
        summary.outside += Int64(output.outsideCount)
        if !output.superseded.isEmpty { removeSuperseded(output) }
        var last: WindowText?
        var stateRowStart: [UInt8] = []
        for row in output.rows {
            if let range = job.backfill, !range.holds(start: row.start, end: row.end) { continue }
            let window: WindowText
            if let last, last.isOf(row) {
                window = last
            } else {
                window = writer.text(ofWindowOf: row)
                last = window
                stateRowStart = JobCommitter.stateRowStart(
                    job, row.windowIndex, start: row.start, end: row.end)
            }
            let key = writer.rowKey(key: row.key, in: window)
            try add(row, in: window, key)
            if delivery != nil {
                outbox.add(
                    job, row: key, windowIndex: row.windowIndex, start: row.start,
                    end: row.end, values: row.values, rank: row.rank)
            }
            summary.rows += 1
            if row.revision == 0 { summary.windows += 1 }
            if tables.states != nil, let state = row.state {
                try addState(JobCommitter.stateRow(stateRowStart, key: row.key), state)
            }
            if pendingBytes > pendingBytesMax, !mustWait { try writeAhead() }
        }
    }

    /// Adds the row of a window that fired: encoded at once where its place is before `pending`.
    private mutating func add(
        _ row: WindowRow, in window: WindowText, _ key: Bytes
    ) throws(SiltstoneError) {
        if !holdsTargetRows, writer.write(row, in: window, to: &values),
            try rows.add(
                values, row: key, family: writer.family(row.windowIndex),
                timestamp: RowWriter.timestamp(end: row.end))
        {
            count(values, row: key)
            return
        }
        add(tables.target, writer.mutation(row))
    }

    private mutating func addState(_ row: Bytes, _ state: [UInt8]) throws(SiltstoneError) {
        guard rowStates != nil, !holdsStates else { return try putState(row, state) }
        values.removeAll()
        values.bytes.append(contentsOf: state)
        values.end(column: 0)
        // The server's time stamp: see `putState`.
        guard try rowStates?.add(values, row: row, family: "s", timestamp: nil) == true else {
            return try putState(row, state)
        }
        count(values, row: row)
        hasEnteredStates = false
    }

    /// Counts values as `add` counts changes.
    private mutating func count(_ values: CellValues, row: Bytes) {
        pendingBytes += row.count + 64 + values.count * 168 + values.bytes.count
    }

    /// Takes the rows of windows that are open, which those of the firing replace.
    mutating func takeEarly(_ rows: [WindowRow]) throws(SiltstoneError) {
        for row in rows where job.windows[row.windowIndex].givesEarlyRows {
            add(tables.target, writer.mutation(row, isEarly: true))
            if pendingBytes > pendingBytesMax, !mustWait { try writeAhead() }
        }
    }

    /// Removes session rows that were joined to others.
    private mutating func removeSuperseded(_ output: WindowOutput) {
        for removal in JobCommitter.removals(output, writer) { add(tables.target, removal) }
        guard delivery != nil else { return }
        for row in output.superseded {
            let key = writer.rowKey(
                key: row.key, windowName: row.windowName, start: row.start, end: row.end)
            outbox.addRemoval(
                job, row: key, windowIndex: row.windowIndex, start: row.start, end: row.end)
        }
    }

    /// The removals of session rows that were joined to others.
    ///
    /// One that a later row replaces under the same key and time stamp stays, as a marker would
    /// hide the new cells too.
    static func removals(_ output: WindowOutput, _ writer: RowWriter) -> [RowMutation] {
        func identity(_ windowIndex: Int, _ row: Bytes, _ end: Int64) -> Bytes {
            Bytes(Array("\(windowIndex)/\(end)/".utf8) + row.array)
        }
        var starts: [Bytes: Int64] = [:]
        for row in output.rows {
            starts[identity(row.windowIndex, writer.mutation(row).row, row.end)] = row.start
        }
        return output.superseded.compactMap { row in
            let removal = writer.removal(row)
            let start = starts[identity(row.windowIndex, removal.row, row.end)]
            return start == nil || start == row.start ? removal : nil
        }
    }

    private mutating func add(_ table: StoredTable, _ mutation: RowMutation) {
        pendingBytes += mutation.row.count + 64
        for change in mutation.changes {
            // What a change takes in memory beside its value: several times a small value.
            pendingBytes += change.column.qualifier.count + 160
            if case .put(let value, _) = change.action { pendingBytes += value.count }
        }
        if table === tables.target { holdsTargetRows = true }
        if table === tables.states { holdsStates = true }
        pending.append(TableMutation(table: table, mutation: mutation))
    }

    /// Marks the row of a bad record that counts now.
    mutating func markReplayed(_ row: Bytes, _ column: Column, number: UInt64) {
        guard let table = tables.bad else { return }
        let value = Bytes(String(number))
        add(
            table,
            RowMutation(
                row: row,
                changes: [CellMutation(column, .put(value: value, timeToLiveMilliseconds: nil))]))
    }

    /// Nobody needs to be sure of these rows before the checkpoint that follows, whose commit makes them durable, too.
    private mutating func writeAhead() throws(SiltstoneError) {
        try write(atMost: .syncWAL)
        clear()
    }

    private func write(atMost limit: Durability) throws(SiltstoneError) {
        try store.write(
            [rows] + (rowStates.map { [$0] } ?? []), then: pending, durability: durability,
            atMost: limit)
    }

    /// How much waits for the next checkpoint to go to sinks, in bytes.
    var outboxBytes: Int { outbox.byteCount }

    /// Delivers to the sinks what checkpoints gave.
    func deliver(isCancelled: (() -> Bool)?) throws(SiltstoneError) {
        try delivery?.deliver(isCancelled: isCancelled)
    }

    private mutating func clear() {
        rows.removeAll()
        rowStates?.removeAll()
        (holdsTargetRows, holdsStates) = (false, false)
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
        states.removeAll(keepingCapacity: true)
        hasEnteredStates = false
        mustWait = false
    }

    /// Where the job's alerts go; `nil` when it has none.
    var alertTables: AlertTables? { tables.alerts }

    /// Writes everything, the alerts' news and the checkpoint as one batch.
    mutating func commit(
        _ checkpoint: RowMutation, number: UInt64, _ alerts: AlertEvaluator? = nil
    ) throws(SiltstoneError) {
        if let known = tables.alerts, let alerts {
            pending += known.mutations(alerts, tables.transitions)
        }
        if let delivery { pending += delivery.mutations(outbox, number: number) }
        outbox.removeAll()
        add(tables.jobs, checkpoint)
        try write(atMost: .fsyncWAL)
        clear()
    }
}

// MARK: - Late events

extension JobCommitter {
    /// Merges a late event into the stored rows of the windows that were closed when it came.
    private mutating func merge(
        _ batch: EventBatch, _ index: Int, key: [UInt8], watermark: Int64,
        _ summary: inout JobSummary
    ) throws(SiltstoneError) {
        let timestamp = batch.timestamps[index]
        for (windowIndex, window) in job.windows.enumerated() {
            for (start, end) in WindowBounds.containing(timestamp, window.shape) {
                let closes = (end - 1).addingReportingOverflow(job.time.allowedLatenessMilliseconds)
                guard !closes.overflow, closes.partialValue <= watermark else { continue }
                let row = stateRow(windowIndex, key: key, start: start, end: end)
                var state = try readState(row)
                state.add(batch, index)
                let rowKey = writer.rowKey(
                    key: key, windowName: window.name, start: start, end: end)
                add(
                    tables.target,
                    writer.mutation(
                        rowKey: rowKey, windowIndex: windowIndex, start: start, end: end,
                        values: state.values))
                try putState(row, state.encode())
                if delivery != nil {
                    outbox.add(
                        job, row: rowKey, windowIndex: windowIndex, start: start, end: end,
                        values: state.values, rank: nil)
                }
                mustWait = true
                summary.rows += 1
            }
        }
    }

    private func stateRow(_ windowIndex: Int, key: [UInt8], start: Int64, end: Int64) -> Bytes {
        JobCommitter.stateRow(job, windowIndex, key: key, start: start, end: end)
    }

    /// The row of a window's state in the table of states.
    static func stateRow(
        _ job: JobDefinition, _ windowIndex: Int, key: [UInt8], start: Int64, end: Int64
    ) -> Bytes {
        stateRow(stateRowStart(job, windowIndex, start: start, end: end), key: key)
    }

    /// What the rows of a window's states begin with in the table of states.
    private static func stateRowStart(
        _ job: JobDefinition, _ windowIndex: Int, start: Int64, end: Int64
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        appendStatePrefix(job.name, to: &bytes)
        bytes.append(contentsOf: job.windows[windowIndex].name.utf8)
        bytes.append(0)
        RowTemplate.append(start, .key, to: &bytes)
        RowTemplate.append(end, .key, to: &bytes)
        return bytes
    }

    private static func stateRow(_ rowStart: [UInt8], key: [UInt8]) -> Bytes {
        var bytes: [UInt8] = []
        // A row key has its bound: of a key too long for it, a hash stands for the rest.
        let room = Limits.rowBytesMax - rowStart.count - 16
        bytes.reserveCapacity(rowStart.count + min(key.count, room + 16))
        bytes.append(contentsOf: rowStart)
        if key.count <= room {
            bytes.append(contentsOf: key)
        } else {
            bytes.append(contentsOf: key.prefix(room))
            RowTemplate.append(Int64(bitPattern: Hash64.hash(key)), .key, to: &bytes)
        }
        return Bytes(bytes)
    }

    /// What the rows of a job's states begin with.
    static func statePrefix(_ job: String) -> [UInt8] {
        var bytes: [UInt8] = []
        appendStatePrefix(job, to: &bytes)
        return bytes
    }

    private static func appendStatePrefix(_ job: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: job.utf8)
        bytes.append(0)
    }

    /// Enters the states that were encoded, all of which are older than those that were put.
    private mutating func enterStates() throws(SiltstoneError) {
        if hasEnteredStates { return }
        hasEnteredStates = true
        var entered: [Bytes: [UInt8]] = [:]
        swap(&entered, &states)
        defer { swap(&entered, &states) }
        try rowStates?.forEachChange { row, change in
            if case .put(let value, _) = change.action { entered[row] = value.array }
        }
    }

    private mutating func readState(_ row: Bytes) throws(SiltstoneError) -> AggregateState {
        try enterStates()
        var stored = states[row]
        if stored == nil { stored = try tables.states?.get(row)?.cells.first?.value.array }
        guard let stored else { return AggregateState(aggregates) }
        do {
            return try AggregateState(aggregates, decoding: stored)
        } catch {
            throw SiltstoneError(
                .corrupted, "window's state cannot be read: \(error) row=\(row)",
                at: .init(file: JobTables.statesName))
        }
    }

    private mutating func putState(_ row: Bytes, _ state: [UInt8]) throws(SiltstoneError) {
        guard let table = tables.states else { return }
        try enterStates()
        states[row] = state
        add(
            table,
            RowMutation(
                row: row,
                // The server's time stamp: after `clearStates`, an explicit one would stay masked.
                changes: [
                    CellMutation(
                        Column("s", "s"), .put(value: Bytes(state), timeToLiveMilliseconds: nil))
                ]))
    }

    /// Removes the states of a job that begins again.
    static func clearStates(_ job: String, table: StoredTable) throws(SiltstoneError) {
        let scanner = try table.scan(RowRange(prefix: Bytes(statePrefix(job))))
        var changes: [RowMutation] = []
        while let row = try scanner.next() {
            changes.append(
                RowMutation(
                    row: row.key, changes: [CellMutation(Column("s", "s"), .deleteColumn)]))
            if changes.count >= 10_000 {
                try table.write(changes)
                changes.removeAll(keepingCapacity: true)
            }
        }
        if !changes.isEmpty { try table.write(changes) }
    }
}
