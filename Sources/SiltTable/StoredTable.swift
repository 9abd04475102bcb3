package import SiltBytes
import SiltLSM
package import SiltModel
import Synchronization

/// A table: its current schema and regions, and the operations on its rows.
///
/// Safe to use from any thread.
///
/// A table that was dropped throws `notFound` from every operation.
package final class StoredTable: Sendable {
    private struct State {
        var layout: TableLayout
        var isDropped = false
    }

    /// The table's identifier; a table created again under the same name has another.
    package let id: Identifier
    /// What the table shares with the others of its data directory.
    let shared: SharedParts
    private let state: Mutex<State>
    private let recent: RecentPointPlan

    init(id: Identifier, shared: SharedParts, layout: TableLayout) {
        self.id = id
        self.shared = shared
        recent = RecentPointPlan(shared)
        state = Mutex(State(layout: layout))
    }

    /// The schema as declared.
    package var definition: TableDefinition { state.withLock { $0.layout }.definition }

    /// The current schema and regions.
    func layout() throws(SiltstoneError) -> TableLayout {
        let (layout, isDropped) = state.withLock { ($0.layout, $0.isDropped) }
        guard !isDropped else {
            throw SiltstoneError(.notFound, "table was dropped table=\(layout.definition.name)")
        }
        return layout
    }

    /// The current schema and regions, for a write.
    func writableLayout() throws(SiltstoneError) -> TableLayout {
        let layout = try layout()
        guard !layout.isReadOnly else {
            throw SiltstoneError(
                .invalidArgument, "table is read-only table=\(layout.definition.name)")
        }
        return layout
    }

    /// Publishes a changed schema.
    func replaceLayout(_ layout: TableLayout) {
        state.withLock {
            $0.layout = layout
            recent.replace(nil)
        }
    }

    /// Makes every later operation fail with `notFound`.
    func markDropped() {
        state.withLock {
            $0.isDropped = true
            recent.replace(nil)
        }
    }

    /// The row's cells that the projection wants; `nil` when there are none.
    ///
    /// Disk I/O: per wanted family, one block of each file whose key range and filter admit the row.
    package func get(_ row: Bytes, _ projection: Projection = .all) throws(SiltstoneError) -> Row? {
        let start = recent.begin()
        defer { recent.end(start) }
        if case .row(let row) = PointGetter.get(row, projection, recent, mayReadDisk: true) {
            return row
        }
        return try getGenerally(row, projection, within: .none)
    }

    /// The same without waiting for a disk; `nil` when it would have to, when the row is long, or when the read is wrong.
    ///
    /// - Returns: the answer, which may be that there is no row.
    package func getCached(_ row: Bytes, _ projection: Projection = .all) -> Row?? {
        // What is asked again is counted then.
        let start = recent.begin()
        let found: Row?
        switch PointGetter.get(row, projection, recent, mayReadDisk: false) {
        case .row(let row): found = row
        case .onDisk: return .none
        case .unclear:
            // Filters take long, or draw lots.
            guard projection.filter == nil else { return .none }
            do throws(SiltstoneError) {
                found = try getGenerally(row, projection, within: .quick)
            } catch { return .none }
        }
        recent.end(start)
        return .some(found)
    }

    private func getGenerally(_ row: Bytes, _ projection: Projection, within bounds: ReadBounds)
        throws(SiltstoneError) -> Row?
    {
        let layout = try layout()
        let result = try RowGetter.get(
            row, projection, layout: layout, clock: shared.clock, random: shared.random,
            within: bounds)
        if recent.wantsOffer(),
            let plan = PointPlan(projection, try layout.plan(projection), layout)
        {
            state.withLock { state in
                if state.layout === layout, !state.isDropped { recent.replace(plan) }
            }
        }
        return result
    }

    /// The rows of a range, one after the other, each consistent in itself.
    ///
    /// - Parameter usesIndexes: whether a complete index may find the rows; the answer is the same.
    package func scan(
        _ range: RowRange = .all, _ projection: Projection = .all, usesIndexes: Bool = true
    ) throws(SiltstoneError) -> RowScanner {
        let layout = try layout()
        let scanner = try RowScanner(
            layout: layout, range: range, projection: projection,
            shared.engine)
        if usesIndexes, let plan = IndexPlan.best(for: projection, layout) {
            scanner.indexed = try indexedRows(plan, range, projection)
        }
        return scanner
    }

    /// What an index finds for a scan; `nil` when reading the range is quicker.
    private func indexedRows(_ plan: IndexPlan, _ range: RowRange, _ projection: Projection)
        throws(SiltstoneError) -> IndexedRows?
    {
        // Reading a row alone costs about ten times what it costs within a scan.
        let cellCount = regions().reduce(0) { $0 + $1.cellCount }
        return try IndexedRows(
            plan, of: self, range: range, projection: projection,
            countMax: min(1_000_000, max(1_000, cellCount / 10)))
    }

    /// The complete indexes.
    package var indexes: [ColumnIndex] {
        state.withLock { $0.layout }.indexes.filter { $0.state == .ready }.map(\.declared)
    }

    /// The index that a scan would ask first, if any.
    package func indexUsed(for projection: Projection) throws(SiltstoneError) -> ColumnIndex? {
        IndexPlan.best(for: projection, try layout())?.index.declared
    }

    /// Applies changes of rows as one: all of them or none, also across regions.
    ///
    /// On return they are visible, and durable at the level asked for (`nil`: the table's).
    package func write(_ mutations: [RowMutation], durability: Durability? = nil)
        throws(SiltstoneError)
    {
        try WritePath.write(mutations, of: self, durability: durability, shared: shared)
    }

    /// The table's regions in row order, bucket by bucket.
    package func regions() -> [RegionInfo] { regions(of: state.withLock { $0.layout }) }

    /// The regions as those may see them who cut scans along them: a table with buckets is all one, as its regions
    /// share rows.
    package func rowRegions() -> [RegionInfo] {
        let regions = regions()
        guard regions.contains(where: { $0.bucket != nil }) else { return regions }
        var whole = RegionInfo(id: regions[0].id, start: .empty, end: .empty)
        for region in regions {
            whole.fileBytes += region.fileBytes
            whole.memtableBytes += region.memtableBytes
            whole.fileCount += region.fileCount
            whole.cellCount += region.cellCount
            whole.readCount += region.readCount
            whole.writeCount += region.writeCount
        }
        return [whole]
    }

    func regions(of layout: TableLayout) -> [RegionInfo] {
        layout.regions.enumerated().map { place, group in
            let metrics = group.metrics
            var info = RegionInfo(
                id: group.id, start: group.range.start, end: group.range.end)
            if layout.buckets.count > 1 {
                info.bucket = layout.buckets.bucket(ofRegion: place)
            }
            info.readCount = metrics.readCount
            info.writeCount = metrics.writeCount
            for tree in metrics.trees {
                info.fileBytes += tree.tableBytes
                info.memtableBytes += tree.memtableBytes
                info.fileCount += tree.fileCounts.reduce(0, +)
                info.cellCount += tree.tableCells + tree.memtableCells
            }
            return info
        }
    }

    /// Writes what is in memory to table files.
    package func flush() throws(SiltstoneError) {
        for region in try layout().regions { try region.flush() }
    }

    /// Merges the newest files of every store; markers stay.
    package func compactRuns() throws(SiltstoneError) {
        for region in try layout().regions { try region.compactRuns() }
    }

    /// Merges the files of every store into one run; expired, deleted and surplus cells are dropped.
    package func compact() throws(SiltstoneError) {
        for region in try layout().regions { try region.compact() }
    }
}
