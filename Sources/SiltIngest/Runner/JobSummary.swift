package import SiltModel

/// What a job has done, over all its runs on the same input.
package struct JobSummary: Hashable, Sendable {
    /// How a run ended.
    package enum Outcome: String, Hashable, Sendable {
        /// It is still going.
        case running
        /// All input is read and every window written.
        case completed
        /// There was nothing to do: the job had completed on this input before.
        case alreadyCompleted
        /// It was stopped at a checkpoint and goes on from there next time.
        case stopped
    }

    /// How the run ended.
    package var outcome = Outcome.running
    /// Records read, good and bad.
    package var records: Int64 = 0
    /// Bytes read.
    package var bytes: Int64 = 0
    /// Records that could not be decoded or evaluated.
    package var bad: Int64 = 0
    /// Events that came after all of their windows were closed.
    package var late: Int64 = 0
    /// Records that `where` left out.
    package var filtered: Int64 = 0
    /// Events that fell between windows.
    package var outside: Int64 = 0
    /// Window rows written; a row written again counts again.
    package var rows: Int64 = 0
    /// Windows that fired, each for every key that had events in it.
    package var windows: Int64 = 0
    /// Checkpoints made.
    package var checkpoints: Int64 = 0
    /// The watermark; `nil` before the first event, the greatest integer at the end.
    package var watermark: Int64?
    /// Whether the run went on from a checkpoint.
    package var isResumed = false
    /// What the first bad record was, of this run: source, offset and reason.
    package var firstBad: String?

    /// Nothing done.
    package init() {}

    /// The summary as JSON, as it is kept with the job.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [.init("outcome", .string(outcome.rawValue))]
        for (name, value) in counters { members.append(.init(name, .integer(value))) }
        members.append(.init("watermark", watermark.map { .integer($0) } ?? .null))
        return .object(members)
    }

    var counters: [(String, Int64)] {
        [
            ("records", records), ("bytes", bytes), ("bad", bad), ("late", late),
            ("filtered", filtered),
            ("outside", outside), ("rows", rows), ("windows", windows),
            ("checkpoints", checkpoints),
        ]
    }
}
