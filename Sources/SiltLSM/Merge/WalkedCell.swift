internal import CSiltstone

/// A visible cell of a batch, where it lies.
///
/// Safety: the pointers are valid until the walk's next move.
@safe @frozen
package struct WalkedCell {
    /// The row key, unescaped.
    package let row: UnsafeRawPointer
    /// The value, without its time to live.
    package let value: UnsafeRawPointer
    /// The time stamp.
    package let timestamp: Int64
    /// The length of the row key.
    package let rowByteCount: Int32
    /// The length of the value.
    package let valueByteCount: Int32
    /// The number of the column; see `CellWalk.suffix`.
    package let column: Int32
    /// Whether the cell is the first shown of its row.
    package let startsRow: Bool

    /// The row key as a buffer.
    @inlinable @inline(__always) package var rowBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: row, count: Int(rowByteCount))
    }

    /// The value as a buffer.
    @inlinable @inline(__always) package var valueBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: value, count: Int(valueByteCount))
    }
}

/// The cells of one step of a walk, and the row keys that they point at.
///
/// Safety: both memories are the batch's own; nothing is written beyond their room.
@safe
struct CellBatch: ~Copyable {
    /// The most cells of a batch.
    static let capacity = 128
    /// Room for the longest row, each byte of it escaped, and for copies of 8 bytes at a time.
    static let rowBytesMax = 72 << 10

    let cells: UnsafeMutablePointer<WalkedCell>
    let rows: UnsafeMutableRawPointer
    var count = 0
    var rowBytes = 0
    /// The row of the last cell, when it is in the batch.
    var lastRow: UnsafeRawPointer?
    var lastRowCount: Int32 = 0
    /// As many cells are wanted now.
    var wanted = 16

    init() {
        unsafe cells = .allocate(capacity: Self.capacity)
        unsafe rows = .allocate(byteCount: Self.rowBytesMax, alignment: 16)
    }

    deinit {
        unsafe cells.deallocate()
        unsafe rows.deallocate()
    }

    /// Whether no cell more is wanted.
    var isFull: Bool { @inline(__always) get { count >= wanted } }

    /// Begins a batch.
    mutating func clear() {
        count = 0
        rowBytes = 0
        unsafe lastRow = nil
    }

    /// Whether a row of a number of bytes has room.
    @inline(__always)
    func hasRoom(_ byteCount: Int) -> Bool { rowBytes &+ byteCount &+ 16 <= Self.rowBytesMax }

    /// Takes note of cells that were put behind the others, with a row each; the last begins a row.
    @inline(__always)
    mutating func noteRows(end: UnsafeMutableRawPointer, count added: Int) {
        count &+= added
        // Safety: the cells were initialized, and the rows lie in the batch's memory.
        unsafe rowBytes = end - rows
        let cell = unsafe cells[count &- 1]
        unsafe lastRow = unsafe cell.row
        lastRowCount = cell.rowByteCount
    }

    /// Adds a cell of the last row.
    @inline(__always)
    mutating func append(
        value: UnsafeRawBufferPointer, empty: UnsafeRawPointer, timestamp: Int64, column: Int32,
        startsRow: Bool
    ) {
        // Safety: callers look at `isFull` first and see to it that there is a row. A prefetch reads
        // nothing; whoever asked for the cell will look at its value, but not before the batch ends.
        if let start = value.baseAddress {
            unsafe silt_prefetch(start)
            unsafe silt_prefetch(start + 64)
            unsafe silt_prefetch(start + value.count)
        }
        unsafe (cells + count).initialize(
            to: WalkedCell(
                row: lastRow ?? empty, value: value.baseAddress ?? empty, timestamp: timestamp,
                rowByteCount: lastRowCount, valueByteCount: Int32(truncatingIfNeeded: value.count),
                column: column, startsRow: startsRow))
        count &+= 1
    }
}
