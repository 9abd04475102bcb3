import SiltBytes
import SiltModel

/// Makes the nodes of a filter, checking its values.
struct FilterBuilder {
    /// The most filters in one tree.
    static let nodeCountMax = 10_000
    /// The deepest nesting.
    static let depthMax = 100

    private(set) var nodes: [FilterNode] = []
    /// How `keyOnly` filters change values, in order: to their length, or to nothing.
    private(set) var valueSteps: [Bool] = []

    private func refuse(_ what: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "filter \(what)")
    }

    /// Adds a filter and those inside.
    ///
    /// - Returns: its place.
    mutating func add(_ filter: Filter, depth: Int = 0) throws(SiltstoneError) -> Int {
        guard depth <= FilterBuilder.depthMax else {
            throw refuse("is nested too deeply max=\(FilterBuilder.depthMax)")
        }
        guard nodes.count < FilterBuilder.nodeCountMax else {
            throw refuse("has too many parts max=\(FilterBuilder.nodeCountMax)")
        }
        let inner: [Filter]
        let wrapper: FilterNode.Test
        switch filter {
        case .skip(let filter): (wrapper, inner) = (.skip, [filter])
        case .whileMatch(let filter): (wrapper, inner) = (.whileMatch, [filter])
        case .all(let filters): (wrapper, inner) = (.all, filters)
        case .any(let filters): (wrapper, inner) = (.any, filters)
        default:
            nodes.append(FilterNode(try leaf(filter)))
            return nodes.count - 1
        }
        // A wrapper stands before what it wraps.
        let place = nodes.count
        nodes.append(FilterNode(wrapper))
        var children: [Int] = []
        for one in inner { children.append(try add(one, depth: depth + 1)) }
        nodes[place] = FilterNode(wrapper, children: children)
        return place
    }

    private mutating func leaf(_ filter: Filter) throws(SiltstoneError) -> FilterNode.Test {
        switch filter {
        case .prefix(let prefix): return .prefix(prefix.array)
        case .row(let comparison, let comparator):
            return .row(comparison, try comparable(comparison, comparator))
        case .inclusiveStop(let stop): return .inclusiveStop(stop.array)
        case .page(let limit): return .page(try natural(limit, "page size"))
        case .fuzzyRow(let keys):
            for key in keys where key.key.count != key.isFree.count {
                throw refuse(
                    "has a fuzzy key and mask of different lengths key=\(key.key.count) mask=\(key.isFree.count)"
                )
            }
            guard !keys.isEmpty else { throw refuse("has no fuzzy keys") }
            return .fuzzyRow(keys)
        case .multiRowRange(let ranges): return .ranges(try checked(ranges))
        case .randomRow(let chance): return .chance(chance)
        case .firstKeyOnly: return .firstKeyOnly
        case .keyOnly(let lengthAsValue):
            valueSteps.append(lengthAsValue)
            return .keyOnly
        default: return try columnLeaf(filter)
        }
    }

    private func columnLeaf(_ filter: Filter) throws(SiltstoneError) -> FilterNode.Test {
        switch filter {
        case .family(let comparison, let comparator):
            return .family(comparison, try comparable(comparison, comparator))
        case .qualifier(let comparison, let comparator):
            return .qualifier(comparison, try comparable(comparison, comparator))
        case .value(let comparison, let comparator):
            return .value(comparison, try comparable(comparison, comparator))
        case .columnPrefix(let prefix): return .columnPrefixes([prefix.array])
        case .multipleColumnPrefix(let prefixes):
            guard !prefixes.isEmpty else { throw refuse("has no column prefixes") }
            return .columnPrefixes(prefixes.map(\.array))
        case .columnRange(let range): return .columnRange(range)
        case .columnPagination(let limit, let offset):
            return .pagination(
                limit: try natural(limit, "column limit"),
                offset: try natural(offset, "column offset"))
        case .columnPaginationFrom(let first, let limit):
            return .paginationFrom(first.array, limit: try natural(limit, "column limit"))
        case .columnCountGet(let limit): return .columnCount(try natural(limit, "column limit"))
        case .columnValue(let test): return .columnValue(try match(test))
        case .timestamps(let stamps):
            return .timestamps(Set(stamps), least: stamps.min() ?? .max)
        case .dependentColumn(let column):
            guard let test = column.test else { return .dependent(column, .noOperation, nil) }
            return .dependent(
                column, test.comparison, try comparable(test.comparison, test.comparator))
        case .singleColumnValue(let test, let rule):
            return .single(try match(test), rule, isExcluded: false)
        case .singleColumnValueExclude(let test, let rule):
            return .single(try match(test), rule, isExcluded: true)
        default: throw refuse("is none that is known")
        }
    }

    private func match(_ test: Filter.ColumnTest) throws(SiltstoneError) -> FilterNode.ColumnMatch {
        FilterNode.ColumnMatch(
            family: test.family, qualifier: test.qualifier, comparison: test.comparison,
            comparator: try comparable(test.comparison, test.comparator))
    }

    private func comparable(_ comparison: CompareOperator, _ comparator: FilterComparator)
        throws(SiltstoneError) -> ValueComparator
    {
        try ValueComparator(comparator)
    }

    private func natural(_ value: Int, _ what: String) throws(SiltstoneError) -> Int {
        guard value >= 0 else { throw refuse("has a negative \(what) value=\(value)") }
        return value
    }

    private func checked(_ ranges: [Filter.KeyRange]) throws(SiltstoneError) -> [Filter.KeyRange] {
        guard !ranges.isEmpty else { throw refuse("has no row ranges") }
        for range in ranges where !range.stop.isEmpty && range.stop < range.start {
            throw refuse(
                "has a row range that ends before it begins start=\(range.start) stop=\(range.stop)"
            )
        }
        return ranges
    }
}
