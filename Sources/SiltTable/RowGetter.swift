import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Reads single rows.
enum RowGetter {
    /// The row's wanted cells; `nil` when there are none.
    ///
    /// - Parameters:
    ///   - random: needed when the projection has a filter.
    ///   - bounds: how far to go; what is given up is not counted as a read.
    static func get(
        _ row: Bytes, _ projection: Projection, layout: TableLayout, clock: any Clock,
        random: (any RandomSource)? = nil, within bounds: ReadBounds = .none
    ) throws(SiltstoneError) -> Row? {
        try RowRules.check(row: row)
        let plan = try layout.plan(projection)
        var filter: FilterEvaluator?
        if let wanted = plan.filter, let random {
            let made = try FilterEvaluator(
                wanted, isReversed: false, random: random)
            guard made.startRow(), !made.excludes(row: row) else { return nil }
            filter = made
        }
        let region = layout.regions[layout.regionIndex(of: row)]
        let snapshot = try region.snapshot(counts: bounds.mayReadDisk)
        let now = clock.nowMilliseconds
        var cells: [Cell] = []
        if let column = plan.onlyColumn, !plan.isRaw,
            !snapshot.mayHaveFamilyMarkers(family: plan.families[0].family.id)
        {
            try ColumnGetter.get(
                row, column, plan, snapshot, nowMilliseconds: now, within: bounds, &cells)
            if !bounds.mayReadDisk { region.countRead() }
            return cells.isEmpty ? nil : Row(key: row, cells: cells)
        }
        let prefix = CellKey.rowPrefix(row)
        var bounds = bounds
        for family in plan.families {
            guard
                var reader = try seekReader(
                    family, plan, prefix, snapshot, nowMilliseconds: now, filter: filter,
                    within: bounds)
            else { continue }
            try reader.readRow(prefix, isLast: true, into: &cells)
            bounds.effortMax = reader.effortLeft
        }
        if !bounds.mayReadDisk { region.countRead() }
        filter?.finishRow(&cells)
        return cells.isEmpty ? nil : Row(key: row, cells: cells)
    }

    /// The newest cell of a column and its flags, as a get sees it.
    static func newest(
        _ row: Bytes, _ column: Column, timeRange: TimeRange = .all, layout: TableLayout,
        clock: any Clock
    ) throws(SiltstoneError) -> (cell: Cell, flags: UInt8)? {
        let projection = Projection([.column(column)], timeRange: timeRange)
        let plan = try layout.plan(projection)
        let snapshot = try layout.regions[layout.regionIndex(of: row)].snapshot()
        let prefix = CellKey.rowPrefix(row)
        var cells: [Cell] = []
        for family in plan.families {
            guard
                var reader = try seekReader(
                    family, plan, prefix, snapshot, nowMilliseconds: clock.nowMilliseconds)
            else { continue }
            try reader.readRow(prefix, isLast: true, into: &cells)
            if let cell = cells.first { return (cell, reader.lastFlags) }
        }
        return nil
    }

    /// A reader of one family, if it can hold any, whose cursor stands where the row's wanted cells can begin.
    ///
    /// Wanted columns are sought directly unless markers of the whole family, which stand before
    /// them, have to be looked at first.
    private static func seekReader(
        _ family: FamilyPlan, _ plan: ReadPlan, _ prefix: [UInt8], _ snapshot: GroupSnapshot,
        nowMilliseconds: Int64, filter: FilterEvaluator? = nil, within bounds: ReadBounds = .none
    ) throws(SiltstoneError) -> FamilyReader? {
        let mayHaveMarkers = snapshot.mayHaveFamilyMarkers(family: family.family.id)
        var timeRange = TimeRange.all
        if !plan.isRaw {
            timeRange = family.timeRange(plan.timeRange, nowMilliseconds: nowMilliseconds)
        }
        var key = prefix
        var wanted = prefix
        if !mayHaveMarkers || plan.isRaw, let columns = family.columns {
            key += columns[0].suffix
            if columns.count == 1 { wanted = key }
        }
        guard
            let cursor = try snapshot.pointCursor(
                family: family.family.id, key: wanted, rowPrefixByteCount: prefix.count,
                timeRange: timeRange, mayReadDisk: bounds.mayReadDisk)
        else { return nil }
        try cursor.seek(key)
        return FamilyReader(
            family, of: plan, cursor: cursor, mayHaveFamilyMarkers: mayHaveMarkers,
            nowMilliseconds: nowMilliseconds, filter: filter, effortMax: bounds.effortMax)
    }
}
