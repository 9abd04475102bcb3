import SiltModel
import SiltTable
import Synchronization

/// The batches of rows of one scan under way.
@usableFromInline
final class RowBatches: Sendable {
    init(_ scan: RowScan) {}

    /// The next rows; none at the end.
    @usableFromInline
    func next() async throws(SiltstoneError) -> [Row] { [] }
}
