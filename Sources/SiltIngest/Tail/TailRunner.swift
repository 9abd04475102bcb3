internal import SiltBytes
internal import SiltFormat
package import SiltIO
package import SiltModel
internal import SiltStream
package import SiltTable

/// Runs a job over files that grow, are rotated, cut, and followed by others, until it is asked to stop.
///
/// 1. The directory is looked at every so often; new files, names and sizes are noted.
/// 2. A block is read of the file whose events are furthest behind, and its whole records go through the pipeline as
///    events of the file's chain. What is left of a last line waits for its newline.
/// 3. A chain without events for long does not hold the others' windows back.
/// 4. Rows, open windows and how far every file was read are committed as one batch.
package struct TailRunner {
    /// What checkpoints call this kind of source.
    static let kind = "tail"
    /// A chain counts as idle after so long when the job does not say, in milliseconds.
    private static let defaultIdleMilliseconds: Int64 = 30_000

    /// How files are looked at; results do not depend on it.
    package struct Habits: Sendable {
        /// How long to wait when there is nothing to read, in milliseconds.
        package var pollMilliseconds: Int64 = 250
        /// A file that was left alone for so long is closed, and forgotten when it has lost its name, in milliseconds.
        package var settleMilliseconds: Int64 = 60_000
        /// Whether the last line of a file that was left alone for so long counts without its newline.
        package var endsSettled = false

        /// The defaults.
        package init() {}
    }

    private let store: TableStore
    private let job: JobDefinition
    private let pattern: String
    private let files: any InputFiles
    private let clock: any Clock
    private let options: JobRunner.Options
    private let habits: Habits

    /// A run of a job over the files that a pattern means, into the tables of a store.
    package init(
        store: TableStore, job: JobDefinition, pattern: String, files: any InputFiles,
        clock: any Clock, options: JobRunner.Options = .init(), habits: Habits = Habits()
    ) {
        self.store = store
        self.job = job
        self.pattern = pattern
        self.files = files
        self.clock = clock
        self.options = options
        self.habits = habits
    }

    /// Runs until `isCancelled` says so or something fails.
    ///
    /// On return everything that was read is durable. Windows that are open stay so.
    ///
    /// - Parameters:
    ///   - progress: called after every block.
    ///   - isCancelled: asked before every block, and while nothing comes.
    /// - Throws: `conflict` when the job has a checkpoint of another definition or kind of source; errors of reading and
    ///   of the store.
    package func run(
        progress: ((JobSummary) -> Void)? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(SiltstoneError) -> JobSummary {
        var state = try begin()
        // What an earlier run left comes first.
        try state.committer.deliver(isCancelled: isCancelled)
        if state.checkpoint.isComplete {
            state.pipeline.summary.outcome = .alreadyCompleted
            return state.pipeline.summary
        }
        while isCancelled?() != true {
            let now = TailMoment(clock)
            if now.monotonic - state.lastLook >= habits.pollMilliseconds { try look(&state, now) }
            if let index = state.files.next() {
                try readBlock(&state, index)
                progress?(state.pipeline.summary)
            } else {
                clock.sleep(nanoseconds: UInt64(max(1, habits.pollMilliseconds)) * 1_000_000)
            }
            if isDue(state) {
                try commit(&state)
                try state.committer.deliver(isCancelled: isCancelled)
            }
        }
        if options.drains?() == true {
            state.pipeline.finish(into: &state.output)
            try state.hand(source: "")
            state.checkpoint.isComplete = true
            try commit(&state)
            try state.committer.deliver(isCancelled: nil)
            state.pipeline.summary.outcome = .completed
            return state.pipeline.summary
        }
        if state.isDirty { try commit(&state) }
        state.pipeline.summary.outcome = .stopped
        return state.pipeline.summary
    }

    private func begin() throws(SiltstoneError) -> State {
        let pipeline = try JobPipeline(job)
        let tables = try JobTables(job, in: store, keepsStates: pipeline.windows.givesStates)
        var state = State(
            job, pipeline: pipeline,
            files: TailedFiles(
                pattern: pattern, source: files, settleMilliseconds: habits.settleMilliseconds),
            committer: JobCommitter(
                job, plan: pipeline.plan, store: store, tables: tables,
                // What is read next depends on what comes: rows may not go ahead of their checkpoint.
                durability: options.durability, pendingBytesMax: .max,
                delivery: try SinkDelivery(job, options.makeSinks, store: store, clock: clock)))
        let hash = JobCheckpoint.hash(job)
        let stored = try JobCheckpoint.read(job.name, from: tables.jobs)
        if let stored {
            if job.alerts.isEmpty, !stored.alerts.isEmpty {
                try AlertTables(in: store).removeStale(state.alerts)
            }
            do {
                try state.alerts.restore(stored.alerts, isFresh: options.isFresh)
            } catch {
                throw SiltstoneError(
                    .corrupted,
                    "state of the job's alerts cannot be read: \(error) job=\(job.name)",
                    at: .init(file: JobTables.jobsName))
            }
        }
        if let alerts = state.committer.alertTables { try alerts.removeStale(state.alerts) }
        if var stored, !options.isFresh {
            try stored.adopt(job, takesChanges: options.takesChanges, from: tables.jobs)
            try resume(&state, stored)
        } else {
            if stored != nil, let states = tables.states {
                try JobCommitter.clearStates(job.name, table: states)
            }
            state.checkpoint.number = stored?.number ?? 0
            state.checkpoint.partCount = stored?.partCount ?? 0
            state.checkpoint.definitionHash = hash
            // Files make partitions of their own.
            state.pipeline.windows.removePartition(0, into: &state.output.windows)
        }
        state.lastCommit = clock.nowMilliseconds
        state.early = EarlyResults(job, now: clock.nowMilliseconds)
        return state
    }

    private func resume(_ state: inout State, _ stored: JobCheckpoint) throws(SiltstoneError) {
        guard stored.kind == Self.kind else {
            throw SiltstoneError(
                .conflict,
                "job's checkpoint is of another kind of input; run it with --fresh to begin again job=\(job.name) input=\(Self.kind) checkpoint=\(stored.kind)"
            )
        }
        if stored.isComplete {
            state.checkpoint = stored
            state.pipeline.summary = stored.summary
            return
        }
        do {
            try state.pipeline.restore(maxTime: stored.maxTime, state: stored.state)
            try state.files.restore(stored.tailed, now: TailMoment(clock))
        } catch {
            throw SiltstoneError(
                .corrupted, "job's checkpoint cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
        state.checkpoint = stored
        state.pipeline.summary = stored.summary
        state.pipeline.summary.outcome = .running
        state.pipeline.summary.isResumed = true
        state.stateBytes = stored.state.count
    }

    private func look(_ state: inout State, _ now: TailMoment) throws(SiltstoneError) {
        try state.files.look(now: now)
        state.lastLook = now.monotonic
        noteChains(&state)
        state.files.lookAgain(now: now, endsSettled: habits.endsSettled)
        state.files.closeSettled(now: now)
        try retireIdle(&state, now)
    }

    private func noteChains(_ state: inout State) {
        let (new, gone) = state.files.takeChanges()
        for chain in new { state.pipeline.windows.addPartition(chain) }
        for chain in gone { retire(chain, &state) }
    }

    /// Lets a chain hold the watermark back no longer.
    private func retire(_ chain: UInt32, _ state: inout State) {
        state.pipeline.windows.removePartition(chain, into: &state.output.windows)
        state.pipeline.noteWatermark()
    }

    private var idleMilliseconds: Int64 {
        job.time.idleMilliseconds ?? Self.defaultIdleMilliseconds
    }

    /// Chains without events for long must not hold back their windows while others go on.
    private func retireIdle(_ state: inout State, _ now: TailMoment) throws(SiltstoneError) {
        let foremost = state.files.foremostChain
        let finished = state.files.finishedChains
        for chain in state.files.chains.values.sorted(by: { $0.id < $1.id })
        where chain.isActive && chain.id != foremost
            && (now.monotonic - chain.lastMilliseconds >= idleMilliseconds
                || finished.contains(chain.id))
        {
            state.files.chains[chain.id]?.isActive = false
            retire(chain.id, &state)
        }
        try state.hand(source: "")
    }

    // MARK: - Reading

    private func readBlock(_ state: inout State, _ index: Int) throws(SiltstoneError) {
        let now = TailMoment(clock)
        let count = max(options.blockBytes, state.files.files[index].wantedBytes)
        let refusal = try state.files.files[index].read(count, into: &state.block, files: files)
        switch refusal {
        case nil: break
        case .end:
            try finishIfOver(&state, index, now)
            return
        case .gone:
            state.files.files[index].noteAway()
            return
        case .changed:
            try state.files.noteCut(index, now: now)
            noteChains(&state)
            return
        case .damaged(let reason):
            try reject(&state, index, reason)
            try retireIfOver(&state, index, now)
            return
        }
        let isOver =
            state.files.files[index].isAtEnd(read: state.block)
            && state.files.isOver(index, now: now, endsSettled: habits.endsSettled)
        try take(&state, index, isFinal: isOver, now)
    }

    /// A file that nobody goes on writing has nothing more to give, once its last line is taken.
    private func finishIfOver(_ state: inout State, _ index: Int, _ now: TailMoment)
        throws(SiltstoneError)
    {
        state.files.files[index].noteEnd()
        if state.files.isOver(index, now: now, endsSettled: habits.endsSettled) {
            state.files.files[index].isFinished = true
            state.files.isDirty = true
        }
        try retireIfOver(&state, index, now)
    }

    /// Lets a chain hold nothing back of which nothing is to come.
    private func retireIfOver(_ state: inout State, _ index: Int, _ now: TailMoment)
        throws(SiltstoneError)
    {
        guard let chain = state.files.files[index].chain, chain != state.files.foremostChain else {
            return
        }
        // A file that was old when it was found has nothing to wait for.
        let isOld = now.monotonic - state.files.files[index].changedAt >= idleMilliseconds
        let hasMore = state.files.files.contains { $0.chain == chain && $0.mayHaveMore }
        if isOld && !hasMore || state.files.finishedChains.contains(chain) {
            state.files.chains[chain]?.isActive = false
            retire(chain, &state)
            try state.hand(source: "")
        }
    }

    /// Takes the whole records of the block that was read; with `isFinal`, all of them.
    private func take(_ state: inout State, _ index: Int, isFinal: Bool, _ now: TailMoment)
        throws(SiltstoneError)
    {
        guard let id = state.files.files[index].chain, var chain = state.files.chains[id] else {
            return
        }
        let file = state.files.files[index]
        let known = file.mark.count
        let source = chain.source(file.generation)
        var decoder = try makeDecoder(for: file, state.pipeline.plan)
        state.files.files[index].decoder = nil
        state.records.beginBlock(keeping: state.records.restStart)
        let start = state.records.blockStart
        state.records.texts.bytes.append(contentsOf: state.block[known...])
        let end = state.records.texts.bytes.count
        if file.mark.offset == 0, state.block[known...].starts(with: [0xef, 0xbb, 0xbf]) {
            state.records.restStart = start + 3
        }
        if let limit = job.time.maxFutureMilliseconds {
            let latest = now.time.addingReportingOverflow(limit)
            state.pipeline.latestAllowed = latest.overflow ? .max : latest.partialValue
        }
        try decoder.decode(&state.records, end: end, isFinal: isFinal, file: source)
        state.pipeline.select(id, maxTime: chain.maxTime)
        state.pipeline.process(
            &state.records, streamBase: chain.position - start,
            fileBase: file.mark.offset - start, into: &state.output)
        try state.hand(source: source)
        let taken = min(state.records.restStart, end) - start
        chain.maxTime = state.pipeline.maxTime
        chain.position += taken
        chain.lastMilliseconds = now.monotonic
        chain.isActive = true
        state.files.chains[id] = chain
        state.files.files[index].note(decoder)
        state.pipeline.summary.bytes += Int64(taken)
        state.bytesSinceCommit += taken
        if taken > 0 {
            state.files.files[index].take(taken, of: state.block)
        } else if file.isAtEnd(read: state.block) {
            state.files.files[index].noteEnd()
        } else {
            // A record that is longer than what was read.
            state.files.files[index].wantedBytes = 2 * (state.block.count - known)
        }
        if isFinal { state.files.files[index].isFinished = true }
    }

    private func makeDecoder(for file: TailedFile, _ plan: JobPlan) throws(SiltstoneError)
        -> RecordDecoder
    {
        if let decoder = file.decoder { return decoder }
        var decoder = RecordDecoder(
            job.format, paths: plan.fields.paths, nullTexts: job.nullTexts, columns: job.columns,
            numberSlots: plan.numberSlots, pattern: job.pattern)
        try decoder.beginFile(file.name, header: file.header)
        if file.isSkippingLine { decoder.skipLine() }
        return decoder
    }

    /// A file that cannot be unpacked costs only itself.
    private func reject(_ state: inout State, _ index: Int, _ reason: String)
        throws(SiltstoneError)
    {
        let file = state.files.files[index]
        let chain = file.chain.flatMap { state.files.chains[$0] }
        state.pipeline.summary.bad += 1
        if state.pipeline.summary.firstBad == nil {
            state.pipeline.summary.firstBad = "file=\(file.name) \(reason)"
        }
        if job.badRecordTable != nil {
            state.output.bad.append(
                RejectedRecord(
                    offset: file.mark.offset, raw: [], reason: reason,
                    timestamp: max(0, state.pipeline.maxTime)))
        }
        try state.hand(source: chain?.source(file.generation) ?? file.name)
        state.files.files[index].noteEnd()
        state.files.files[index].isFinished = true
        state.files.isDirty = true
    }

    // MARK: - Checkpoints

    private func isDue(_ state: State) -> Bool {
        if state.early.isDue(state.pipeline.summary, now: clock.nowMilliseconds) { return true }
        guard state.isDirty else { return false }
        return state.bytesSinceCommit >= max(options.checkpointBytes, state.stateBytes * 4)
            || state.committer.pendingBytes + state.committer.outboxBytes
                >= options.pendingBytesMax
            || clock.nowMilliseconds - state.lastCommit >= options.checkpointMilliseconds
    }

    private func commit(_ state: inout State) throws(SiltstoneError) {
        if !state.checkpoint.isComplete {
            try state.early.give(
                &state.pipeline, to: &state.committer, now: clock.nowMilliseconds)
        }
        state.checkpoint.number += 1
        state.checkpoint.kind = Self.kind
        state.checkpoint.tailed = state.files.encoded
        state.checkpoint.maxTime = state.pipeline.maxTime
        state.checkpoint.state =
            state.checkpoint.isComplete ? [] : state.pipeline.windows.encodeState()
        state.pipeline.summary.checkpoints += 1
        state.checkpoint.summary = state.pipeline.summary
        state.stateBytes = state.checkpoint.state.count
        state.checkpoint.alerts = job.alerts.isEmpty ? [] : state.alerts.encodeState()
        let mutation = state.checkpoint.mutation(job, now: clock.nowMilliseconds)
        try state.committer.commit(mutation, number: state.checkpoint.number, state.alerts)
        if !state.alerts.transitions.isEmpty { options.didQueueAlerts?() }
        state.alerts.removeNews()
        state.bytesSinceCommit = 0
        state.files.isDirty = false
        state.lastCommit = clock.nowMilliseconds
    }

    /// What changes while a job runs.
    private struct State {
        var pipeline: JobPipeline
        var files: TailedFiles
        var committer: JobCommitter
        var alerts: AlertEvaluator
        var records: RecordBatch
        var output: PipelineOutput
        var early: EarlyResults
        var checkpoint = JobCheckpoint()
        /// What was read of a file last.
        var block: [UInt8] = []
        var bytesSinceCommit = 0
        var lastCommit: Int64 = 0
        var lastLook = Int64.min / 2
        /// The size of the open windows at the last checkpoint.
        var stateBytes = 0

        init(
            _ job: JobDefinition, pipeline: JobPipeline, files: TailedFiles,
            committer: JobCommitter
        ) {
            alerts = AlertEvaluator(
                job, lateness: pipeline.windows.watermarkSpec.allowedLatenessMilliseconds,
                keepsKeyFieldsApart: pipeline.plan.keepsKeyFieldsApart)
            self.pipeline = pipeline
            early = EarlyResults(job, now: 0)
            self.files = files
            self.committer = committer
            records = RecordBatch(
                literals: pipeline.plan.literals, slotCount: pipeline.plan.fields.slotCount)
            output = pipeline.makeOutput()
        }

        /// Whether a checkpoint would hold something new.
        var isDirty: Bool {
            bytesSinceCommit > 0 || files.isDirty || committer.pendingBytes > 0
        }

        /// Hands the pipeline's output to the committer.
        mutating func hand(source: String) throws(SiltstoneError) {
            alerts.take(output.windows, watermark: pipeline.windows.watermark)
            try committer.take(
                &output, source: source, summary: &pipeline.summary, keys: pipeline.windows.keys)
        }
    }
}

extension TailedFiles.Chain {
    /// What the records of one of its files are named by: offsets are unique within.
    func source(_ generation: Int) -> String {
        generation == 0 ? name : "\(name)~\(generation)"
    }
}
