/// A column of a table by whose values rows are found without reading the others.
///
/// Every write of the column writes the index in the same commit. A scan uses it when its filter bounds
/// the column's value; the rows found are then read and tested as if there were no index, so an answer
/// never differs from that of a full scan.
public struct ColumnIndex: Hashable, Sendable {
    /// How values are put in order, which decides which comparators it serves.
    public enum Order: String, Sendable, CaseIterable {
        /// As bytes, for `binary` and `binaryPrefix`.
        case text
        /// As decimal numbers in text, for `number`; other values are not in the index.
        case number
        /// As big-endian two's complement, for `long`.
        case long
    }

    /// The column.
    public let column: Column
    /// How its values are put in order.
    public let order: Order

    /// An index of a column.
    public init(_ column: Column, order: Order = .text) {
        self.column = column
        self.order = order
    }
}
