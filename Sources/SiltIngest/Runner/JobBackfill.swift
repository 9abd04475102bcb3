package import SiltModel
internal import SiltStream

/// A range of event time that a job computes anew, beside or after its own run.
package struct JobBackfill: Hashable, Sendable {
    /// The first millisecond.
    package let from: Int64
    /// One past the last.
    package let to: Int64

    /// Whether a window lies within.
    func holds(start: Int64, end: Int64) -> Bool { start >= from && end <= to }
}

extension JobDefinition {
    /// The job as it computes the windows within a range anew: from all events of them, also those that came late.
    ///
    /// It has a checkpoint of its own, and writes the very cells that the job writes. Nothing fires before its input
    /// ends, so the range's panes are all in memory.
    ///
    /// - Throws: `invalidArgument` for an empty range, and for windows whose events the range does not tell.
    package func backfilling(from: Int64, to: Int64) throws(SiltstoneError) -> JobDefinition {
        guard from < to else {
            throw SiltstoneError(.invalidArgument, "range is empty from=\(from) to=\(to)")
        }
        for window in windows {
            switch window.shape {
            case .session, .count, .global:
                throw SiltstoneError(
                    .invalidArgument,
                    "a range does not say which events are in window \(window.name): only windows of fixed bounds can be filled in"
                )
            default: break
            }
        }
        guard time.watermarkField == nil else {
            throw SiltstoneError(
                .invalidArgument, "jobs with explicit watermarks cannot be filled in job=\(name)")
        }
        var job = self
        job.backfill = JobBackfill(from: from, to: to)
        job.alerts = []
        // Beyond any difference of times.
        job.time.outOfOrderMilliseconds = .max
        return job
    }

    /// What the job's checkpoint is kept under: no name of a job has the sign between.
    package var checkpointName: String {
        backfill.map { "\(name)~\($0.from)~\($0.to)" } ?? name
    }
}
