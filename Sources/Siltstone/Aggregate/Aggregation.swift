public import SiltBytes
public import SiltModel
public import SiltStream

/// What to compute over the rows of a table, where they lie, instead of reading them.
public struct Aggregation: Sendable, Hashable {
    /// One result: a function over a column's newest values.
    public struct Item: Sendable, Hashable {
        /// The name of the result.
        public var name: String
        /// What is computed: any function whose result does not depend on the order of rows.
        public var function: AggregateFunction
        /// The column whose values it is computed over; `nil` only for `count`, which then counts rows.
        ///
        /// When grouping by qualifier only its family counts.
        public var column: Column?
        /// The quantile of `percentile`, the bounds of `histogram`, the number of values of `topValues`.
        public var parameters: [Double]

        /// A result.
        public init(
            _ name: String, _ function: AggregateFunction, of column: Column? = nil,
            parameters: [Double] = []
        ) {
            self.name = name
            self.function = function
            self.column = column
            self.parameters = parameters
        }
    }

    /// Which rows have results of their own.
    public enum Grouping: Sendable, Hashable {
        /// One group of all.
        case all
        /// Rows that agree in their first bytes; shorter rows are groups by themselves.
        case prefix(byteCount: Int)
        /// Rows that agree in what stands before the n-th separator; all of a row that has fewer.
        case parts(Int, separator: Bytes)
        /// Columns, instead of rows: each cell counts, and its group is `family:qualifier`.
        case qualifier
    }

    /// How values are read.
    public enum Values: String, Sendable, Hashable, CaseIterable {
        /// Decimal text is a number, all else is text.
        case text
        /// 8 bytes big-endian, as counters have them, are a number.
        case long
        /// Bytes are bytes, also digits.
        case bytes
    }

    /// The results of a group.
    public struct Group: Sendable, Hashable {
        /// What the group has in common; empty when there is one of all.
        public let key: Bytes
        /// The results, in the order asked.
        public let values: [AggregateValue]
    }

    /// The results that are wanted; at least one.
    public var items: [Item]
    /// Which rows have results of their own.
    public var grouping: Grouping
    /// How values are read.
    public var values: Values
    /// The rows.
    public var range: RowRange
    /// The time stamps.
    public var timeRange: TimeRange
    /// Which rows and cells count.
    public var filter: Filter?

    /// An aggregation.
    public init(
        _ items: [Item], by grouping: Grouping = .all, values: Values = .text,
        in range: RowRange = .all, timeRange: TimeRange = .all, filter: Filter? = nil
    ) {
        self.items = items
        self.grouping = grouping
        self.values = values
        self.range = range
        self.timeRange = timeRange
        self.filter = filter
    }
}

extension Aggregation {
    /// The arguments of the items, each column once.
    var arguments: [Column] {
        var columns: [Column] = []
        for case let column? in items.map(\.column) {
            let argument = grouping == .qualifier ? Column(column.family, .empty) : column
            if !columns.contains(argument) { columns.append(argument) }
        }
        return columns
    }

    /// The items as the stream module computes them.
    func specs() throws(SiltstoneError) -> [AggregateSpec] {
        guard !items.isEmpty else {
            throw SiltstoneError(.invalidArgument, "aggregation has no aggregates")
        }
        switch grouping {
        case .prefix(let count) where count < 1:
            throw SiltstoneError(
                .invalidArgument, "group prefix must have a byte or more bytes=\(count)")
        case .parts(let count, let separator) where count < 1 || separator.isEmpty:
            throw SiltstoneError(
                .invalidArgument, "group needs a separator and a part or more parts=\(count)")
        default: break
        }
        let arguments = arguments
        var specs: [AggregateSpec] = []
        for item in items {
            guard !item.function.needsOrder else {
                throw SiltstoneError(
                    .invalidArgument,
                    "aggregate depends on the order of events function=\(item.function.name)")
            }
            let place = item.column.flatMap { column in
                arguments.firstIndex {
                    grouping == .qualifier ? $0.family == column.family : $0 == column
                }
            }
            let spec = AggregateSpec(
                name: item.name, item.function, column: place, parameters: item.parameters)
            try spec.validate()
            specs.append(spec)
        }
        return specs
    }

    /// What is read: the arguments, and what the filter looks at.
    var projection: Projection {
        var selectors: [Projection.Selector] = []
        if !items.contains(where: { $0.column == nil }) {
            let columns = arguments
            if grouping == .qualifier {
                selectors = columns.map { .family($0.family) }
            } else {
                selectors = (columns + (filter?.testedColumns ?? [])).map { .column($0) }
            }
        }
        return Projection(selectors, timeRange: timeRange, filter: filter)
    }
}

extension AggregateFunction {
    /// Whether its result depends on the order of events.
    fileprivate var needsOrder: Bool {
        switch self {
        case .first, .last, .delta, .increase, .rate, .collect, .largest: true
        default: false
        }
    }
}

extension Filter {
    /// The columns without which the filter cannot judge a row.
    fileprivate var testedColumns: [Column] {
        switch self {
        case .columnValue(let test), .singleColumnValue(let test, _),
            .singleColumnValueExclude(let test, _):
            [Column(String(decoding: test.family.array, as: UTF8.self), test.qualifier)]
        case .dependentColumn(let dependent):
            [Column(String(decoding: dependent.family.array, as: UTF8.self), dependent.qualifier)]
        case .skip(let inner), .whileMatch(let inner): inner.testedColumns
        case .all(let inner), .any(let inner): inner.flatMap(\.testedColumns)
        default: []
        }
    }
}
