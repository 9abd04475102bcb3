import SiltBytes
import SiltModel

/// Which rows a scan can give: those of its range that its filter does not rule out by their keys.
struct ScanExtent {
    /// The parts of the range in which the filter can pass rows, ascending; none when it says nothing about that.
    let spans: [RowSpan]
    /// What they span.
    let whole: RowSpan
    /// Whether rows come in descending order.
    let isReversed: Bool

    init(_ range: RowRange, _ filter: Filter?) {
        let all = RowSpan(range)
        isReversed = range.isReversed
        guard let found = filter.flatMap({ RowSpan.spans(of: $0) }) else {
            spans = []
            whole = all
            return
        }
        spans = found.map { $0.intersection(all) }.filter { !$0.isEmpty }
        whole = RowSpan.hull(of: spans)
    }
}
