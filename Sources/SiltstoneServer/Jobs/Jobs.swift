import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// The jobs that the server runs.
///
/// Lock order: `change`, then `jobs`.
final class Jobs: Sendable {
    let store: TableStore
    private let streams: Streams
    private let filesDirectory: String?
    private let alerts: AlertService
    private let allowsReceiver: @Sendable (WebhookURL) -> Bool
    private let jobs = Mutex<[String: RunningJob]>([:])
    /// The partitions of jobs that other processes run.
    let partitions: SharedPartitions
    /// Held while the set of jobs changes, so that what is stored and what runs agree.
    private let change = Mutex(false)

    init(
        store: TableStore, streams: Streams, filesDirectory: String?, alerts: AlertService,
        allowsReceiver: @escaping @Sendable (WebhookURL) -> Bool
    ) {
        self.store = store
        partitions = SharedPartitions(store: store, alerts: alerts) {
            definition throws(SiltstoneError) in
            try Jobs.checkReceivers(definition, allowsReceiver)
        }
        self.streams = streams
        self.filesDirectory = filesDirectory
        self.alerts = alerts
        self.allowsReceiver = allowsReceiver
    }

    /// The jobs by name.
    var all: [RunningJob] { jobs.withLock { $0.values.sorted { $0.record.name < $1.record.name } } }

    func job(_ name: String) -> RunningJob? { jobs.withLock { $0[name] } }

    /// Starts the jobs that are stored; blocks.
    func resume() throws(SiltstoneError) {
        for record in try JobRecord.all(in: store) {
            do throws(JobDiagnostics) {
                let job = RunningJob(record, try JobRecord.definition(record.document))
                if record.isPaused { _ = keep(job) } else { begin(job) }
            } catch {
                throw error.error
            }
        }
    }

    /// Keeps a job that does not run now.
    func keep(_ job: RunningJob) -> RunningJob {
        jobs.withLock { $0[job.record.name] = job }
        return job
    }

    /// Does something to a job while nobody else does; what `body` gives is the job now.
    func changing(
        _ name: String, _ body: (RunningJob) throws(SiltstoneError) -> RunningJob
    ) throws(SiltstoneError) -> RunningJob {
        try change.withLock { isEnding throws(SiltstoneError) in
            guard !isEnding else { throw SiltstoneError(.closed, "server is ending") }
            guard let job = job(name) else {
                throw SiltstoneError(.notFound, "no such job job=\(name)")
            }
            guard job.definition.backfill == nil else {
                throw SiltstoneError(
                    .conflict, "a backfill is only removed, or asked for again job=\(name)")
            }
            return try body(job)
        }
    }

    func begin(_ job: RunningJob) {
        jobs.withLock { $0[job.record.name] = job }
        job.start(
            store: store, streams: streams, filesDirectory: filesDirectory, alerts: alerts)
    }

    /// Stores and starts a job; blocks.
    ///
    /// With `replaces`, a changed definition takes the place of the one that is there.
    ///
    /// - Returns: the job, and whether it is new. One that is there with the same file, or one that differs in alerts,
    ///   report and tests only, goes on, or starts again when it failed or was stopped.
    func put(_ definition: JobDefinition, document: [UInt8], replaces: Bool = false)
        throws(SiltstoneError) -> (RunningJob, isNew: Bool)
    {
        try check(definition)
        return try change.withLock { isEnding throws(SiltstoneError) in
            guard !isEnding else { throw SiltstoneError(.closed, "server is ending") }
            if let job = job(definition.name) {
                guard job.definition.canonicalText == definition.canonicalText,
                    job.definition.source == definition.source
                else {
                    if replaces {
                        return (try replace(job, definition, document: document), false)
                    }
                    throw SiltstoneError(
                        .conflict,
                        "a job of that name has another definition; replace or delete it job=\(definition.name)"
                    )
                }
                let state = job.currentStatus.state
                let isSame = job.record.document == document
                guard state == .failed || state == .stopped || !isSame else { return (job, false) }
                // Alerts, reports and tests can change while a job goes on from its checkpoint.
                job.cancel()
                job.waitUntilEnded()
                var record = job.record
                if !isSame {
                    record = JobRecord(
                        name: record.name, document: document, startsAfter: record.startsAfter,
                        isPaused: record.isPaused)
                    try record.store(in: store)
                }
                let again = RunningJob(record, definition)
                if record.isPaused { return (keep(again), false) }
                begin(again)
                return (again, false)
            }
            let record = JobRecord(
                name: definition.name, document: document,
                startsAfter: try JobRunner.checkpointNumber(of: definition.name, in: store))
            try record.store(in: store)
            let job = RunningJob(record, definition)
            begin(job)
            return (job, true)
        }
    }

    /// Stops a job at a checkpoint and forgets its file; the rows that it wrote stay.
    ///
    /// Blocks.
    func remove(_ name: String) throws(SiltstoneError) {
        try change.withLock { _ throws(SiltstoneError) in
            guard let job = job(name) else {
                throw SiltstoneError(.notFound, "no such job job=\(name)")
            }
            job.cancel()
            job.waitUntilEnded()
            try job.record.remove(from: store)
            jobs.withLock { $0[name] = nil }
        }
    }

    /// Stops all jobs at a checkpoint; they go on when the server starts again.
    ///
    /// Blocks.
    func stopAll() {
        change.withLock { $0 = true }
        let all = all
        for job in all { job.cancel() }
        for job in all { job.waitUntilEnded() }
    }

    /// A request may not make the server post anywhere.
    private static func checkReceivers(
        _ definition: JobDefinition, _ allows: (WebhookURL) -> Bool
    ) throws(SiltstoneError) {
        for case .webhook(let url) in definition.alerts.flatMap(\.destinations) {
            guard let parsed = WebhookURL(url), allows(parsed) else {
                throw SiltstoneError(
                    .invalidArgument,
                    "this server posts alerts only to the receivers that --allow-webhook names webhook=\(url)"
                )
            }
        }
    }

    /// A request may not make the server read any file but those of its directory, nor post anywhere.
    private func check(_ definition: JobDefinition) throws(SiltstoneError) {
        try Jobs.checkReceivers(definition, allowsReceiver)
        guard definition.sinks.isEmpty else {
            throw SiltstoneError(
                .invalidArgument,
                "the server writes to no other systems itself: `silt job run` does, for jobs with sinks"
            )
        }
        switch definition.source {
        case .http:
            guard definition.format == .ndjson else {
                throw SiltstoneError(.invalidArgument, "the events of a stream are ndjson")
            }
        case .generator: break
        case .kafka: throw RunningJob.noKafka
        case .webhdfs: throw RunningJob.noWebHDFS
        case .standardInput:
            throw SiltstoneError(.invalidArgument, "a job of the server cannot read stdin")
        case .file(let path):
            guard filesDirectory != nil else { throw RunningJob.noFiles }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
                !path.utf8.contains(0)
            else {
                throw SiltstoneError(
                    .invalidArgument,
                    "a file's path is relative to the server's directory for jobs, without . and .. path=\(path)"
                )
            }
        }
    }
}
