package import SiltBytes
package import SiltModel

/// What must hold of a row's newest cell in a column before a conditional write is applied.
package struct CellCondition: Sendable, Hashable {
    /// How the given value stands to the stored one.
    package enum Comparison: Sendable, Hashable, CaseIterable {
        /// The given value sorts before the stored one.
        case less
        /// The given value sorts before the stored one or is equal.
        case lessOrEqual
        /// They are equal. An empty given value matches a missing or an empty cell.
        case equal
        /// They differ. An empty given value demands a cell that is not empty.
        case notEqual
        /// The given value sorts after the stored one or is equal.
        case greaterOrEqual
        /// The given value sorts after the stored one.
        case greater
        /// There is no cell; the given value is not looked at.
        case absent
    }

    /// The column whose newest cell is looked at.
    package let column: Column
    /// How the given value must stand to the stored one.
    package let comparison: Comparison
    /// The given value; empty matches as HBase's `checkAndMutate` does.
    package let value: Bytes
    /// Which time stamps count.
    package let timeRange: TimeRange

    /// A condition on a column.
    package init(
        _ column: Column, _ comparison: Comparison, _ value: Bytes, timeRange: TimeRange = .all
    ) {
        self.column = column
        self.comparison = comparison
        self.value = value
        self.timeRange = timeRange
    }

    /// Whether the condition holds of the newest cell's value, `nil` when there is none.
    package func holds(for stored: Bytes?) -> Bool {
        if comparison == .absent { return stored == nil }
        guard let stored else { return value.isEmpty && comparison != .notEqual }
        if value.isEmpty { return stored.isEmpty == (comparison != .notEqual) }
        return switch comparison {
        case .less: value < stored
        case .lessOrEqual: value <= stored
        case .equal: value == stored
        case .notEqual: value != stored
        case .greaterOrEqual: value >= stored
        case .greater: value > stored
        case .absent: false
        }
    }
}
