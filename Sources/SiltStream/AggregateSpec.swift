public import SiltModel

/// What is computed over the events of a window.
///
/// All but `first` and `last` skip nulls. All can be merged, and all but `topk` and `values` with more
/// different values than they hold do not depend on the order in which events arrive.
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
    /// The value, null or not, of the earliest event time; of equal times the first that arrived.
    case first = 5
    /// The value, null or not, of the latest event time; of equal times the last that arrived.
    case last = 6
    /// The average of integers without its fraction.
    case truncatedAverage = 7
    /// The last value by event time minus the first.
    case delta = 8
    /// What a counter grew by; a value below the one before it counts from zero.
    case increase = 9
    /// The increase for each second between the first and the last value.
    case rate = 10
    /// The standard deviation of a sample; null for fewer than two values.
    case deviation = 11
    /// The standard deviation of the whole.
    case deviationOfAll = 12
    /// The variance of a sample; null for fewer than two values.
    case variance = 13
    /// The variance of the whole.
    case varianceOfAll = 14
    /// The number of different values: exact up to 4,096, within 0.8 % (standard error) beyond.
    case distinct = 15
    /// A quantile, the parameter, within 1 % of a value that has its rank.
    case percentile = 16
    /// Cumulative counts up to each parameter, the bound included, and of all.
    case histogram = 17
    /// The most frequent values, as many as the parameter says, with their counts.
    case topValues = 18
    /// The values by event time, at most as many as the parameter says (1,000).
    case collect = 19
    /// The greatest values, as many as the parameter says, or `output` of their events; of equal
    /// ones the first that arrived.
    case largest = 20
    /// How often each value occurs.
    case values = 21
    /// A function of somebody's own.
    case own = 22

    /// Those that have a name of their own.
    public static let allCases: [AggregateFunction] = (0..<AggregateFunction.own.rawValue)
        .compactMap { AggregateFunction(rawValue: $0) }

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
        case .truncatedAverage: "avg_trunc"
        case .delta: "delta"
        case .increase: "increase"
        case .rate: "rate"
        case .deviation: "stddev"
        case .deviationOfAll: "stddev_pop"
        case .variance: "variance"
        case .varianceOfAll: "variance_pop"
        case .distinct: "distinct"
        case .percentile: "percentile"
        case .histogram: "histogram"
        case .topValues: "topk"
        case .collect: "collect"
        case .largest: "largest"
        case .values: "values"
        case .own: "own"
        }
    }

    /// Whether the arguments must be numbers.
    public var wantsNumbers: Bool {
        switch self {
        case .sum, .average, .truncatedAverage, .delta, .increase, .rate, .deviation,
            .deviationOfAll, .variance, .varianceOfAll, .percentile, .histogram:
            true
        default: false
        }
    }

    /// Whether it is made of an exact sum and the number of its values.
    var isSum: Bool { self == .sum || self == .average || self == .truncatedAverage }

    /// Whether results are several cells, named for what they count.
    public var hasEntries: Bool {
        self == .histogram || self == .topValues || self == .values
    }

    /// Whether it is kept in an `AggregateSketch`.
    var isSketch: Bool { rawValue >= AggregateFunction.delta.rawValue }
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
    /// The quantile of `percentile`, the bounds of `histogram`, the number of values of `topk`,
    /// `collect` and `largest`.
    public let parameters: [Double]
    /// The column whose values `largest` gives instead of those it compares.
    public let output: Int?
    /// What `own` computes.
    public let own: OwnFunction?

    /// An aggregate of a function over a column.
    public init(
        name: String, _ function: AggregateFunction, column: Int? = nil, mask: Int? = nil,
        parameters: [Double] = [], output: Int? = nil, own: OwnFunction? = nil
    ) {
        self.name = name
        self.function = function
        self.column = column
        self.mask = mask
        self.parameters = parameters
        self.output = output
        self.own = own
    }

    /// Checks the parameters.
    ///
    /// - Throws: `invalidArgument` when there are too few, too many or senseless ones.
    public func validate() throws(SiltstoneError) {
        func refuse(_ what: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "aggregate \(what) aggregate=\(name)")
        }
        if column == nil, function != .count { throw refuse("has no argument") }
        if (function == .own) != (own != nil) { throw refuse("has no function") }
        switch function {
        case .percentile:
            guard parameters.count == 1, parameters[0] >= 0, parameters[0] <= 1 else {
                throw refuse("needs one quantile between 0 and 1")
            }
        case .histogram:
            let isRising = zip(parameters, parameters.dropFirst()).allSatisfy { $0 < $1 }
            guard !parameters.isEmpty, isRising, parameters.count <= 1000,
                parameters.allSatisfy(\.isFinite)
            else { throw refuse("needs at most 1000 rising bounds") }
        case .topValues, .largest:
            guard parameters.count == 1, parameters[0] >= 1, parameters[0] <= 10_000 else {
                throw refuse("needs a number of values between 1 and 10000")
            }
        case .collect:
            guard parameters.count <= 1, parameters.allSatisfy({ $0 >= 1 && $0 <= 1e6 }) else {
                throw refuse("takes a number of values between 1 and 1000000")
            }
        default:
            guard parameters.isEmpty else { throw refuse("takes no parameters") }
        }
    }
}
