public import SiltModel
import SiltTable

/// The rows of a scan, in order, each consistent in itself.
///
/// Reading begins with the first `next`.
public struct RowScan: AsyncSequence, Sendable {
    /// Rows.
    public typealias Element = Row
    /// Scans fail with `SiltstoneError` only.
    public typealias Failure = SiltstoneError

    let table: Table
    let range: RowRange
    let projection: Projection
    var rowCountMax = Int.max
    var cellCountMax = Int.max

    init(table: Table, range: RowRange, projection: Projection) {
        self.table = table
        self.range = range
        self.projection = projection
    }

    /// The first `count` rows of the scan.
    public func limit(_ count: Int) -> RowScan {
        var copy = self
        copy.rowCountMax = Swift.min(rowCountMax, Swift.max(0, count))
        return copy
    }

    /// Begins the scan.
    public func makeAsyncIterator() -> Iterator { Iterator(batches: RowBatches(self)) }

    /// Reads a scan row by row; crosses into the engine once per batch of rows.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline var buffer: [Row] = []
        @usableFromInline var index = 0
        @usableFromInline let batches: RowBatches

        init(batches: RowBatches) { self.batches = batches }

        /// The next row; `nil` at the end.
        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation)
            async throws(SiltstoneError) -> Row?
        {
            if index == buffer.count {
                buffer = try await batches.next()
                index = 0
                if buffer.isEmpty { return nil }
            }
            defer { index += 1 }
            return buffer[index]
        }

        /// The next row; `nil` at the end.
        @inlinable
        public mutating func next() async throws(SiltstoneError) -> Row? {
            try await next(isolation: nil)
        }
    }
}
