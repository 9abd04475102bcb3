import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel

/// The rows of a scan that lie in one region, to be read beside the others.
package struct ScanPart: Sendable {
    private let layout: TableLayout
    private let range: RowRange
    private let projection: Projection
    private let environment: Environment

    init(
        _ layout: TableLayout, _ range: RowRange, _ projection: Projection,
        _ environment: Environment
    ) {
        self.layout = layout
        self.range = range
        self.projection = projection
        self.environment = environment
    }

    /// Begins to read the part's rows, in order.
    package func open() throws(SiltstoneError) -> RowScanner {
        try RowScanner(
            layout: layout, range: range, projection: projection, environment: environment)
    }
}

extension StoredTable {
    /// A scan in parts that can be read at the same time, one for each region, in row order.
    ///
    /// One part when the filter counts rows or ends the scan: it has to see all rows in order.
    package func scanParts(_ range: RowRange = .all, _ projection: Projection = .all)
        throws(SiltstoneError) -> [ScanPart]
    {
        let layout = try layout()
        let isSplit = projection.filter?.judgesRowsAlone ?? true
        guard isSplit, !range.isReversed, layout.regions.count > 1 else {
            return [ScanPart(layout, range, projection, shared.environment)]
        }
        let first = range.start.isEmpty ? 0 : layout.regionIndex(of: range.start)
        let last =
            range.stop.isEmpty ? layout.regions.count - 1 : layout.regionIndex(of: range.stop)
        guard first < last else { return [ScanPart(layout, range, projection, shared.environment)] }
        return (first...last).map { index in
            let region = layout.regions[index].range
            var part = range
            if index > first {
                part.start = region.start
                part.includesStart = true
            }
            if index < last {
                part.stop = region.end
                part.includesStop = false
            }
            return ScanPart(layout, part, projection, shared.environment)
        }
    }
}
