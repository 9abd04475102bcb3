import SiltBytes
import SiltModel

/// One filter of a tree, made ready for evaluation, and what it remembers between cells.
struct FilterNode {
    /// What it looks at.
    enum Test {
        case prefix([UInt8])
        case row(CompareOperator, ValueComparator)
        case inclusiveStop([UInt8])
        case page(Int)
        case fuzzyRow([Filter.FuzzyKey])
        case ranges([Filter.KeyRange])
        case chance(Double)
        case firstKeyOnly
        case keyOnly
        case family(CompareOperator, ValueComparator)
        case qualifier(CompareOperator, ValueComparator)
        case value(CompareOperator, ValueComparator)
        case columnPrefixes([[UInt8]])
        case columnRange(Filter.ColumnRange)
        case pagination(limit: Int, offset: Int)
        case paginationFrom([UInt8], limit: Int)
        case columnCount(Int)
        case columnValue(ColumnMatch)
        case timestamps(Set<Int64>, least: Int64)
        case dependent(Filter.DependentColumn, CompareOperator, ValueComparator?)
        case single(ColumnMatch, Filter.RowRule, isExcluded: Bool)
        case skip
        case whileMatch
        case all
        case any
    }

    /// A column and what its value must be.
    struct ColumnMatch {
        let family: Bytes
        let qualifier: Bytes
        let comparison: CompareOperator
        let comparator: ValueComparator

        func isColumn(_ family: Bytes, _ qualifier: Bytes) -> Bool {
            self.qualifier == qualifier && self.family == family
        }

        func holds(_ value: Span<UInt8>) -> Bool { comparator.holds(comparison, value) }
    }

    let test: Test
    /// The places of the filters inside, in the evaluator's list.
    let children: [Int]
    /// The row is out, or (`single`, `firstKeyOnly`, `columnValue`) the column was met.
    var isMarked = false
    /// The column's value matched.
    var isMatched = false
    /// Nothing that comes can pass any more; outlives rows.
    var isDone = false
    /// Cells or columns of this row; of `page`, rows.
    var count = 0
    /// The time stamps of the column that others depend on.
    var stamps: Set<Int64> = []

    init(_ test: Test, children: [Int] = []) {
        self.test = test
        self.children = children
    }

    /// Forgets the row before.
    mutating func reset() {
        // A prefix that is never shown the row, within `skip`, passes none.
        if case .prefix = test { isMarked = true } else { isMarked = false }
        isMatched = false
        if case .page = test { return }
        count = 0
        if !stamps.isEmpty { stamps.removeAll(keepingCapacity: true) }
    }
}
