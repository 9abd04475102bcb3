import SiltBytes
import SiltModel

extension FilterNode {
    /// What a filter without others inside says about a cell.
    mutating func decide(
        _ family: Bytes, _ qualifier: Bytes, _ timestamp: Int64, _ value: Span<UInt8>
    ) -> FilterDecision {
        switch test {
        case .prefix, .row, .chance: return isMarked ? .nextRow : .include
        case .family(let comparison, let comparator):
            return comparator.holds(comparison, family.array.span) ? .include : .nextRow
        case .qualifier(let comparison, let comparator):
            return comparator.holds(comparison, qualifier.array.span) ? .include : .skip
        case .value(let comparison, let comparator):
            return comparator.holds(comparison, value) ? .include : .skip
        case .single(let match, let rule, _):
            return decideSingle(match, rule, family, qualifier, value)
        case .columnValue(let match):
            guard match.isColumn(family, qualifier) else {
                return isMarked ? .nextRow : .nextColumn
            }
            isMarked = true
            return match.holds(value) ? .include : .skip
        case .columnPrefixes, .columnRange, .pagination, .paginationFrom, .columnCount:
            return decideColumn(qualifier)
        case .firstKeyOnly:
            if isMarked { return .nextRow }
            isMarked = true
            return .include
        case .timestamps(let stamps, let least):
            if stamps.contains(timestamp) { return .include }
            return timestamp < least ? .nextColumn : .skip
        case .dependent(let column, let comparison, let comparator):
            guard column.qualifier == qualifier, column.family == family else { return .include }
            if let comparator, !comparator.holds(comparison, value) { return .skip }
            stamps.insert(timestamp)
            return column.isDropped ? .skip : .include
        default: return .include
        }
    }

    /// What a filter on row keys says that looks at them only when it comes to cells.
    mutating func decide(row: Bytes) -> FilterDecision {
        if isMatched { return .include }
        switch test {
        case .fuzzyRow(let keys):
            isMatched = keys.contains { $0.matches(row) }
            isMarked = !isMatched
        case .ranges(let ranges): isMatched = ranges.contains { $0.contains(row) }
        default: isMatched = true
        }
        return isMatched ? .include : .nextRow
    }

    private mutating func decideSingle(
        _ match: ColumnMatch, _ rule: Filter.RowRule, _ family: Bytes, _ qualifier: Bytes,
        _ value: Span<UInt8>
    ) -> FilterDecision {
        if isMatched { return .include }
        if rule.latestOnly, isMarked { return .nextRow }
        guard match.isColumn(family, qualifier) else { return .include }
        isMarked = true
        guard match.holds(value) else { return rule.latestOnly ? .nextRow : .include }
        isMatched = true
        return .include
    }

    private mutating func decideColumn(_ qualifier: Bytes) -> FilterDecision {
        switch test {
        case .columnPrefixes(let prefixes):
            if prefixes.contains(where: { qualifier.array.starts(with: $0) }) { return .include }
            let isBeyondAll = prefixes.allSatisfy { $0.lexicographicallyPrecedes(qualifier.array) }
            return isBeyondAll ? .nextRow : .skip
        case .columnRange(let range):
            if let min = range.min, qualifier < min || (qualifier == min && !range.includesMin) {
                return .skip
            }
            if let max = range.max, max < qualifier || (qualifier == max && !range.includesMax) {
                return .nextRow
            }
            return .include
        case .pagination(let limit, let offset):
            // The sum of two natural numbers may not fit.
            if count >= offset, count - offset >= limit { return .nextRow }
            count += 1
            return count <= offset ? .nextColumn : .includeNextColumn
        case .paginationFrom(let first, let limit):
            if count >= limit { return .nextRow }
            if count == 0, qualifier.array.lexicographicallyPrecedes(first) { return .skip }
            count += 1
            return .includeNextColumn
        case .columnCount(let limit):
            count += 1
            return count > limit ? .nextColumn : .includeNextColumn
        default: return .include
        }
    }
}

extension Filter.FuzzyKey {
    /// Whether a row key has the key's bytes at its fixed positions; it may be longer.
    func matches(_ row: Bytes) -> Bool {
        guard row.count >= key.count else { return false }
        for index in key.array.indices where !isFree[index] && key.array[index] != row.array[index]
        {
            return false
        }
        return true
    }
}

extension Filter.KeyRange {
    /// Whether a row key lies in the range.
    func contains(_ row: Bytes) -> Bool {
        let isAfterStart =
            start.isEmpty || start < row || (includesStart && row == start)
        return isAfterStart && (stop.isEmpty || row < stop || (includesStop && row == stop))
    }
}
