/// What is computed over the events of a window.
///
/// All skip nulls, are exact, and do not depend on the order in which events arrive or are merged.
public enum AggregateFunction: UInt8, Hashable, Sendable, CaseIterable {
    /// The number of events, or of values that are not null when a column is named.
    case count = 0
    /// The exact sum, rounded once: an integer when all values are, null when there are none.
    case sum = 1
    /// The least value; NaN only when there is nothing else, and -0.0 before 0.0.
    case min = 2
    /// The greatest value; NaN only when there is nothing else, and 0.0 after -0.0.
    case max = 3
    /// The exact sum divided by the number of values, as a double.
    case average = 4
    /// The value of the earliest event time; of equal times the first that arrived.
    case first = 5
    /// The value of the latest event time; of equal times the last that arrived.
    case last = 6

    /// The name of the function in job files.
    public var name: String {
        switch self {
        case .count: "count"
        case .sum: "sum"
        case .min: "min"
        case .max: "max"
        case .average: "avg"
        case .first: "first"
        case .last: "last"
        }
    }
}

/// One aggregate of a job: a function over a column of the batches, perhaps of some events only.
public struct AggregateSpec: Hashable, Sendable {
    /// The name its results are written under.
    public let name: String
    /// What is computed.
    public let function: AggregateFunction
    /// The index of the argument in `EventBatch.columns`; `nil` only for `count()`.
    public let column: Int?
    /// The index in `EventBatch.masks` of the events that are counted; `nil` counts all.
    public let mask: Int?

    /// An aggregate of a function over a column.
    public init(name: String, _ function: AggregateFunction, column: Int? = nil, mask: Int? = nil) {
        self.name = name
        self.function = function
        self.column = column
        self.mask = mask
    }
}
