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
        case buckets(BucketMerge)
    }

    private let source: Source
    private let scanners: [RegionScanner]
    /// Asked now and then while a filter leaves rows out; true ends the scan with `cancelled`.
    package var isCancelled: (@Sendable () -> Bool)? {
        didSet { for scanner in scanners { scanner.isCancelled = isCancelled } }
    }
    /// The rows that an index found; the regions are not read then.
    var indexed: IndexedRows?

    /// A scanner of a range of a table, or of one of its regions.
    init(
        layout: TableLayout, range: RowRange, projection: Projection, environment: Environment,
        region: Int? = nil
    ) throws(SiltstoneError) {
        let plan = try layout.plan(projection)
        let extent = ScanExtent(range, plan.filter)
        var filter: FilterEvaluator?
        if let wanted = plan.filter {
            filter = try FilterEvaluator(
                wanted, isReversed: range.isReversed, random: environment.random)
        }
        let visited: [Range<Int>] =
            if let region {
                [extent.whole.isEmpty ? region..<region : region..<region + 1]
            } else {
                (0..<layout.buckets.count).map {
                    layout.regions(of: extent.whole, in: layout.buckets[$0])
                }
            }
        let scanners = visited.map {
            RegionScanner(
                plan, extent, regions: $0, of: layout, filter: filter, clock: environment.clock)
        }
        self.scanners = scanners
        source =
            scanners.count == 1
            ? .regions(scanners[0])
            : .buckets(
                BucketMerge(scanners, isReversed: range.isReversed, hasFilter: filter != nil))
    }

    /// The next row that has cells to show; `nil` at the end.
    package func next() throws(SiltstoneError) -> Row? {
        if indexed != nil { return try indexed?.next() }
        switch source {
        case .regions(let scanner): return try scanner.next()
        case .buckets(let merge): return try merge.next()
        }
    }

    /// Shows each cell of the rows that are left to `body`, until it wants no more.
    ///
    /// The value's pointer is valid during the call only, in which the scanner must not be used.
    package func forEachCell(
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        if indexed == nil, case .regions(let scanner) = source {
            // Safety: the scanner lends each value for one call.
            return try unsafe scanner.forEachCell(body)
        }
        while let row = try next() {
            for cell in row.cells {
                // Safety: the value is lent for the call.
                let goesOn = try unsafe cell.value.array.withUnsafeBytes {
                    try unsafe body(row.key, cell.column, cell.timestamp, $0)
                }
                if !goesOn { return }
            }
        }
    }
}
