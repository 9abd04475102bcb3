import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// Reads one column of one row in a family without markers of whole families: the commonest read.
///
/// The same order of evaluation as `FamilyReader`, without what only rows of several columns need.
enum ColumnGetter {
    /// Appends the column's wanted versions.
    static func get(
        _ row: Bytes, _ column: PlannedColumn, _ plan: ReadPlan, _ snapshot: GroupSnapshot,
        nowMilliseconds now: Int64, within bounds: ReadBounds, _ cells: inout [Cell]
    ) throws(SiltstoneError) {
        let family = plan.families[0]
        var key: [UInt8] = []
        key.reserveCapacity(row.count + column.suffix.count + 16)
        CellKey.append(component: row.array, to: &key)
        let prefixByteCount = key.count
        key += column.suffix
        guard
            let cursor = try snapshot.pointCursor(
                family: family.family.id, key: key, rowPrefixByteCount: prefixByteCount,
                timeRange: family.timeRange(plan.timeRange, nowMilliseconds: now),
                mayReadDisk: bounds.mayReadDisk)
        else { return }
        try cursor.seek(key)
        var deletes = DeleteTracker()
        var versions = VersionTracker(
            family.family.settings, maxVersions: family.maxVersions, nowMilliseconds: now)
        let countMax = min(family.maxVersions, family.family.settings.maxVersions)
        let range = plan.timeRange
        var effortLeft = bounds.effortMax
        while true {
            effortLeft -= 1
            guard effortLeft >= 0 else { throw ReadBounds.exceeded }
            let cell = cursor.current
            // Safety: the key is compared before the cursor moves.
            guard cell.isValid, unsafe KeyComparison.equal(cell.columnKey, key) else { return }
            if cell.type != CellType.put.rawValue {
                if let type = CellType(rawValue: cell.type),
                    !family.keepsDeletedCells || range.contains(cell.timestamp)
                {
                    deletes.add(
                        type, timestamp: cell.timestamp, flags: cell.flags, sequence: cell.sequence)
                }
            } else if !versions.isDuplicate(timestamp: cell.timestamp) {
                if cell.timestamp < range.min { return }
                if deletes.masks(
                    timestamp: cell.timestamp, flags: cell.flags, sequence: cell.sequence)
                {
                    if deletes.masksColumn(below: cell.timestamp) { return }
                } else if range.contains(cell.timestamp),
                    // Safety: the value is looked at before the cursor moves.
                    unsafe !versions.isExpired(
                        timestamp: cell.timestamp, flags: cell.flags, value: cursor.value)
                {
                    guard versions.admit(timestamp: cell.timestamp) == .include else { return }
                    let found = value(cell, cursor, column)
                    effortLeft -= found.value.count / 64
                    cells.append(found)
                    if cells.count >= countMax { return }
                }
            }
            try cursor.next()
        }
    }

    private static func value(_ cell: CursorCell, _ cursor: TreeCursor, _ column: PlannedColumn)
        -> Cell
    {
        var value = unsafe cursor.value
        // Safety: the flag says that 8 bytes of a time to live come first; checked against the count.
        if cell.flags & CellFlags.hasTimeToLive != 0, value.count >= 8 {
            unsafe value = UnsafeRawBufferPointer(rebasing: value[8...])
        }
        // Safety: the bytes are copied before the cursor moves.
        let bytes = unsafe [UInt8](value)
        return Cell(column.column, timestamp: cell.timestamp, value: Bytes(bytes))
    }
}
