import SiltBytes
import SiltLSM

/// A region that a scan has to visit, or the part of one.
///
/// A scan decides at its beginning which regions it visits; one that was split or merged before the
/// scan comes to it is visited as what took its place, within the rows that it had.
struct RegionPart {
    /// The region.
    let group: TreeGroup
    /// The rows that are visited.
    private let rows: RowKeyRange

    /// All of a region.
    init(_ group: TreeGroup) {
        self.group = group
        rows = group.range
    }

    private init(_ group: TreeGroup, rows: RowKeyRange) {
        self.group = group
        self.rows = rows
    }

    /// The first row to visit, when the region has rows before it.
    var start: Bytes? { rows.start == group.range.start ? nil : rows.start }

    /// The first row not to visit any more, when the region has it.
    var end: Bytes? { rows.end == group.range.end ? nil : rows.end }

    /// The parts that took this one's place, in row order; none while the region is there.
    var successors: [RegionPart] {
        group.successors.compactMap { next in
            let start = max(rows.start, next.range.start)
            let end =
                rows.end.isEmpty || next.range.end.isEmpty
                ? max(rows.end, next.range.end) : min(rows.end, next.range.end)
            if !end.isEmpty, start >= end { return nil }
            return RegionPart(next, rows: RowKeyRange(start: start, end: end))
        }
    }
}
