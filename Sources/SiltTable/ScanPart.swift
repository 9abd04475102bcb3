import SiltBytes
import SiltLSM
package import SiltModel

/// The rows of a scan that lie in one region, to be read beside the others.
package struct ScanPart: Sendable {
    private let layout: TableLayout
    private let range: RowRange
    private let projection: Projection
    private let engine: Engine
    /// The region, or `nil` when the part is all that the scan visits.
    private let region: Int?

    init(
        _ layout: TableLayout, _ range: RowRange, _ projection: Projection,
        _ engine: Engine, region: Int? = nil
    ) {
        self.layout = layout
        self.range = range
        self.projection = projection
        self.engine = engine
        self.region = region
    }

    /// Begins to read the part's rows, in order.
    package func open() throws(SiltstoneError) -> RowScanner {
        try RowScanner(
            layout: layout, range: range, projection: projection, engine, region: region)
    }
}

extension StoredTable {
    /// A scan in parts that can be read at the same time, one for each region, in row order within a bucket.
    ///
    /// One part when the filter counts rows or ends the scan: it has to see all rows in order.
    package func scanParts(_ range: RowRange = .all, _ projection: Projection = .all)
        throws(SiltstoneError) -> [ScanPart]
    {
        let layout = try layout()
        let isSplit = projection.filter?.judgesRowsAlone ?? true
        let visited = (0..<layout.buckets.count).flatMap {
            layout.regions(of: RowSpan(range), in: layout.buckets[$0])
        }
        guard isSplit, !range.isReversed, visited.count > 1 else {
            return [ScanPart(layout, range, projection, shared.engine)]
        }
        return visited.map {
            ScanPart(layout, range, projection, shared.engine, region: $0)
        }
    }
}
