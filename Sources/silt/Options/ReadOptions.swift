import ArgumentParser
import SiltBytes
import SiltModel

/// Which cells of a row are wanted.
struct ReadOptions: ParsableArguments {
    @Option(
        parsing: .singleValue,
        help: "Columns and families to read: cf:q or cf, separated by commas; may be repeated.")
    var columns: [String] = []

    @Option(help: "How many versions of each column, newest first.")
    var versions = 1

    @Option(help: "The earliest time stamp, in milliseconds since 1970.")
    var from: Int64?

    @Option(help: "The first time stamp after the range, in milliseconds since 1970.")
    var to: Int64?

    @Option(
        help:
            "HBase's filter language, such as \"PrefixFilter('a') AND ValueFilter(=, 'substring:b')\"."
    )
    var filter: String?

    func validate() throws {
        if let filter {
            do { _ = try Filter(parsing: filter) } catch { throw ValidationError(error.message) }
        }
        if versions < 1 { throw ValidationError("--versions is at least 1") }
        if let from, let to, from > to { throw ValidationError("--from is after --to") }
    }

    /// The columns and families named, in order.
    func selectors(_ form: TextForm) throws -> [Projection.Selector] {
        try columns.flatMap { $0.split(separator: ",") }.map { try ColumnText.selector($0, form) }
    }

    /// What to read.
    func projection(_ form: TextForm) throws -> Projection {
        Projection(
            try selectors(form), maxVersions: versions,
            timeRange: TimeRange(min: from ?? 0, max: to ?? .max),
            filter: try filter.map { try Filter(parsing: $0) })
    }
}

/// Which rows are wanted.
struct RangeOptions: ParsableArguments {
    @Option(help: "The first row; the greatest one with --reverse.")
    var start: String?

    @Option(help: "The row before which to stop.")
    var stop: String?

    @Option(help: "Only rows whose keys begin with this.")
    var prefix: String?

    func validate() throws {
        if prefix != nil, start != nil || stop != nil {
            throw ValidationError("--prefix excludes --start and --stop")
        }
    }

    /// The rows to visit.
    func range(_ form: TextForm, isReversed: Bool = false) throws -> RowRange {
        if let prefix {
            let prefix = try form.decode(prefix, as: "the prefix")
            let ascending = RowRange(prefix: prefix)
            guard isReversed else { return ascending }
            return RowRange(
                start: ascending.stop, stop: prefix, includesStart: false, includesStop: true,
                isReversed: true)
        }
        return RowRange(
            start: try start.map { try form.decode($0, as: "the start row") } ?? .empty,
            stop: try stop.map { try form.decode($0, as: "the stop row") } ?? .empty,
            isReversed: isReversed)
    }
}
