public import SiltBytes
public import SiltModel
import SiltTable

/// A table for programs that bring threads of their own: every call runs on the calling thread and blocks it.
///
/// An `await` costs two changes of thread, which is more than a cached read. Never call it from a task:
/// Swift's shared pool has a thread per core, and a blocked one is missing to everybody.
public struct BlockingTable: Sendable {
    let stored: StoredTable

    /// The schema.
    public var definition: TableDefinition { stored.definition }

    /// The newest version of the row's cells, or what the projection wants; `nil` when there is nothing.
    @available(*, noasync)
    public func get(_ row: Bytes, _ projection: Projection = .all) throws(SiltstoneError) -> Row? {
        try stored.get(row, projection)
    }

    /// Stores one value.
    @available(*, noasync)
    public func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, timestamp: Int64? = nil,
        durability: Durability? = nil
    ) throws(SiltstoneError) {
        try stored.put(row, column, value, timestamp: timestamp, durability: durability)
    }

    /// Applies changes of rows as one: all of them or none.
    ///
    /// On return they are visible, and durable at the level asked for (`nil`: the table's).
    @available(*, noasync)
    public func write(_ mutations: [RowMutation], durability: Durability? = nil)
        throws(SiltstoneError)
    {
        try stored.write(mutations, durability: durability)
    }

    /// The rows of a range, in order.
    @available(*, noasync)
    public func scan(_ range: RowRange = .all, _ projection: Projection = .all)
        throws(SiltstoneError) -> BlockingRowScan
    {
        BlockingRowScan(scanner: try stored.scan(range, projection))
    }

    /// Shows each cell of a range to `body` where it lies, row by row, until it returns false.
    ///
    /// Nothing is copied: what reads much and keeps little is several times faster than with `scan`.
    @available(*, noasync)
    public func forEachCell(
        in range: RowRange = .all, _ projection: Projection = .all,
        _ body: (
            _ row: Bytes, _ column: Column, _ timestamp: Int64, _ value: borrowing Span<UInt8>
        ) throws -> Bool
    ) throws {
        try stored.forEachCell(range, projection, body)
    }

    /// Writes what is in memory to table files; durable on return.
    @available(*, noasync)
    public func flush() throws(SiltstoneError) { try stored.flush() }

    /// Merges the files of every region into one run.
    ///
    /// Expired, deleted and surplus cells are dropped.
    @available(*, noasync)
    public func compact() throws(SiltstoneError) { try stored.compact() }
}

/// The rows of a scan, read on the calling thread; each row is consistent in itself.
///
/// One thread at a time. It holds files and memory that it reads until it is let go.
public final class BlockingRowScan {
    private let scanner: RowScanner

    init(scanner: RowScanner) { self.scanner = scanner }

    /// The next row; `nil` at the end.
    @available(*, noasync)
    public func next() throws(SiltstoneError) -> Row? { try scanner.next() }
}

extension Table {
    /// The table for threads of the program's own.
    public var blocking: BlockingTable { BlockingTable(stored: stored) }
}
