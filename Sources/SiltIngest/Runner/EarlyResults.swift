internal import SiltModel
internal import SiltStream

/// Shows open windows now and then, by the clock: as rows that say that they are early, and that those of the firing
/// replace.
///
/// What is shown depends on when it is; what stands there in the end does not.
struct EarlyResults {
    private let interval: Int64?
    private var last: Int64
    /// The records that had been read at the last time.
    private var records: Int64 = -1

    /// The early results of a job that begins or goes on now.
    init(_ job: JobDefinition, now: Int64) {
        interval = job.backfill == nil ? job.emitMilliseconds : nil
        last = now
    }

    /// Whether it is time, and there is something new to be shown.
    func isDue(_ summary: JobSummary, now: Int64) -> Bool {
        guard let interval else { return false }
        return summary.records != records && (now < last || now - last >= interval)
    }

    /// Gives the rows of the open windows to the next checkpoint when it is time.
    mutating func give(
        _ pipeline: inout JobPipeline, to committer: inout JobCommitter, now: Int64
    ) throws(SiltstoneError) {
        guard isDue(pipeline.summary, now: now) else { return }
        last = now
        records = pipeline.summary.records
        var output = WindowOutput()
        pipeline.windows.giveProvisional(into: &output)
        try committer.takeEarly(output.rows)
    }
}

extension WindowSpec {
    /// Whether rows of open windows can be replaced by those of the firing: their bounds are known, and so are their
    /// keys.
    var givesEarlyRows: Bool {
        guard rank == nil else { return false }
        switch shape {
        case .session, .count: return false
        default: return true
        }
    }
}
