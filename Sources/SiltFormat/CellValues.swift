/// The values of one row, made one behind the other; what was allocated for one serves the next.
package struct CellValues: Sendable {
    /// A value: the place of its column among those of who makes the rows, and where it ends.
    struct Cell {
        let column: Int
        let end: Int
    }

    /// The bytes of all values, to which the next one is appended.
    package var bytes: [UInt8] = []
    private(set) var cells: [Cell] = []

    /// No values.
    package init() {}

    /// The number of values.
    package var count: Int { cells.count }

    /// Ends the value whose bytes were appended last.
    @inline(__always)
    package mutating func end(column: Int) {
        cells.append(Cell(column: column, end: bytes.count))
    }

    /// Forgets the values.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        cells.removeAll(keepingCapacity: true)
    }
}
