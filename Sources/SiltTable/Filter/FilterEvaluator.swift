import SiltBytes
import SiltIO
import SiltModel

/// Evaluates a filter over the rows of one read, with the meaning of HBase's filters.
///
/// For every row: `startRow`, `excludes(row:)`, then `decide` for every cell that the rest of the read
/// admits, family by family, then `finishRow`. One thread at a time; what `page`, `whileMatch` and
/// `inclusiveStop` remember lasts for the read.
final class FilterEvaluator {
    private var nodes: [FilterNode]
    private let valueSteps: [Bool]
    private let isReversed: Bool
    private let random: any RandomSource
    private var row = Bytes.empty
    /// Set by a decision of a lone column filter: nothing before this qualifier passes.
    private(set) var hint: [UInt8]?

    init(_ filter: Filter, isReversed: Bool, random: any RandomSource) throws(SiltstoneError) {
        var builder = FilterBuilder()
        _ = try builder.add(filter)
        nodes = builder.nodes
        valueSteps = builder.valueSteps
        self.isReversed = isReversed
        self.random = random
    }

    /// Begins a row.
    ///
    /// - Returns: whether there is a point in going on; else no row from here on can pass.
    func startRow() -> Bool {
        if isDone(0) { return false }
        for index in nodes.indices { nodes[index].reset() }
        return !isDone(0)
    }

    /// Whether a row is out by its key alone.
    func excludes(row: Bytes) -> Bool {
        self.row = row
        return excludesRow(0, row)
    }

    /// What to do with a cell of the row.
    func decide(
        family: Bytes, qualifier: Bytes, timestamp: Int64, value: Span<UInt8>
    ) -> FilterDecision {
        hint = nil
        let decision = decide(0, family, qualifier, timestamp, value)
        if decision == .skip { noteHint(qualifier) }
        return decision
    }

    /// Takes cells out that are found wanting when the whole row was seen; all of them when the row is out.
    func finishRow(_ cells: inout [Cell]) {
        filterCells(0, &cells)
        if !cells.isEmpty, excludesWhole(0) { cells.removeAll(keepingCapacity: true) }
    }

