internal import SiltBytes
internal import SiltFormat
package import SiltIO
package import SiltModel
internal import SiltStream
package import SiltTable

/// Runs a job over bounded input: reads blocks, decodes, computes windows, and commits rows and checkpoint together.
///
/// 1. A block is read behind what was left of the one before, and its whole records are decoded into slots, while
///    those before it are processed.
/// 2. The pipeline turns them into rows of windows that fired, late events and bad records.
/// 3. Every so many bytes or milliseconds one write batch holds those and the checkpoint: the position of the next
///    record, the open windows, the counters. A job that is killed goes on from the last one; its table ends up byte for
///    byte as if it had never been killed.
package struct JobRunner {
    /// How a run goes about it; results do not depend on these.
    package struct Options: Sendable {
        /// How much is read at once, in bytes; what is made of it should fit the processor's caches.
        package var blockBytes = 128 << 10
        /// Whether a worker decodes the next blocks of files meanwhile.
        package var readsAhead = true
        /// A checkpoint is made after so much input, in bytes; more when the open windows are large.
        package var checkpointBytes = 64 << 20
        /// A checkpoint is made after so long, in milliseconds.
        package var checkpointMilliseconds: Int64 = 5000
        /// Rows are written ahead of the checkpoint beyond this, in bytes, or beyond `aheadBytesMax`; and a checkpoint is made once
        /// so much waits for sinks.
        package var pendingBytesMax = 16 << 20
        /// A batch of rows should fit the processor's caches, like a block.
        fileprivate static let aheadBytesMax = 1 << 20
        /// Whether to forget an earlier checkpoint and begin again.
        package var isFresh = false
        /// Whether a changed definition goes on with the open windows of the old one where it can.
        package var takesChanges = false
        /// Asked when the run is cancelled: whether every open window is to be written then, and the job to end.
        package var drains: (@Sendable () -> Bool)?
        /// Makes what brings rows to the sinks of the job, one for each.
        package var makeSinks: @Sendable () throws(SiltstoneError) -> [any RowSink] = { [] }
        /// The durability of commits; `nil` is that of the tables.
        package var durability: Durability?
        /// Called when a checkpoint has put alerts into the outbox.
        package var didQueueAlerts: (@Sendable () -> Void)?

        /// The defaults.
        package init() {}
    }

    private let store: TableStore
    private let job: JobDefinition
    private let input: JobInput
    private let options: Options
    private let clock: any Clock

    /// A run of a job over an input, into the tables of a store.
    package init(
        store: TableStore, job: JobDefinition, input: JobInput, clock: any Clock,
        options: Options = Options()
    ) {
        self.store = store
        self.job = job
        self.input = input
        self.clock = clock
        self.options = options
    }

    /// The kept summary of a job; `nil` when it never ran.
    package static func summary(of job: String, in store: TableStore) throws(SiltstoneError)
        -> JobSummary?
    {
        guard let checkpoint = try JobCheckpoint.read(job, from: JobTables.jobs(in: store)) else {
            return nil
        }
        var summary = checkpoint.summary
        summary.outcome = checkpoint.isComplete ? .completed : .stopped
        return summary
    }

    /// The number of a job's newest checkpoint; 0 when it never made one.
    package static func checkpointNumber(of job: String, in store: TableStore)
        throws(SiltstoneError) -> UInt64
    {
        try JobCheckpoint.read(job, from: JobTables.jobs(in: store))?.number ?? 0
    }

    /// Runs until the input ends, `isCancelled` says so, or something fails.
    ///
    /// On return everything up to the last checkpoint is durable. Disk I/O: reads the input once; one write batch a
    /// checkpoint.
    ///
    /// - Parameters:
    ///   - progress: called after every block.
    ///   - isCancelled: asked before every block.
    /// - Throws: `conflict` when the job has a checkpoint of another definition or its input has changed;
    ///   `invalidArgument` for input of another kind than the job says; errors of reading and of the store.
    package func run(
        progress: ((JobSummary) -> Void)? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(SiltstoneError) -> JobSummary {
        let pipeline = try JobPipeline(job)
        let tables = try JobTables(job, in: store, keepsStates: pipeline.windows.givesStates)
        var run = RunState(
            pipeline: pipeline, job: job, options: options, store: store, tables: tables,
            delivery: try SinkDelivery(job, options.makeSinks, store: store, clock: clock))
        var reader = BlockReader(
            job, plan: pipeline.plan, input: input, blockBytes: options.blockBytes)
        // What an earlier run left comes first.
        try run.committer.deliver(isCancelled: isCancelled)
        let hash = JobCheckpoint.hash(job)
        let stored = try JobCheckpoint.read(job.checkpointName, from: tables.jobs)
        if let stored { try restoreAlerts(&run, stored) }
        if var stored, !options.isFresh {
            try stored.adopt(job, takesChanges: options.takesChanges, from: tables.jobs)
            if stored.isComplete { return try finishedBefore(stored) }
            try resume(&run, &reader, stored)
        } else {
            // What a backfill makes of them, it writes anew.
            if stored != nil, job.backfill == nil, let states = tables.states {
                try JobCommitter.clearStates(job.name, table: states)
            }
            run.checkpoint.number = stored?.number ?? 0
            run.checkpoint.partCount = stored?.partCount ?? 0
            run.checkpoint.definitionHash = hash
            try reader.begin()
        }
        run.block.next = reader.place
        let workers = options.readsAhead && input.isFile ? store.workers : nil
        let blocks = BlocksAhead(
            reader, plan: pipeline.plan, blockBytes: options.blockBytes, workers: workers)
        defer { blocks.stop() }
        return try loop(&run, blocks, progress, isCancelled)
    }

    private func finishedBefore(_ stored: JobCheckpoint) throws(SiltstoneError) -> JobSummary {
        // Input without end was drained, and goes on without this job.
        var isSame = input.isUnbounded
        if !isSame, input.kind == stored.kind { isSame = try input.isSame(as: stored.position) }
        guard input.kind == stored.kind, isSame else {
            throw SiltstoneError(
                .conflict,
                "job has completed, and its input is another now; run it with --fresh to begin again job=\(job.name)"
            )
        }
        var summary = stored.summary
        summary.outcome = .alreadyCompleted
        return summary
    }

    private func resume(
        _ run: inout RunState, _ reader: inout BlockReader, _ stored: JobCheckpoint
    ) throws(SiltstoneError) {
        guard input.kind == stored.kind else {
            throw SiltstoneError(
                .conflict,
                "job's checkpoint is of another kind of input; run it with --fresh to begin again job=\(job.name) input=\(input.kind) checkpoint=\(stored.kind)"
            )
        }
        do {
            try run.pipeline.restore(maxTime: stored.maxTime, state: stored.state)
        } catch {
            throw SiltstoneError(
                .corrupted, "job's open windows cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
        try reader.resume(at: stored.position, header: stored.header, job: job.name)
        run.checkpoint = stored
        run.pipeline.summary = stored.summary
        run.pipeline.summary.outcome = .running
        run.pipeline.summary.isResumed = true
        run.stateBytes = stored.state.count
    }

    private func restoreAlerts(
        _ run: inout RunState, _ stored: JobCheckpoint
    ) throws(SiltstoneError) {
        if job.alerts.isEmpty, !stored.alerts.isEmpty {
            try AlertTables(in: store).removeStale(run.alerts)
        }
        do {
            try run.alerts.restore(stored.alerts, isFresh: options.isFresh)
        } catch {
            throw SiltstoneError(
                .corrupted, "state of the job's alerts cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
    }

    private func loop(
        _ run: inout RunState, _ blocks: BlocksAhead, _ progress: ((JobSummary) -> Void)?,
        _ isCancelled: (() -> Bool)?
    ) throws(SiltstoneError) -> JobSummary {
        run.lastCommit = clock.nowMilliseconds
        run.early = EarlyResults(job, now: clock.nowMilliseconds)
        if let alerts = run.committer.alertTables { try alerts.removeStale(run.alerts) }
        var hasWaited = false
        while true {
            if isCancelled?() == true {
                if options.drains?() == true { break }
                if run.block.next.isBetweenRecords { try commit(&run, isComplete: false) }
                run.pipeline.summary.outcome = .stopped
                return run.pipeline.summary
            }
            if input.isUnbounded, !input.hasMore() {
                // What waits for the next checkpoint should not wait for the next event.
                let isNews = run.bytesSinceCommit > 0 || isEarlyDue(run)
                if hasWaited, isNews, run.block.next.isBetweenRecords {
                    try commit(&run, isComplete: false)
                    try run.committer.deliver(isCancelled: isCancelled)
                    progress?(run.pipeline.summary)
                }
                hasWaited = true
                input.waitForMore()
                continue
            }
            hasWaited = false
            try blocks.next(&run.block)
            try process(&run)
            progress?(run.pipeline.summary)
            if run.block.isLast { break }
            let interval = max(options.checkpointBytes, run.stateBytes * 4)
            let isDue =
                run.bytesSinceCommit >= interval
                || run.committer.outboxBytes >= options.pendingBytesMax
                || clock.nowMilliseconds - run.lastCommit >= options.checkpointMilliseconds
                || isEarlyDue(run)
            if isDue, run.block.next.isBetweenRecords {
                try commit(&run, isComplete: false)
                try run.committer.deliver(isCancelled: isCancelled)
            }
        }
        run.pipeline.finish(into: &run.output)
        try run.hand(source: run.block.file)
        try commit(&run, isComplete: true)
        try run.committer.deliver(isCancelled: isCancelled)
        run.pipeline.summary.outcome = .completed
        progress?(run.pipeline.summary)
        return run.pipeline.summary
    }

    private func process(_ run: inout RunState) throws(SiltstoneError) {
        run.bytesSinceCommit += run.block.readCount
        if let limit = job.time.maxFutureMilliseconds {
            let latest = clock.nowMilliseconds.addingReportingOverflow(limit)
            run.pipeline.latestAllowed = latest.overflow ? .max : latest.partialValue
        }
        run.pipeline.process(
            &run.block.records, streamBase: run.block.streamBase, fileBase: run.block.fileBase,
            into: &run.output)
        try run.hand(source: run.block.file)
        run.pipeline.summary.bytes = Int64(run.block.decodedCount)
    }

    private func isEarlyDue(_ run: RunState) -> Bool {
        run.early.isDue(run.pipeline.summary, now: clock.nowMilliseconds)
    }

    private func commit(_ run: inout RunState, isComplete: Bool) throws(SiltstoneError) {
        if !isComplete {
            try run.early.give(
                &run.pipeline, to: &run.committer, now: clock.nowMilliseconds)
        }
        run.checkpoint.number += 1
        run.checkpoint.isComplete = isComplete
        run.checkpoint.kind = input.kind
        run.checkpoint.position = run.block.next.position
        run.checkpoint.header = run.block.next.header
        run.checkpoint.maxTime = run.pipeline.maxTime
        run.checkpoint.state = isComplete ? [] : run.pipeline.windows.encodeState()
        run.checkpoint.alerts = job.alerts.isEmpty ? [] : run.alerts.encodeState()
        run.pipeline.summary.checkpoints += 1
        run.checkpoint.summary = run.pipeline.summary
        run.checkpoint.summary.outcome = isComplete ? .completed : .running
        run.stateBytes = run.checkpoint.state.count
        let mutation = run.checkpoint.mutation(job, now: clock.nowMilliseconds)
        try run.committer.commit(mutation, number: run.checkpoint.number, run.alerts)
        if !run.alerts.transitions.isEmpty { options.didQueueAlerts?() }
        run.alerts.removeNews()
        run.bytesSinceCommit = 0
        run.lastCommit = clock.nowMilliseconds
    }
}

/// What changes while a job runs.
private struct RunState {
    var pipeline: JobPipeline
    var block: DecodedBlock
    var output: PipelineOutput
    var committer: JobCommitter
    var alerts: AlertEvaluator
    var early: EarlyResults
    var checkpoint = JobCheckpoint()
    var bytesSinceCommit = 0
    var lastCommit: Int64 = 0
    /// The size of the open windows at the last checkpoint.
    var stateBytes = 0

    init(
        pipeline: JobPipeline, job: JobDefinition, options: JobRunner.Options, store: TableStore,
        tables: JobTables, delivery: SinkDelivery?
    ) {
        self.pipeline = pipeline
        early = EarlyResults(job, now: 0)
        let plan = pipeline.plan
        block = DecodedBlock(plan)
        output = pipeline.makeOutput()
        committer = JobCommitter(
            job, plan: plan, store: store, tables: tables, durability: options.durability,
            pendingBytesMax: min(options.pendingBytesMax, JobRunner.Options.aheadBytesMax),
            delivery: delivery)
        alerts = AlertEvaluator(
            job, lateness: pipeline.windows.watermarkSpec.allowedLatenessMilliseconds,
            keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
    }

    /// Hands the pipeline's output to the committer.
    mutating func hand(source: String) throws(SiltstoneError) {
        alerts.take(output.windows, watermark: pipeline.windows.watermark)
        try committer.take(
            &output, source: source, summary: &pipeline.summary, keys: pipeline.windows.keys)
    }
}
