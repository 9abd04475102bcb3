package import SiltIngest
public import SiltModel

/// A pipeline as a job file describes it: a source of events, windows, aggregates, and the table that takes the rows.
public struct Job: Sendable {
    /// The job as it was read.
    package let definition: JobDefinition

    /// A job read elsewhere.
    package init(_ definition: JobDefinition) { self.definition = definition }

    /// A job from the JSON form of a job file.
    ///
    /// - Throws: `invalidArgument` with everything that is wrong, each with line and column.
    public init(json: String) throws(SiltstoneError) {
        do throws(JobDiagnostics) {
            definition = try JobDefinition(DocumentNode(json: Array(json.utf8)))
        } catch {
            throw error.error
        }
    }

    /// The name, unique within a database: under it the job remembers how far it came.
    public var name: String { definition.name }

    /// What is legal but probably not meant, as sentences.
    public var warnings: [String] { definition.warnings }
}

/// What a job has done over all its runs on the same input.
public struct JobResult: Sendable, Hashable {
    /// Whether all input was read and every window written; else the run was cancelled and the next one goes on.
    public let isCompleted: Bool
    /// Whether there was nothing to do, because the job had completed on this input before.
    public let wasCompletedBefore: Bool
    /// Records read, good and bad.
    public let recordCount: Int64
    /// Records that could not be decoded or evaluated.
    public let badCount: Int64
    /// Events that came after all of their windows were closed.
    public let lateCount: Int64
    /// Window rows written.
    public let rowCount: Int64

    init(_ summary: JobSummary) {
        wasCompletedBefore = summary.outcome == .alreadyCompleted
        isCompleted = summary.outcome == .completed || wasCompletedBefore
        recordCount = summary.records
        badCount = summary.bad
        lateCount = summary.late
        rowCount = summary.rows
    }
}
