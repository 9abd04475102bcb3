import SiltBytes
import SiltModel

/// The part of an index in which all rows are entered that a filter can pass.
struct IndexPlan {
    /// How closely the filter bounds the column's value.
    enum Reach: Int, Comparable {
        case equal, between, oneSided

        static func < (left: Reach, right: Reach) -> Bool { left.rawValue < right.rawValue }
    }

    /// The index.
    let index: StoredIndex
    /// The entries.
    let entries: RowSpan
    /// How closely the value is bounded.
    let reach: Reach

    /// The best part of a complete index for a read; `nil` when none helps.
    static func best(for projection: Projection, _ layout: TableLayout) -> IndexPlan? {
        guard !layout.indexes.isEmpty, !projection.isRaw, let filter = projection.filter,
            filter.judgesRowsAlone
        else { return nil }
        return layout.indexes.filter { $0.state == .ready }
            .compactMap { plan($0, filter) }
            .min { $0.reach < $1.reach }
    }

    private static func plan(_ index: StoredIndex, _ filter: Filter) -> IndexPlan? {
        let bounds = bounds(index.declared, filter)
        guard let first = bounds.first else { return nil }
        let entries = bounds.dropFirst().reduce(first) { $0.intersection($1) }
        let reach: Reach =
            if bounds.contains(where: { span in
                // One value's entries have one prefix.
                Bytes(span.start.array).prefixSuccessor == span.end
            }) {
                .equal
            } else if entries.end != nil, !entries.start.isEmpty {
                .between
            } else {
                .oneSided
            }
        return IndexPlan(index: index, entries: entries, reach: reach)
    }

    /// Spans of entries outside of which no row is that the filter passes.
    private static func bounds(_ index: ColumnIndex, _ filter: Filter) -> [RowSpan] {
        switch filter {
        case .all(let filters): filters.flatMap { bounds(index, $0) }
        case .columnValue(let test): span(index, test).map { [$0] } ?? []
        case .singleColumnValue(let test, let rule), .singleColumnValueExclude(let test, let rule):
            // Rows without the column pass unless the filter drops them, and no index knows those.
            rule.dropsIfMissing ? span(index, test).map { [$0] } ?? [] : []
        default: []
        }
    }

    private static func span(_ index: ColumnIndex, _ test: Filter.ColumnTest) -> RowSpan? {
        guard test.family == Bytes(index.column.family), test.qualifier == index.column.qualifier
        else { return nil }
        let ordered: [UInt8]
        switch (index.order, test.comparator) {
        case (.text, .binary(let value)):
            ordered = Array(value.array.prefix(IndexEntry.textBytesMax))
        case (.text, .binaryPrefix(let value)):
            guard test.comparison == .equal, !value.isEmpty else { return nil }
            let key = IndexEntry.prefix(Array(value.array.prefix(IndexEntry.textBytesMax)))
            return RowSpan(prefix: Bytes(Array(key.dropLast())))
        case (.number, .number(let text)):
            guard let number = ScaledDecimal(text) else { return nil }
            ordered = number.orderedBytes
        case (.long, .long(let number)): ordered = IndexEntry.ordered(number)
        default: return nil
        }
        // Values that only agree in what is put in order stand at the bound: it always counts.
        let bound = Bytes(IndexEntry.prefix(ordered))
        switch test.comparison {
        case .equal: return RowSpan(prefix: bound)
        case .less, .lessOrEqual: return RowSpan(start: .empty, end: bound.prefixSuccessor)
        case .greater, .greaterOrEqual: return RowSpan(start: bound, end: nil)
        case .notEqual, .noOperation: return nil
        }
    }
}

extension Filter {
    /// Whether what it does to a row does not depend on the rows before.
    var judgesRowsAlone: Bool {
        switch self {
        case .page, .whileMatch, .inclusiveStop, .columnCountGet, .randomRow: false
        case .skip(let inner): inner.judgesRowsAlone
        case .all(let inner), .any(let inner): inner.allSatisfy(\.judgesRowsAlone)
        default: true
        }
    }
}
