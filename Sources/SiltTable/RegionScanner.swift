import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Reads the rows of a range in regions that follow one another, in order.
///
/// Not Sendable: one thread at a time. Each row is consistent in itself; each region is read as it was
/// when the scan came to it.
///
/// Ascending, the cursors of the wanted families run through a region side by side: the smallest row
/// among them is next, and reading it leaves them behind it. Descending, the greatest row before the
/// last one is sought, and read forward.
final class RegionScanner {
    /// What became of a row that was found.
    enum Judgement {
        /// It has these cells to show.
        case row(Row)
        /// It has none.
        case nothing
        /// The filter passes neither it nor a row behind it.
        case end
    }

    private let plan: ReadPlan
    private let clock: any Clock
    /// Perhaps shared with the scanners of other buckets, whose rows come between this one's.
    private let filter: FilterEvaluator?
    /// The parts of the range in which the filter can pass rows, the next one last; none for all of it.
    private var spans: [RowSpan]
    private let isReversed: Bool
    /// The least key, as a key prefix: cells before it are out of range.
    private let lower: [UInt8]
    /// The first key after the range; `nil` for none.
    private let upper: [UInt8]?
    /// The same within the region that is visited.
    private var regionLower: [UInt8] = []
    private var regionUpper: [UInt8]?
    /// The regions still to be visited, the next one last.
    private var regions: [RegionPart]
    private var readers: [FamilyReader] = []
    /// The region as it was when the scan came to it; kept for as long as it is read.
    private var snapshot: GroupSnapshot?
    /// What reads the region instead of `readers` where it can: the commonest scans.
    private var plain: PlainRowReader?
    /// Descending: everything from here on was visited; `nil` for nothing so far.
    private var bound: [UInt8]?
    private var isInRegion = false
    /// The prefix of the row found last, kept to reuse its room.
    private(set) var prefix: [UInt8] = []
    private var cells: [Cell] = []
    /// Asked now and then while the filter leaves rows out; true ends the scan with `cancelled`.
    var isCancelled: (@Sendable () -> Bool)?
    private var judgedCount = 0

    /// A scanner of some regions of a layout, which lie in one bucket.
    init(
        _ plan: ReadPlan, _ extent: ScanExtent, regions visited: Range<Int>, of layout: TableLayout,
        filter: FilterEvaluator?, clock: any Clock
    ) {
        self.plan = plan
        self.clock = clock
        self.filter = filter
        isReversed = extent.isReversed
        lower = extent.whole.lowerKey
        upper = extent.whole.upperKey
        spans = extent.isReversed || extent.spans.count < 2 ? [] : extent.spans.reversed()
        regions = []
        regions.reserveCapacity(visited.count)
        for place in visited {
            let place = isReversed ? place : visited.lowerBound + visited.upperBound - 1 - place
            regions.append(RegionPart(layout.regions[place]))
        }
    }

    /// The next row that has cells to show; `nil` at the end.
    func next() throws(SiltstoneError) -> Row? {
        while true {
            if !isInRegion {
                guard try enterNext() else { return nil }
            }
            if plain != nil {
                if let row = try isReversed ? plain?.previous() : plain?.next() { return row }
                leave()
                continue
            }
            guard try findInRegion() else {
                leave()
                continue
            }
            switch try judge() {
            case .row(let row): return row
            case .nothing: continue
            case .end: return nil
            }
        }
    }

    /// Goes to the next row that may have cells to show, which `judge` reads; false at the end.
    ///
    /// For scans with a filter.
    func find() throws(SiltstoneError) -> Bool {
        while true {
            if !isInRegion {
                guard try enterNext() else { return false }
            }
            if try findInRegion() { return true }
            leave()
        }
    }

    /// Reads the row that was found.
    func judge() throws(SiltstoneError) -> Judgement {
        cells.removeAll(keepingCapacity: true)
        guard let filter else {
            try readRow()
            return cells.isEmpty ? .nothing : .row(Row(key: try rowKey(), cells: cells))
        }
        judgedCount &+= 1
        if judgedCount & 0xfff == 0, let isCancelled, isCancelled() {
            throw SiltstoneError(.cancelled, "scan was cancelled")
        }
        guard filter.startRow() else {
            end()
            return .end
        }
        let key = try rowKey()
        if filter.excludes(row: key) {
            for index in readers.indices { try readers[index].passRow(prefix) }
            return .nothing
        }
        try readRow()
        filter.finishRow(&cells)
        return cells.isEmpty ? .nothing : .row(Row(key: key, cells: cells))
    }

