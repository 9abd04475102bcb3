import ArgumentParser
import SiltBytes
import SiltModel
import Siltstone

/// `silt aggregate`.
struct AggregateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aggregate",
        abstract: "Compute over the rows of a table, where they lie.",
        discussion: """
            Results are written NAME=FUNCTION(COLUMN), such as n=count() s=sum(m:bytes) \
            p99=percentile(m:ms,0.99). Functions: count, sum, min, max, avg, percentile, distinct, stddev, \
            variance, histogram, topk and values.
            """)

    @Argument(help: "The table's name.")
    var table: String

    @Argument(help: "The results: NAME=FUNCTION(COLUMN, PARAMETER…).")
    var results: [String]

    @Option(help: "Group rows by their first bytes.")
    var groupPrefix: Int?

    @Option(help: "Group rows by what stands before this separator.")
    var groupSeparator: String?

    @Option(help: "Group by what stands before the n-th separator.")
    var groupParts = 1

    @Flag(help: "Group cells by family and qualifier.")
    var groupQualifier = false

    @Option(help: "How values are read: text (decimal text is a number), long (8 bytes) or bytes.")
    var values = Aggregation.Values.text.rawValue

    @Option(help: "HBase's filter language: which rows and cells count.")
    var filter: String?

    @Option(help: "The earliest time stamp, in milliseconds since 1970.")
    var from: Int64?

    @Option(help: "The first time stamp after the range, in milliseconds since 1970.")
    var to: Int64?

    @OptionGroup var rows: RangeOptions
    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func run() throws {
        let aggregation = try aggregation()
        let groups = try location.withTables { try $0.aggregate(aggregation, over: table) }
        let isGrouped = aggregation.grouping != .all
        LinePrinter.print(
            (isGrouped ? ["group"] : []) + aggregation.items.map(\.name),
            groups.map { group in
                (isGrouped ? [text.form.encode(group.key)] : [])
                    + group.values
            }, output.format)
    }

    private func aggregation() throws -> Aggregation {
        guard let form = Aggregation.Values(rawValue: values) else {
            throw ValidationError("--values is text, long or bytes")
        }
        let groupings: [Aggregation.Grouping] = [
            groupPrefix.map { .prefix(byteCount: $0) },
            groupSeparator.map { .parts(groupParts, separator: Bytes($0)) },
            groupQualifier ? .qualifier : nil,
        ].compactMap { $0 }
        guard groupings.count < 2 else { throw ValidationError("there is one way to group") }
        return Aggregation(
            try results.map { try Aggregation.Item(parsing: $0) }, by: groupings.first ?? .all,
            values: form, in: try rows.range(text.form),
            timeRange: TimeRange(min: from ?? 0, max: to ?? .max),
            filter: try filter.map { try Filter(parsing: $0) })
    }
}
