import Foundation
import SiltIO
import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// A job and the thread it runs on.
final class RunningJob: Sendable {
    enum State: String, Sendable { case running, finished, failed, stopped }

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
    private let ended = DispatchGroup()

    init(_ record: JobRecord, _ definition: JobDefinition) {
        self.record = record
        self.definition = definition
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
        let input: JobInput
        switch definition.source {
        case .http(let stream):
            let log = try streams.open(stream)
            let pause = DispatchSemaphore(value: 0)
            input = JobInput(log, files: PosixInputFiles()) {
                _ = pause.wait(timeout: .now() + .milliseconds(Self.pauseMilliseconds))
            }
        case .file(let path):
            guard let filesDirectory else { throw Self.noFiles }
            input = try JobInput(path: filesDirectory + "/" + path, files: PosixInputFiles())
        case .generator: input = try JobInput(definition.source, files: PosixInputFiles())
        case .kafka: throw Self.noKafka
        case .standardInput:
            throw SiltstoneError(.invalidArgument, "a job of the server cannot read stdin")
        }
        var options = JobRunner.Options()
        options.didQueueAlerts = { alerts.wake() }
        options.isFresh =
            try JobRunner.checkpointNumber(of: record.name, in: store) <= record.startsAfter
        if !options.isFresh {
            let before = try JobRunner.summary(of: record.name, in: store)
            status.withLock { $0.summary = before }
        }
        let runner = JobRunner(
            store: store, job: definition, input: input, clock: store.clock, options: options)
        return try runner.run(
            progress: { summary in self.status.withLock { $0.summary = summary } },
            isCancelled: { self.isCancelled.load(ordering: .relaxed) })
    }

    static let noFiles = SiltstoneError(
        .invalidArgument,
        "this server has no directory for the files of jobs: use source http, or silt job run")

    static let noKafka = SiltstoneError(
        .invalidArgument,
        "the server does not read Kafka itself: `silt job run --server` does, in as many processes as you like"
    )

    /// Asks for an end at the next checkpoint.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Blocks until the thread ended.
    func waitUntilEnded() { ended.wait() }
}
