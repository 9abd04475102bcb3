import Foundation
import SiltIO
import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// A job and the thread it runs on.
final class RunningJob: Sendable {
    enum State: String, Sendable { case running, finished, failed, stopped, paused }

    /// What the job has done so far, and how it ended.
    struct Status: Sendable {
        var state = State.running
        var summary: JobSummary?
        var error: SiltstoneError?
    }

    /// How long a job waits before it looks for new events.
    private static let pauseMilliseconds = 20

    let record: JobRecord
    let definition: JobDefinition
    /// How the report that is written now and then stands.
    struct ReportStatus: Sendable {
        var triedMilliseconds: Int64?
        var writtenMilliseconds: Int64?
        var error: String?
    }

    let reportStatus = Mutex(ReportStatus())
    private let status = Mutex(Status())
    private let isCancelled = Atomic(false)
    private let isDraining = Atomic(false)
    /// Whether a backfill begins again.
    private let isFresh: Bool
    private let ended = DispatchGroup()

    init(
        _ record: JobRecord, _ definition: JobDefinition, summary: JobSummary? = nil,
        isFresh: Bool = false
    ) {
        self.isFresh = isFresh
        self.record = record
        self.definition = definition
        status.withLock { status in
            status.summary = summary
            if record.isPaused { status.state = .paused }
        }
    }

    var currentStatus: Status { status.withLock { $0 } }

    /// Begins to run on a thread of its own.
    func start(
        store: TableStore, streams: Streams, filesDirectory: String?, alerts: AlertService
    ) {
        ended.enter()
        let thread = Thread { [self] in
            let outcome: Result<JobSummary, SiltstoneError>
            do throws(SiltstoneError) {
                outcome = .success(try run(store, streams, filesDirectory, alerts))
            } catch {
                outcome = .failure(error)
            }
            status.withLock { status in
                switch outcome {
                case .success(let summary):
                    status.state = summary.outcome == .stopped ? .stopped : .finished
                    status.summary = summary
                case .failure(let error):
                    status.state = .failed
                    status.error = error
                }
            }
            ended.leave()
        }
        thread.name = "job \(record.name)"
        thread.stackSize = 8 << 20
        thread.start()
    }

    private func run(
        _ store: TableStore, _ streams: Streams, _ filesDirectory: String?, _ alerts: AlertService
    ) throws(SiltstoneError) -> JobSummary {
        var options = try options(store)
        options.didQueueAlerts = { alerts.wake() }
        let progress = { (summary: JobSummary) in self.status.withLock { $0.summary = summary } }
        let isCancelled = { self.isCancelled.load(ordering: .relaxed) }
        if definition.tails, definition.backfill == nil, case .file(let path) = definition.source {
            guard let filesDirectory else { throw Self.noFiles }
            return try TailRunner(
                store: store, job: definition, pattern: filesDirectory + "/" + path,
                files: PosixInputFiles(), clock: store.clock, options: options
            ).run(progress: progress, isCancelled: isCancelled)
        }
        let input = try input(streams, filesDirectory)
        return try JobRunner(
            store: store, job: definition, input: input, clock: store.clock, options: options
        ).run(progress: progress, isCancelled: isCancelled)
    }

    private func input(_ streams: Streams, _ filesDirectory: String?) throws(SiltstoneError)
        -> JobInput
    {
        switch definition.source {
        case .http(let stream):
            let log = try streams.open(stream)
            if definition.backfill != nil {
                return try JobInput(path: stream, files: StreamFiles(log), kind: "http")
            }
            let pause = DispatchSemaphore(value: 0)
            return JobInput(log, files: PosixInputFiles()) {
                _ = pause.wait(timeout: .now() + .milliseconds(Self.pauseMilliseconds))
            }
        case .file(let path):
            guard let filesDirectory else { throw Self.noFiles }
            return try JobInput(path: filesDirectory + "/" + path, files: PosixInputFiles())
        case .generator: return try JobInput(definition.source, files: PosixInputFiles())
        case .kafka: throw Self.noKafka
        case .webhdfs: throw Self.noWebHDFS
        case .standardInput:
            throw SiltstoneError(.invalidArgument, "a job of the server cannot read stdin")
        }
    }

    private func options(_ store: TableStore) throws(SiltstoneError) -> JobRunner.Options {
        var options = JobRunner.Options()
        // The stored file was put in the place of an older one only where that can be.
        options.takesChanges = true
        options.drains = { [self] in isDraining.load(ordering: .relaxed) }
        if definition.backfill != nil {
            options.isFresh = isFresh
            return options
        }
        options.isFresh =
            try JobRunner.checkpointNumber(of: record.name, in: store) <= record.startsAfter
        if !options.isFresh {
            let before = try JobRunner.summary(of: record.name, in: store)
            status.withLock { $0.summary = before }
        }
        return options
    }

    static let noFiles = SiltstoneError(
        .invalidArgument,
        "this server has no directory for the files of jobs: use source http, or silt job run")

    static let noKafka = SiltstoneError(
        .invalidArgument,
        "the server does not read Kafka itself: `silt job run --server` does, in as many processes as you like"
    )

    static let noWebHDFS = SiltstoneError(
        .invalidArgument, "the server does not read HDFS itself: `silt job run` does")

    /// Has every open window written at the end that is asked for.
    func drain() { isDraining.store(true, ordering: .relaxed) }

    /// Asks for an end at the next checkpoint.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Blocks until the thread ended.
    func waitUntilEnded() { ended.wait() }
}
