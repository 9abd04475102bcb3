package import SiltBytes
package import SiltModel

extension StoredTable {
    /// Applies a mutation when the condition holds of its row, under the row's lock.
    ///
    /// - Returns: whether it was applied.
    package func check(
        _ row: Bytes, _ condition: CellCondition, then mutation: RowMutation,
        durability: Durability? = nil
    ) throws(SiltstoneError) -> Bool {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// Applies a mutation when the newest cell of a column equals a value, under the row's lock.
    ///
    /// - Parameter expected: `nil` or no bytes match a missing or an empty cell.
    /// - Returns: whether it was applied.
    package func check(
        _ row: Bytes, _ column: Column, equals expected: Bytes?, then mutation: RowMutation,
        durability: Durability? = nil
    ) throws(SiltstoneError) -> Bool {
        try check(
            row, CellCondition(column, .equal, expected ?? .empty), then: mutation,
            durability: durability)
    }

    /// Adds to counters of 8 bytes, big-endian, two's complement; a missing one counts as 0.
    ///
    /// - Returns: the new values, in the order asked. Sums wrap around.
    /// - Throws: `invalidArgument` when a cell has another length; then nothing is changed.
    package func increment(
        _ row: Bytes, _ amounts: [(Column, Int64)], durability: Durability? = nil
    ) throws(SiltstoneError) -> [(Column, Int64)] {
        throw SiltstoneError(.unavailable, "not built")
    }

    /// Appends bytes to values; a missing one counts as empty.
    ///
    /// - Returns: the new values, in the order asked.
    package func append(
        _ row: Bytes, _ suffixes: [(Column, Bytes)], durability: Durability? = nil
    ) throws(SiltstoneError) -> [(Column, Bytes)] {
        throw SiltstoneError(.unavailable, "not built")
    }
}
