public import SiltBytes

/// One change of one cell or marker, within a row's mutation.
public struct CellMutation: Hashable, Sendable {
    /// What it does.
    public enum Action: Hashable, Sendable {
        /// Stores a value, with a time to live of its own in milliseconds where given.
        case put(value: Bytes, timeToLiveMilliseconds: Int64?)
        /// Deletes the newest version of the column when no time stamp is given, else exactly that version.
        case deleteVersion
        /// Deletes all versions of the column up to the time stamp.
        case deleteColumn
        /// Deletes all cells of the family (the qualifier is ignored) up to the time stamp.
        case deleteFamily
        /// Deletes the cells of the family with exactly this time stamp.
        case deleteFamilyVersion
    }

    /// The column; the qualifier is empty for family markers.
    public let column: Column
    /// The time stamp in milliseconds since 1970; `nil` lets the server assign one.
    public let timestamp: Int64?
    /// What it does.
    public let action: Action

    /// A change.
    public init(_ column: Column, _ action: Action, timestamp: Int64? = nil) {
        self.column = column
        self.timestamp = timestamp
        self.action = action
    }
}

/// The changes of one row, applied together: a reader sees all of them or none.
public struct RowMutation: Hashable, Sendable {
    /// The row key, 1 to 32,767 bytes.
    public let row: Bytes
    /// The changes, in order; at least one.
    public var changes: [CellMutation]

    /// The changes of a row.
    public init(row: Bytes, changes: [CellMutation]) {
        self.row = row
        self.changes = changes
    }
}
