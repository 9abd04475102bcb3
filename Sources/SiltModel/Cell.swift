public import SiltBytes

/// The type of a cell: a value or one of the four delete markers.
///
/// The codes are HBase's and part of the format.
///
/// At equal time stamps the higher code sorts first, so a marker precedes and masks a value.
public enum CellType: UInt8, Sendable, CaseIterable {
    /// A value.
    case put = 4
    /// Masks the value of the same column with exactly the same time stamp.
    case delete = 8
    /// Masks the values of every column of the family with exactly the same time stamp.
    case deleteFamilyVersion = 10
    /// Masks the values of the same column up to and including the time stamp.
    case deleteColumn = 12
    /// Masks the values of every column of the family up to and including the time stamp.
    case deleteFamily = 14
}

/// The name of a column: a family declared by the table, and any qualifier.
public struct Column: Hashable, Sendable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    /// The family's name.
    public let family: String
    /// The qualifier; any bytes, also none.
    public let qualifier: Bytes

    /// A column of a family.
    public init(_ family: String, _ qualifier: Bytes) {
        self.family = family
        self.qualifier = qualifier
    }

    /// Splits `family:qualifier` at the first colon; without a colon the qualifier is empty.
    public init(stringLiteral value: String) { self.init(parsing: Array(value.utf8)[...]) }

    /// Splits `family:qualifier` at the first colon; without a colon the qualifier is empty.
    public init(parsing text: ArraySlice<UInt8>) {
        let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        family = String(decoding: text[..<colon], as: UTF8.self)
        qualifier = Bytes(Array(text[colon...].dropFirst()))
    }

    /// `family:qualifier`.
    public var description: String { "\(family):\(qualifier)" }

    /// Family, then qualifier, byte-wise.
    public static func < (left: Column, right: Column) -> Bool {
        left.family == right.family
            ? left.qualifier < right.qualifier : Bytes(left.family) < Bytes(right.family)
    }
}

/// One cell: a value, or a delete marker when read raw.
public struct Cell: Hashable, Sendable {
    /// The column.
    public let column: Column
    /// The time stamp in milliseconds since 1970.
    public let timestamp: Int64
    /// The type; always `.put` except in raw reads.
    public let type: CellType
    /// The value; empty for markers.
    public let value: Bytes

    /// A cell.
    public init(_ column: Column, timestamp: Int64, type: CellType = .put, value: Bytes) {
        self.column = column
        self.timestamp = timestamp
        self.type = type
        self.value = value
    }
}

/// A row as read: its key, and its cells ordered by family, qualifier and descending time stamp.
public struct Row: Hashable, Sendable {
    /// The row key.
    public let key: Bytes
    /// The cells; never empty in answers of get and scan.
    public let cells: [Cell]

    /// A row.
    public init(key: Bytes, cells: [Cell]) {
        self.key = key
        self.cells = cells
    }

    /// The newest cell of a column that was read, if any.
    ///
    /// Linear in the number of cells.
    public subscript(column: Column) -> Cell? { cells.first { $0.column == column } }
}
