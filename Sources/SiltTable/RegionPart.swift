import SiltBytes
import SiltLSM

/// A region that a scan has to visit, or the part of one.
///
/// A scan decides at its beginning which regions it visits; one that was split or merged before the
/// scan comes to it is visited as what took its place, within the rows that it had.
struct RegionPart {
    /// The region.
    let group: TreeGroup
    /// The rows that are visited; `nil` for all.
    private let rows: RowKeyRange?

    /// All of a region.
    init(_ group: TreeGroup) {
        self.group = group
        rows = nil
    }

    private init(_ group: TreeGroup, rows: RowKeyRange) {
        self.group = group
        self.rows = rows
    }

    /// The first row to visit, when the region has rows before it.
    var start: Bytes? { rows.flatMap { $0.start == group.range.start ? nil : $0.start } }

    /// The first row not to visit any more, when the region has it.
    var end: Bytes? { rows.flatMap { $0.end == group.range.end ? nil : $0.end } }

    /// The parts that took this one's place, in row order; none while the region is there.
    var successors: [RegionPart] {
        let successors = group.successors
        if successors.isEmpty { return [] }
        let rows = rows ?? group.range
        return successors.compactMap { next in
            let start = max(rows.start, next.range.start)
            let end =
                rows.end.isEmpty || next.range.end.isEmpty
                ? max(rows.end, next.range.end) : min(rows.end, next.range.end)
            if !end.isEmpty, start >= end { return nil }
            return RegionPart(next, rows: RowKeyRange(start: start, end: end))
        }
    }
}
