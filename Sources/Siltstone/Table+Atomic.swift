public import SiltBytes
public import SiltModel
import SiltTable

/// What must hold of a row before a conditional write is applied.
public struct Condition: Sendable, Hashable {
    let condition: CellCondition

    /// The newest value of the column equals this one; no bytes match a missing or an empty cell.
    public static func equal(_ column: Column, _ value: Bytes) -> Condition {
        Condition(condition: CellCondition(column, .equal, value))
    }

    /// The newest value of the column differs from this one.
    public static func notEqual(_ column: Column, _ value: Bytes) -> Condition {
        Condition(condition: CellCondition(column, .notEqual, value))
    }

    /// The column has no value.
    public static func absent(_ column: Column) -> Condition {
        Condition(condition: CellCondition(column, .absent, .empty))
    }
}

extension Table {
    /// Stores values when the condition holds of the row, as one step.
    ///
    /// - Returns: whether they were stored.
    public func put(
        _ row: Bytes, _ values: [Column: Bytes], if condition: Condition,
        durability: Durability? = nil
    ) async throws(SiltstoneError) -> Bool {
        try await apply(.put(row, values), if: condition, durability: durability)
    }

    /// Applies changes of a row when the condition holds of it, as one step.
    ///
    /// - Returns: whether they were applied.
    public func apply(
        _ mutation: RowMutation, if condition: Condition, durability: Durability? = nil
    ) async throws(SiltstoneError) -> Bool {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try stored.check(
                mutation.row, condition.condition, then: mutation, durability: durability)
        }
    }

    /// Adds to a counter of 8 bytes, big-endian; a missing one counts as 0.
    ///
    /// - Returns: the new value. Sums wrap around.
    /// - Throws: `invalidArgument` when the cell has another length.
    public func increment(
        _ row: Bytes, _ column: Column, by amount: Int64 = 1, durability: Durability? = nil
    ) async throws(SiltstoneError) -> Int64 {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try stored.increment(row, [(column, amount)], durability: durability).first?.1 ?? 0
        }
    }

    /// Appends bytes to a value; a missing one counts as empty.
    ///
    /// - Returns: the new value.
    public func append(
        _ row: Bytes, _ column: Column, _ suffix: Bytes, durability: Durability? = nil
    ) async throws(SiltstoneError) -> Bytes {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try stored.append(row, [(column, suffix)], durability: durability).first?.1 ?? .empty
        }
    }
}
