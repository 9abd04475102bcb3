package import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel

/// Reads the rows of a range in order, whether by their keys alone or by an index, from one bucket or from many.
///
/// Not Sendable: one thread at a time. Each row is consistent in itself; each region is read as it was
/// when the scan came to it.
package final class RowScanner {
    private enum Source {
        case regions(RegionScanner)
        case buckets(BucketMerge, [RegionScanner])
    }

    private let source: Source
    /// Asked now and then while a filter leaves rows out; true ends the scan with `cancelled`.
    package var isCancelled: (@Sendable () -> Bool)? {
        didSet {
            switch source {
            case .regions(let scanner): scanner.isCancelled = isCancelled
            case .buckets(_, let scanners):
                for scanner in scanners { scanner.isCancelled = isCancelled }
            }
        }
    }
    /// The rows that an index found; the regions are not read then.
    var indexed: IndexedRows?

    /// A scanner of a range of a table, or of one of its regions.
    init(
        layout: TableLayout, range: RowRange, projection: Projection, _ engine: Engine,
        region: Int? = nil
    ) throws(SiltstoneError) {
        let plan = try layout.plan(projection)
        let extent = ScanExtent(range, plan.filter)
        var filter: FilterEvaluator?
        if let wanted = plan.filter {
            filter = try FilterEvaluator(
                wanted, isReversed: range.isReversed, random: engine.environment.random)
        }
        if region != nil || layout.buckets.count == 1 {
            let visited =
                if let region {
                    extent.whole.isEmpty ? region..<region : region..<region + 1
                } else {
                    layout.regions(of: extent.whole, in: layout.buckets[0])
                }
            source = .regions(
                RegionScanner(
                    plan, extent, regions: visited, of: layout, filter: filter,
                    clock: engine.environment.clock))
            return
        }
        let scanners = (0..<layout.buckets.count).map {
            RegionScanner(
                plan, extent, regions: layout.regions(of: extent.whole, in: layout.buckets[$0]),
                of: layout, filter: filter, clock: engine.environment.clock)
        }
        source = .buckets(
            BucketMerge(scanners, isReversed: range.isReversed, hasFilter: filter != nil), scanners)
    }

    /// The next row that has cells to show; `nil` at the end.
    package func next() throws(SiltstoneError) -> Row? {
        if indexed != nil { return try indexed?.next() }
        switch source {
        case .regions(let scanner): return try scanner.next()
        case .buckets(let merge, _): return try merge.next()
        }
    }

    /// Shows each cell of the rows that are left to `body`, until it wants no more.
    ///
    /// The scanner must not be used in the call.
    package func forEachCell(
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, borrowing Span<UInt8>) throws -> Bool
    ) throws {
        if indexed == nil, case .regions(let scanner) = source {
            return try scanner.forEachCell(body)
        }
        while let row = try next() {
            for cell in row.cells {
                if try !body(row.key, cell.column, cell.timestamp, cell.value.array.span) { return }
            }
        }
    }
}

extension StoredTable {
    /// Shows each cell of a range to `body` where it lies, row by row, until it wants no more.
    package func forEachCell(
        _ range: RowRange, _ projection: Projection,
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, borrowing Span<UInt8>) throws -> Bool
    ) throws {
        let layout = try layout()
        let plan = try layout.plan(projection)
        guard plan.plain != nil, layout.buckets.count == 1 else {
            return try scan(range, projection).forEachCell(body)
        }
        // Without a filter there are no indexes to ask, and with one bucket nothing to put in order.
        let extent = ScanExtent(range, nil)
        let visited = layout.regions(of: extent.whole, in: layout.buckets[0])
        var first = visited.lowerBound
        if !extent.isReversed {
            let lower = extent.whole.lowerKey
            let upper = extent.whole.upperKey
            while first < visited.upperBound,
                let goesOn = try forEachPlainCell(layout.regions[first], plan, lower, upper, body)
            {
                if !goesOn { return }
                first += 1
            }
            if first == visited.upperBound { return }
        }
        try RegionScanner(
            plan, extent, regions: first..<visited.upperBound, of: layout, filter: nil,
            clock: shared.clock
        ).forEachCell(body)
    }

    /// Shows the cells of a region between two keys, ascending, where its rows are plain: without what a `RegionScanner`
    /// keeps, which takes more than a twentieth of a short scan.
    ///
    /// - Returns: whether more is wanted; `nil` when the region has to be read in another way.
    private func forEachPlainCell(
        _ region: TreeGroup, _ plan: ReadPlan, _ lower: [UInt8], _ upper: [UInt8]?,
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, borrowing Span<UInt8>) throws -> Bool
    ) throws -> Bool? {
        guard region.successors.isEmpty else { return nil }
        let start = region.latencies.begin()
        let snapshot = try region.snapshot(for: "scan")
        guard
            var reader = try PlainRowReader(
                plan, snapshot, upper: upper, nowMilliseconds: shared.clock.nowMilliseconds)
        else { return nil }
        defer { reader.finish() }
        do {
            defer { region.latencies.end(.seek, start) }
            try reader.seek(lower)
        }
        return try reader.forEachCell(body)
    }
}
