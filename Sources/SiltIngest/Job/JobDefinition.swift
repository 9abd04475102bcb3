package import SiltStream

/// A job as its file describes it, checked: where events come from, what is computed, where rows go.
package struct JobDefinition: Sendable {
    /// Where events come from.
    package enum Source: Hashable, Sendable {
        /// Files: a path, or a pattern with `*` and `?` in its last part; read as one stream in the order of names.
        case file(String)
        /// The standard input.
        case standardInput
        /// Events made up from a seed, the same every time.
        case generator(GeneratedEvents)
        /// Events that are sent to the server's stream of that name.
        case http(stream: String)
        /// The messages of a topic.
        case kafka(KafkaSettings)
        /// Files of HDFS.
        case webhdfs(WebHDFSSettings)
    }

    /// How events are written.
    package enum Format: String, Hashable, Sendable {
        /// One JSON object a line.
        case ndjson
        /// Comma-separated values (RFC 4180) under a header row.
        case csv
        /// The same with tabs.
        case tsv
        /// Influx line protocol.
        case lineProtocol = "line_protocol"
        /// Lines that fit a regular expression with named groups.
        case regex
    }

    /// What happens to events whose windows were all closed when they came.
    package enum LatePolicy: Hashable, Sendable {
        /// They are merged into the rows already written.
        case merge
        /// They are kept in a table.
        case table(String)
        /// They are counted.
        case drop
    }

    /// Event time and completeness.
    struct Time: Sendable {
        var field: [String] = []
        var unit = TimeUnit.milliseconds
        var outOfOrderMilliseconds: Int64?
        var allowedLatenessMilliseconds: Int64 = 0
        var idleMilliseconds: Int64?
        var maxFutureMilliseconds: Int64?
        /// How far a partition may be ahead of the slowest one; `nil` for any distance.
        var alignMilliseconds: Int64?
        var watermarkField: [String]?
    }

    /// A computed field.
    struct Mapping: Sendable {
        let name: String
        let expression: Expression
    }

    /// One aggregate.
    struct Aggregate: Sendable {
        let name: String
        let function: AggregateFunction
        let argument: Expression?
        let filter: Expression?
        /// The numbers after the argument.
        var parameters: [Double] = []
        /// What `largest` gives instead of its argument.
        var output: Expression?
        /// What a function of somebody's own computes.
        var own: OwnFunction?
    }

    /// The job's name.
    package internal(set) var name = ""
    /// Where events come from.
    package internal(set) var source = Source.standardInput
    /// Whether files are read on as they grow, are rotated and followed by others, without end.
    package internal(set) var tails = false
    /// How they are written.
    package internal(set) var format = Format.ndjson
    /// Texts that mean null in CSV and TSV, besides nothing at all.
    package internal(set) var nullTexts: [String] = []
    /// The columns of CSV and TSV without a header row; `nil` when the first row names them.
    package internal(set) var columns: [String]?
    /// The regular expression of the lines, when the format is one.
    package internal(set) var pattern: String?
    /// The windows.
    package internal(set) var windows: [WindowSpec] = []
    /// The table that rows go to.
    package internal(set) var table = ""
    /// What happens to late events.
    package internal(set) var late = LatePolicy.merge
    /// How often rows of open windows are written as early results, in milliseconds; `nil` for never.
    package internal(set) var emitMilliseconds: Int64?
    /// Where rows go besides the table.
    package internal(set) var sinks: [SinkSettings] = []
    /// The table that bad records are kept in; `nil` only counts them.
    package internal(set) var badRecordTable: String?
    /// The document's canonical text without what does not change results; its hash tells definitions apart.
    package internal(set) var canonicalText = ""
    /// What its windows are watched for.
    package internal(set) var alerts: [AlertRule] = []
    /// What a report of its rows shows; `nil` when there is none.
    package internal(set) var report: ReportDefinition?
    /// The cases that come with the job.
    package internal(set) var tests: [JobTestCase] = []
    /// What is legal but probably not meant, as sentences.
    package internal(set) var warnings: [String] = []

    /// The range that is computed anew; `nil` for the job's own run.
    package internal(set) var backfill: JobBackfill?
    var time = Time()
    var filter: Expression?
    var mappings: [Mapping] = []
    var key: [[String]] = []
    /// What gives the gap after each event of the session window, in milliseconds; `nil` when it is always the same.
    var sessionGap: Expression?
    var aggregates: [Aggregate] = []
    var row = RowTemplate()
    var family = RowTemplate()

    init() {}

    /// Reads and checks a job file.
    ///
    /// - Parameters:
    ///   - document: the job file.
    ///   - functions: aggregates besides those that there are.
    /// - Throws: everything that is wrong with it, each with line and column.
    package init(_ document: DocumentNode, functions: [OwnFunction] = []) throws(JobDiagnostics) {
        var reader = JobReader(functions)
        self = reader.read(document)
        if !reader.diagnostics.isEmpty { throw JobDiagnostics(reader.diagnostics) }
    }

    /// Everything that is wrong with a job file; empty when it can run.
    package static func check(_ document: DocumentNode) -> [JobDiagnostic] {
        do {
            _ = try JobDefinition(document)
            return []
        } catch {
            return error.list
        }
    }

    /// The names of the aggregates, which are the qualifiers of the cells, in order.
    package var aggregateNames: [String] { aggregates.map(\.name) }

    /// The families that the target table needs.
    package var families: [String] {
        Set(windows.map { family.text(windowName: $0.name) }).sorted()
    }
}