    /// Shows each cell of the rows that are left to `body`, until it wants no more.
    ///
    /// The scanner must not be used in the call.
    func forEachCell(
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, borrowing Span<UInt8>) throws -> Bool
    ) throws {
        while true {
            if !isInRegion {
                guard try enterNext() else { return }
            }
            if plain != nil, !isReversed {
                guard try plain?.forEachCell(body) ?? true else { return }
                leave()
                continue
            }
            guard let row = try next() else { return }
            for cell in row.cells {
                if try !body(row.key, cell.column, cell.timestamp, cell.value.array.span) { return }
            }
        }
    }

    deinit { plain?.finish() }

    private func leave() {
        isInRegion = false
        plain?.finish()
        plain = nil
        readers = []
        snapshot = nil
    }

    private func readRow() throws(SiltstoneError) {
        for index in readers.indices where readers[index].isInRow(prefix) {
            try readers[index].readRow(prefix, isLast: isReversed, into: &cells)
        }
    }

    private func end() {
        regions = []
        leave()
    }

    /// Seeks to where the filter can pass rows again, when the row found is not there; then false.
    private func passGap() throws(SiltstoneError) -> Bool {
        if spans.isEmpty { return true }
        while let span = spans.last, let end = span.upperKey,
            !prefix.lexicographicallyPrecedes(end), spans.count > 1
        {
            spans.removeLast()
        }
        guard let span = spans.last else { return true }
        let start = span.lowerKey
        guard prefix.lexicographicallyPrecedes(start) else { return true }
        for reader in readers { try reader.cursor.seek(start) }
        return false
    }

    /// Goes to the next region; false when there is none.
    private func enterNext() throws(SiltstoneError) -> Bool {
        while let part = regions.popLast() {
            let successors = part.successors
            if successors.isEmpty {
                try enter(part)
                return true
            }
            regions += isReversed ? successors : successors.reversed()
        }
        return false
    }

    private func enter(_ region: RegionPart) throws(SiltstoneError) {
        var lower = lower
        var upper = upper
        if let start = region.start {
            let key = CellKey.rowPrefix(start)
            if lower.lexicographicallyPrecedes(key) { lower = key }
        }
        if let end = region.end {
            let key = CellKey.rowPrefix(end)
            if upper.map({ key.lexicographicallyPrecedes($0) }) ?? true { upper = key }
        }
        let start = region.group.latencies.begin()
        defer { region.group.latencies.end(.seek, start) }
        let snapshot = try region.group.snapshot(for: "scan")
        self.snapshot = snapshot
        let now = clock.nowMilliseconds
        if var found = try PlainRowReader(plan, snapshot, upper: upper, nowMilliseconds: now) {
            if isReversed {
                found.startBack(before: upper, lower: lower)
            } else {
                try found.seek(lower)
            }
            plain = found
            isInRegion = true
            return
        }
        regionLower = lower
        regionUpper = upper
        bound = upper
        readers.removeAll()
        for family in plan.families {
            var options = CursorOptions()
            if !plan.isRaw {
                options.timeRange = family.timeRange(plan.timeRange, nowMilliseconds: now)
            }
            let cursor = try snapshot.cursor(family: family.family.id, options)
            if !isReversed { try cursor.seek(lower) }
            readers.append(
                FamilyReader(
                    family, of: plan, cursor: cursor,
                    mayHaveFamilyMarkers: snapshot.mayHaveFamilyMarkers(family: family.family.id),
                    nowMilliseconds: now, filter: filter))
        }
        isInRegion = true
    }

    /// Goes to the region's next row that may have cells to show; false at its end.
    private func findInRegion() throws(SiltstoneError) -> Bool {
        while try isReversed ? findRowBefore() : findRow() {
            if try passGap() { return true }
        }
        return false
    }

    /// Ascending: takes the smallest row that a cursor stands in; false at the end of the region or range.
    private func findRow() -> Bool {
        var isFound = false
        for reader in readers where reader.cursor.isValid {
            // Safety: the row prefix is a part of the column key; it is copied before a cursor moves.
            let key = unsafe reader.cursor.columnKey
            let row = unsafe UnsafeRawBufferPointer(
                rebasing: key[..<reader.cursor.rowPrefixByteCount])
            if isFound, unsafe KeyComparison.order(row, prefix) >= 0 { continue }
            prefix.removeAll(keepingCapacity: true)
            unsafe prefix.append(contentsOf: row)
            isFound = true
        }
        guard isFound, let regionUpper else { return isFound }
        return prefix.lexicographicallyPrecedes(regionUpper)
    }

    /// Descending: takes the greatest row before `bound` and puts the cursors at its beginning.
    private func findRowBefore() throws(SiltstoneError) -> Bool {
        var isFound = false
        for reader in readers {
            try reader.cursor.seekLast(before: bound)
            guard reader.cursor.isValid else { continue }
            // Safety: the row prefix is a part of the column key; it is copied before a cursor moves.
            let key = unsafe reader.cursor.columnKey
            let row = unsafe UnsafeRawBufferPointer(
                rebasing: key[..<reader.cursor.rowPrefixByteCount])
            if isFound, unsafe KeyComparison.order(row, prefix) <= 0 { continue }
            prefix.removeAll(keepingCapacity: true)
            unsafe prefix.append(contentsOf: row)
            isFound = true
        }
        guard isFound, !prefix.lexicographicallyPrecedes(regionLower) else { return false }
        bound = prefix
        for reader in readers { try reader.cursor.seek(prefix) }
        return true
    }

    private func rowKey() throws(SiltstoneError) -> Bytes {
        do {
            return Bytes(try CellKey.component(of: prefix, at: 0).bytes)
        } catch {
            throw SiltstoneError(.corrupted, "row key is damaged key=\(Hex.encode(prefix))")
        }
    }
}
