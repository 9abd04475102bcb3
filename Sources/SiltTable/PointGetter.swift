import SiltBytes
import SiltIO
import SiltLSM
import SiltModel

/// What a quick get came to.
enum QuickAnswer {
    /// The row, or that there is none.
    case row(Row?)
    /// The disk must be read, which was not wanted.
    case onDisk
    /// The general way has to be taken.
    case unclear
}

/// Reads the newest value of one column without locks, cursors or snapshots.
enum PointGetter {
    /// The answer, unless the projection is another than the recent plan's or the row needs more.
    static func get(
        _ row: Bytes, _ projection: Projection, _ recent: RecentPointPlan, mayReadDisk: Bool
    ) -> QuickAnswer {
        guard !row.isEmpty, row.count <= Limits.rowBytesMax else { return .unclear }
        let pin = recent.epoch.enter()
        defer { recent.epoch.leave(pin) }
        // Safety: the epoch was entered before the plan was loaded.
        guard let plan = unsafe recent.borrow() else { return .unclear }
        return unsafe plan._withUnsafeGuaranteedRef { plan in
            guard plan.projection == projection else { return .unclear }
            var oldest = Int64.min
            if let life = plan.timeToLiveMilliseconds {
                oldest =
                    recent.clock.nowMilliseconds.subtractingReportingOverflow(life).partialValue
            }
            let answer = unsafe plan.region(of: row)._withUnsafeGuaranteedRef { region in
                region.find(
                    row.array, plan.column.suffix, family: plan.family, pin, oldest: oldest,
                    mayReadDisk: mayReadDisk)
            }
            switch answer {
            case .absent: return .row(nil)
            case .found(let timestamp, let value):
                let cell = Cell(plan.column.column, timestamp: timestamp, value: Bytes(value))
                return .row(Row(key: row, cells: [cell]))
            case .unclear: return .unclear
            case .onDisk: return .onDisk
            }
        }
    }
}
