import SiltModel
import SiltTable
import Synchronization

/// The batches of rows of one scan under way.
///
/// One consumer at a time: the lock makes a scanner, which is bound to one thread at a time, safe to
/// hand from thread to thread.
@usableFromInline
final class RowBatches: Sendable {
    private static let rowCountFirst = 32
    private static let rowCountMax = 1024
    private static let cellBytesMax = 1 << 20

    private struct State {
        var scanner: RowScanner?
        var rowCount: Int
        var rowCountLeft: Int
    }

    private let state: Mutex<State>
    private let scan: RowScan

    init(_ scan: RowScan) {
        self.scan = scan
        state = Mutex(
            State(rowCount: RowBatches.rowCountFirst, rowCountLeft: scan.rowCountMax))
    }

    /// The next rows; none at the end.
    @usableFromInline
    func next() async throws(SiltstoneError) -> [Row] {
        if Task.isCancelled { throw SiltstoneError(.cancelled, "the scan's task was cancelled") }
        return try await scan.table.bridge.run { () throws(SiltstoneError) in try self.read() }
    }

    /// Reads few rows at first, so that short scans cost little, then more and more.
    private func read() throws(SiltstoneError) -> [Row] {
        try state.withLock { state throws(SiltstoneError) in
            let scanner: RowScanner
            if let known = state.scanner {
                scanner = known
            } else {
                scanner = try scan.table.stored.scan(scan.range, scan.projection)
                state.scanner = scanner
            }
            var rows: [Row] = []
            var byteCount = 0
            let wanted = min(state.rowCount, state.rowCountLeft)
            var rowCount = 0
            while rowCount < wanted, byteCount < RowBatches.cellBytesMax,
                let row = try scanner.next()
            {
                byteCount += row.cells.reduce(row.key.count) { $0 + $1.value.count }
                rowCount += 1
                rows += row.pieces(of: scan.cellCountMax)
            }
            state.rowCountLeft -= rowCount
            state.rowCount = min(state.rowCount * 4, RowBatches.rowCountMax)
            return rows
        }
    }
}
