public import SiltBytes

/// Which rows and cells a read gives, by HBase's filters and with their meaning.
///
/// A filter sees a cell after delete markers, times to live, the time range, the wanted columns and the family's
/// versions; the request's own number of versions is counted after it. A read that goes over several regions applies
/// one filter to all of them: `page` is a limit of the scan, not of each region.
public indirect enum Filter: Hashable, Sendable {
    // Rows

    /// PrefixFilter: rows that begin with the bytes.
    case prefix(Bytes)
    /// RowFilter: rows whose key stands so to the comparator.
    case row(CompareOperator, FilterComparator)
    /// InclusiveStopFilter: ends the scan after this row.
    case inclusiveStop(Bytes)
    /// PageFilter: ends the scan after this many rows.
    case page(Int)
    /// FuzzyRowFilter: rows that match one of the keys at its fixed positions.
    case fuzzyRow([FuzzyKey])
    /// MultiRowRangeFilter: rows in one of the ranges.
    case multiRowRange([KeyRange])
    /// RandomRowFilter: each row with this probability.
    case randomRow(chance: Double)
    /// FirstKeyOnlyFilter: only the first cell of each row.
    case firstKeyOnly
    /// KeyOnlyFilter: no values, or their lengths as 4 bytes big-endian.
    case keyOnly(lengthAsValue: Bool = false)

    // Columns and cells

    /// FamilyFilter: families whose name stands so to the comparator.
    case family(CompareOperator, FilterComparator)
    /// QualifierFilter: columns whose qualifier stands so to the comparator.
    case qualifier(CompareOperator, FilterComparator)
    /// ValueFilter: cells whose value stands so to the comparator.
    case value(CompareOperator, FilterComparator)
    /// ColumnPrefixFilter: columns whose qualifier begins with the bytes.
    case columnPrefix(Bytes)
    /// MultipleColumnPrefixFilter: columns whose qualifier begins with one of the prefixes.
    case multipleColumnPrefix([Bytes])
    /// ColumnRangeFilter: columns whose qualifier lies in the range.
    case columnRange(ColumnRange)
    /// ColumnPaginationFilter: so many columns of each row after skipping some.
    case columnPagination(limit: Int, offset: Int)
    /// ColumnPaginationFilter: so many columns of each row from a qualifier on.
    case columnPaginationFrom(Bytes, limit: Int)
    /// ColumnCountGetFilter: so many columns of the first rows; a scan ends at the first row that has more.
    case columnCountGet(Int)
    /// ColumnValueFilter: cells of this one column whose value stands so to the comparator.
    case columnValue(ColumnTest)
    /// TimestampsFilter: cells with one of these time stamps.
    case timestamps([Int64])
    /// DependentColumnFilter: cells whose time stamp some cell of the column has too, in the same row.
    case dependentColumn(DependentColumn)
    /// SingleColumnValueFilter: whole rows by the value of one column.
    case singleColumnValue(ColumnTest, RowRule = RowRule())
    /// SingleColumnValueExcludeFilter: the same, without that column in the answer.
    case singleColumnValueExclude(ColumnTest, RowRule = RowRule())

    // Wrappers

    /// SkipFilter: rows of which no cell fails.
    case skip(Filter)
    /// WhileMatchFilter: ends the scan at the first failure.
    case whileMatch(Filter)
    /// FilterList MUST_PASS_ALL; an empty list lets everything through.
    case all([Filter])
    /// FilterList MUST_PASS_ONE; an empty list lets everything through.
    case any([Filter])
}

extension Filter {
    /// A row key with positions that may hold any byte.
    public struct FuzzyKey: Hashable, Sendable {
        /// The bytes; those at free positions are not looked at.
        public var key: Bytes
        /// For each position whether any byte will do; as many as the key has bytes.
        public var isFree: [Bool]

        /// A key and its free positions.
        public init(_ key: Bytes, isFree: [Bool]) {
            self.key = key
            self.isFree = isFree
        }
    }

    /// A range of row keys.
    public struct KeyRange: Hashable, Sendable {
        /// The first key; empty for the table's beginning.
        public var start: Bytes
        /// Whether the start itself is in the range.
        public var includesStart: Bool
        /// The last key; empty for the table's end.
        public var stop: Bytes
        /// Whether the stop itself is in the range.
        public var includesStop: Bool

        /// A range.
        public init(
            start: Bytes, includesStart: Bool = true, stop: Bytes = .empty,
            includesStop: Bool = false
        ) {
            self.start = start
            self.includesStart = includesStart
            self.stop = stop
            self.includesStop = includesStop
        }
    }

    /// A range of qualifiers.
    public struct ColumnRange: Hashable, Sendable {
        /// The first qualifier; `nil` for no bound.
        public var min: Bytes?
        /// Whether the first is in the range.
        public var includesMin: Bool
        /// The last qualifier; `nil` for no bound.
        public var max: Bytes?
        /// Whether the last is in the range.
        public var includesMax: Bool

        /// A range.
        public init(
            min: Bytes?, includesMin: Bool = true, max: Bytes?, includesMax: Bool = false
        ) {
            self.min = min
            self.includesMin = includesMin
            self.max = max
            self.includesMax = includesMax
        }
    }

    /// A column and how its value must stand to a comparator.
    public struct ColumnTest: Hashable, Sendable {
        /// The family's name.
        public var family: Bytes
        /// The qualifier.
        public var qualifier: Bytes
        /// How the value must stand to the comparator.
        public var comparison: CompareOperator
        /// What the value is compared with.
        public var comparator: FilterComparator

        /// A test of a column's value.
        public init(
            family: Bytes, qualifier: Bytes, _ comparison: CompareOperator,
            _ comparator: FilterComparator
        ) {
            self.family = family
            self.qualifier = qualifier
            self.comparison = comparison
            self.comparator = comparator
        }
    }

    /// What becomes of rows that a column's value alone does not decide.
    public struct RowRule: Hashable, Sendable {
        /// Whether rows that lack the column are left out.
        public var dropsIfMissing: Bool
        /// Whether only the newest version of the column is looked at.
        public var latestOnly: Bool

        /// A rule; HBase's by default: rows without the column pass, older versions do not count.
        public init(dropsIfMissing: Bool = false, latestOnly: Bool = true) {
            self.dropsIfMissing = dropsIfMissing
            self.latestOnly = latestOnly
        }
    }

    /// The column that other cells' time stamps depend on.
    public struct DependentColumn: Hashable, Sendable {
        /// The family's name.
        public var family: Bytes
        /// The qualifier.
        public var qualifier: Bytes
        /// Whether the column itself is left out of the answer.
        public var isDropped: Bool
        /// Which of the column's cells count; `nil` for all.
        public var test: ValueTest?

        /// A column, perhaps with a test of its values.
        public init(
            family: Bytes, qualifier: Bytes, isDropped: Bool = false, test: ValueTest? = nil
        ) {
            self.family = family
            self.qualifier = qualifier
            self.isDropped = isDropped
            self.test = test
        }
    }

    /// How a value must stand to a comparator.
    public struct ValueTest: Hashable, Sendable {
        /// How it must stand.
        public var comparison: CompareOperator
        /// To what.
        public var comparator: FilterComparator

        /// A test of a value.
        public init(_ comparison: CompareOperator, _ comparator: FilterComparator) {
            self.comparison = comparison
            self.comparator = comparator
        }
    }
}
