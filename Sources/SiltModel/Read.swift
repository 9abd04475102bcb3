public import SiltBytes

/// The time stamps from `min` up to but not including `max`, in milliseconds since 1970.
public struct TimeRange: Hashable, Sendable {
    /// The first time stamp in the range.
    public let min: Int64
    /// The first time stamp after the range; `Int64.max` means no end.
    public let max: Int64

    /// All time stamps.
    public static let all = TimeRange(min: 0, max: .max)

    /// A range; `min` must not exceed `max`.
    public init(min: Int64, max: Int64) {
        self.min = min
        self.max = max
    }

    /// Whether a time stamp lies in the range.
    @inlinable
    public func contains(_ timestamp: Int64) -> Bool {
        timestamp >= min && (timestamp < max || max == .max)
    }
}

/// Which cells of a row a read wants.
public struct Projection: Hashable, Sendable {
    /// A whole family or one column.
    public enum Selector: Hashable, Sendable {
        /// Every column of the family.
        case family(String)
        /// One column.
        case column(Column)
    }

    /// The families and columns; none means all.
    public var selectors: [Selector]
    /// How many versions of each column, newest first; at least 1.
    public var maxVersions: Int
    /// The time stamps of interest.
    public var timeRange: TimeRange
    /// Whether delete markers and deleted cells are shown, as they are stored.
    public var isRaw: Bool
    /// Which rows and cells are given, of those that the rest of the projection admits.
    public var filter: Filter?
    /// How many cells of each family of a row are given at most; `nil` for all.
    public var cellsPerFamilyLimit: Int?
    /// How many cells of each family of a row are passed over first.
    public var cellsPerFamilyOffset: Int

    /// The newest version of every column.
    public static let all = Projection()

    /// A projection.
    public init(
        _ selectors: [Selector] = [], maxVersions: Int = 1, timeRange: TimeRange = .all,
        isRaw: Bool = false,
        filter: Filter? = nil, cellsPerFamilyLimit: Int? = nil, cellsPerFamilyOffset: Int = 0
    ) {
        self.selectors = selectors
        self.maxVersions = maxVersions
        self.timeRange = timeRange
        self.isRaw = isRaw
        self.filter = filter
        self.cellsPerFamilyLimit = cellsPerFamilyLimit
        self.cellsPerFamilyOffset = cellsPerFamilyOffset
    }

    /// Columns by name.
    public static func columns(_ columns: Column..., maxVersions: Int = 1) -> Projection {
        Projection(columns.map { .column($0) }, maxVersions: maxVersions)
    }

    /// One whole family.
    public static func family(_ name: String, maxVersions: Int = 1) -> Projection {
        Projection([.family(name)], maxVersions: maxVersions)
    }
}

/// Which rows a scan visits, and in which order.
public struct RowRange: Hashable, Sendable {
    /// Where the scan begins: the smallest key going up, the greatest going down; empty for the table's end.
    public var start: Bytes
    /// Where it stops; empty for the table's other end.
    public var stop: Bytes
    /// Whether the start row itself is visited.
    public var includesStart: Bool
    /// Whether the stop row itself is visited.
    public var includesStop: Bool
    /// Whether rows come in descending order.
    public var isReversed: Bool

    /// All rows, ascending.
    public static let all = RowRange()

    /// Rows from `start` to `stop`.
    public init(
        start: Bytes = .empty, stop: Bytes = .empty, includesStart: Bool = true,
        includesStop: Bool = false,
        isReversed: Bool = false
    ) {
        self.start = start
        self.stop = stop
        self.includesStart = includesStart
        self.includesStop = includesStop
        self.isReversed = isReversed
    }

    /// The rows whose keys begin with `prefix`, ascending.
    public init(prefix: Bytes) {
        self.init(start: prefix, stop: prefix.prefixSuccessor ?? .empty)
    }
}