    /// A value as it is given.
    func form(_ value: Bytes) -> Bytes {
        var value = value
        for givesLength in valueSteps {
            guard givesLength else {
                value = .empty
                continue
            }
            let count = UInt32(truncatingIfNeeded: value.count)
            value = Bytes((0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * $0)) })
        }
        return value
    }

    // MARK: - The tree

    private func isDone(_ index: Int) -> Bool {
        let node = nodes[index]
        switch node.test {
        case .page(let limit): return node.count >= limit
        case .columnCount(let limit): return node.count > limit
        case .inclusiveStop, .prefix: return node.isDone
        case .whileMatch: return node.isDone || node.children.contains { isDone($0) }
        case .skip: return node.children.contains { isDone($0) }
        case .all: return node.children.contains { isDone($0) }
        case .any: return !node.children.isEmpty && node.children.allSatisfy { isDone($0) }
        default: return false
        }
    }

    private func excludesRow(_ index: Int, _ row: Bytes) -> Bool {
        switch nodes[index].test {
        case .prefix(let prefix):
            let head = row.array.prefix(prefix.count)
            nodes[index].isMarked = !head.elementsEqual(prefix)
            if nodes[index].isMarked {
                // Rows beyond those with the prefix end the scan.
                let isBeyond =
                    isReversed
                    ? head.lexicographicallyPrecedes(prefix)
                    : prefix.lexicographicallyPrecedes(head)
                if isBeyond { nodes[index].isDone = true }
            }
            return nodes[index].isMarked
        case .row(let comparison, let comparator):
            nodes[index].isMarked = !comparator.holds(comparison, row.array.span)
            return nodes[index].isMarked
        case .inclusiveStop(let stop):
            let isBeyond =
                isReversed
                ? row.array.lexicographicallyPrecedes(stop)
                : stop.lexicographicallyPrecedes(row.array)
            nodes[index].isDone = isBeyond
            return isBeyond
        case .chance(let chance):
            // 53 random bits give a number from 0 up to 1.
            let number = Double(random.next() >> 11) / Double(1 << 53)
            nodes[index].isMarked = chance < 0 || (chance <= 1 && number >= chance)
            return nodes[index].isMarked
        case .whileMatch:
            let child = nodes[index].children[0]
            if isDone(child) { return true }
            let isOut = excludesRow(child, row)
            if isOut { nodes[index].isDone = true }
            return isOut
        case .all:
            var isOut = false
            for child in nodes[index].children where excludesRow(child, row) { isOut = true }
            return isOut
        case .any:
            let children = nodes[index].children
            var isOut = !children.isEmpty
            for child in children where !isDone(child) && !excludesRow(child, row) { isOut = false }
            return isOut
        // `skip` among them: what is inside is asked about cells only.
        default: return false
        }
    }

    private func filterCells(_ index: Int, _ cells: inout [Cell]) {
        switch nodes[index].test {
        case .single(let match, _, isExcluded: true):
            cells.removeAll {
                $0.column.qualifier == match.qualifier && Bytes($0.column.family) == match.family
            }
        case .dependent:
            let stamps = nodes[index].stamps
            cells.removeAll { !stamps.contains($0.timestamp) }
        case .all, .any:
            for child in nodes[index].children { filterCells(child, &cells) }
        default: break
        }
    }

    private func excludesWhole(_ index: Int) -> Bool {
        switch nodes[index].test {
        case .page(let limit):
            nodes[index].count += 1
            return nodes[index].count > limit
        case .single(_, let rule, _):
            return nodes[index].isMarked ? !nodes[index].isMatched : rule.dropsIfMissing
        case .prefix, .row, .fuzzyRow, .chance, .skip: return nodes[index].isMarked
        case .whileMatch:
            let isOut = excludesWhole(nodes[index].children[0])
            if isOut { nodes[index].isDone = true }
            return isOut
        case .all:
            for child in nodes[index].children where excludesWhole(child) { return true }
            return false
        case .any:
            let children = nodes[index].children
            if children.isEmpty { return false }
            for child in children where !isDone(child) && !excludesWhole(child) { return false }
            return true
        default: return false
        }
    }

    private func decide(
        _ index: Int, _ family: Bytes, _ qualifier: Bytes, _ timestamp: Int64, _ value: Span<UInt8>
    ) -> FilterDecision {
        let children = nodes[index].children
        switch nodes[index].test {
        case .skip:
            let decision = decide(children[0], family, qualifier, timestamp, value)
            if !decision.isIncluded { nodes[index].isMarked = true }
            return decision
        case .whileMatch:
            let decision = decide(children[0], family, qualifier, timestamp, value)
            if !decision.isIncluded { nodes[index].isDone = true }
            return decision
        case .all:
            var result = FilterDecision.include
            for child in children {
                if isDone(child) { return .nextRow }
                result = result.and(decide(child, family, qualifier, timestamp, value))
            }
            return result
        case .fuzzyRow, .ranges: return nodes[index].decide(row: row)
        case .any: return decideAny(children, family, qualifier, timestamp, value)
        default: return nodes[index].decide(family, qualifier, timestamp, value)
        }
    }

    private func decideAny(
        _ children: [Int], _ family: Bytes, _ qualifier: Bytes, _ timestamp: Int64,
        _ value: Span<UInt8>
    ) -> FilterDecision {
        if children.isEmpty { return .include }
        var isIncluded = false
        var endsColumn = true
        var skipsColumn = true
        var skipsRow = true
        var askedCount = 0
        for child in children {
            if isDone(child) {
                endsColumn = false
                continue
            }
            askedCount += 1
            let decision = decide(child, family, qualifier, timestamp, value)
            if decision.isIncluded { isIncluded = true }
            if decision != .includeNextColumn { endsColumn = false }
            if decision != .nextRow { skipsRow = false }
            if decision != .nextRow, decision != .nextColumn { skipsColumn = false }
        }
        if isIncluded { return endsColumn ? .includeNextColumn : .include }
        if askedCount == 0 { return .skip }
        return skipsRow ? .nextRow : skipsColumn ? .nextColumn : .skip
    }

    /// When the whole filter is one about qualifiers, the reader can seek instead of passing over.
    private func noteHint(_ qualifier: Bytes) {
        switch nodes[0].test {
        case .columnRange(let range): hint = range.min?.array
        case .columnPrefixes(let prefixes):
            hint = prefixes.filter { qualifier.array.lexicographicallyPrecedes($0) }
                .min { $0.lexicographicallyPrecedes($1) }
        case .paginationFrom(let first, _): hint = first
        default: break
        }
    }
}
