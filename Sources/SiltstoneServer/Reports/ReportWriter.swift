import Foundation
import SiltIO
import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// Writes the reports of jobs into a directory, each as often as its job file says, on a thread of its own.
///
/// A report is a file named for its job, and is replaced as a whole.
final class ReportWriter: Sendable {
    /// The latest a job that was just put is noticed, in milliseconds.
    private static let pauseMilliseconds = 500

    private let store: TableStore
    private let jobs: Jobs
    private let directory: String
    private let isEnding = Atomic(false)
    private let bell = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()

    init(_ store: TableStore, jobs: Jobs, directory: String) {
        self.store = store
        self.jobs = jobs
        self.directory = directory
    }

    func start() {
        ended.enter()
        let thread = Thread { [self] in
            while !isEnding.load(ordering: .relaxed) {
                for job in jobs.all { writeIfDue(job) }
                _ = bell.wait(timeout: .now() + .milliseconds(Self.pauseMilliseconds))
            }
            ended.leave()
        }
        thread.name = "reports"
        thread.start()
    }

    private func writeIfDue(_ job: RunningJob) {
        guard let every = job.definition.report?.everyMilliseconds else { return }
        let now = store.clock.nowMilliseconds
        let last = job.reportStatus.withLock { $0.triedMilliseconds }
        if let last, now - last < every, now >= last { return }
        var failure: String?
        do {
            let report = try Report(job.definition, in: store)
            try Data(report.html.utf8).write(
                to: URL(fileURLWithPath: directory).appendingPathComponent(
                    job.record.name + ".html"), options: .atomic)
        } catch {
            failure = "\(error)"
        }
        job.reportStatus.withLock { status in
            status.triedMilliseconds = now
            status.error = failure
            if failure == nil { status.writtenMilliseconds = now }
        }
    }

    /// Ends the thread; blocks while a report is being written.
    func stop() {
        isEnding.store(true, ordering: .relaxed)
        bell.signal()
        ended.wait()
    }
}
