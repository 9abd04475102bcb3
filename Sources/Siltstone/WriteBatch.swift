public import SiltBytes
public import SiltModel
import SiltTable

/// Changes of rows of any tables of one database, applied as one: all of them or none.
public struct WriteBatch: Sendable {
    var mutations: [TableMutation] = []

    /// No changes.
    public init() {}

    /// The number of rows changed so far; a row changed twice counts twice.
    public var count: Int { mutations.count }

    /// Whether there is nothing to write.
    public var isEmpty: Bool { mutations.isEmpty }

    /// Stores values in a row.
    ///
    /// - Parameters:
    ///   - row: the row key, 1 to 32,767 bytes.
    ///   - values: the columns and their values.
    ///   - timestamp: milliseconds since 1970; `nil` lets the database assign the time of the commit.
    ///   - timeToLive: after which the cells are invisible; `nil` leaves it to the family.
    ///   - table: the table.
    public mutating func put(
        _ row: Bytes, _ values: [Column: Bytes], timestamp: Int64? = nil,
        timeToLive: Duration? = nil, in table: Table
    ) {
        apply(.put(row, values, timestamp: timestamp, timeToLive: timeToLive), in: table)
    }

    /// Deletes a row: everything up to the time stamp, or up to now.
    public mutating func delete(_ row: Bytes, timestamp: Int64? = nil, in table: Table) {
        apply(
            .delete(row, families: table.definition.families.map(\.name), timestamp: timestamp),
            in: table)
    }

    /// Deletes all versions of columns, up to the time stamp or up to now.
    public mutating func delete(
        _ row: Bytes, columns: [Column], timestamp: Int64? = nil, in table: Table
    ) {
        apply(.delete(row, columns: columns, timestamp: timestamp), in: table)
    }

    /// Applies any changes of a row.
    public mutating func apply(_ mutation: RowMutation, in table: Table) {
        mutations.append(TableMutation(table: table.stored, mutation: mutation))
    }
}
