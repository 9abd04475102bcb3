import SiltIO
import SiltIngest
public import SiltModel
import SiltTable
import Synchronization

extension Database {
    /// Runs a job over its input until the end, or until the task is cancelled; files that are
    /// tailed have no end.
    ///
    /// Rows, open windows and the position in the input are committed together: a job that is
    /// cancelled or killed goes on from its last commit, and its table ends up as if it never had
    /// been. The work is done on a thread of its own.
    ///
    /// - Parameters:
    ///   - job: the job.
    ///   - path: a file or pattern to read instead of what the job names.
    ///   - startsAfresh: whether to forget how far earlier runs came.
    /// - Throws: `conflict` when the job had begun with another definition or input;
    ///   `invalidArgument` when the input is of another kind than the job says.
    public func run(_ job: Job, input path: String? = nil, startsAfresh: Bool = false)
        async throws(SiltstoneError) -> JobResult
    {
        let store = store
        let isCancelled = CancellationFlag()
        let own = BlockingBridge(threadCount: 1)
        defer { own.shutDown() }
        let outcome: Result<JobSummary, SiltstoneError> = await withTaskCancellationHandler {
            do throws(SiltstoneError) {
                return .success(
                    try await own.run { () throws(SiltstoneError) in
                        let files = PosixInputFiles()
                        var options = JobRunner.Options()
                        options.isFresh = startsAfresh
                        if path == nil, job.definition.tails,
                            case .file(let pattern) = job.definition.source
                        {
                            return try TailRunner(
                                store: store, job: job.definition, pattern: pattern, files: files,
                                clock: store.clock, options: options
                            ).run(isCancelled: { isCancelled.isSet })
                        }
                        let input =
                            if let path {
                                try JobInput(path: path, files: files)
                            } else {
                                try JobInput(job.definition.source, files: files)
                            }
                        let runner = JobRunner(
                            store: store, job: job.definition, input: input, clock: store.clock,
                            options: options)
                        return try runner.run(isCancelled: { isCancelled.isSet })
                    })
            } catch {
                return .failure(error)
            }
        } onCancel: {
            isCancelled.set()
        }
        return JobResult(try outcome.get())
    }
}

/// Says from any thread that somebody wants an end.
private final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}
