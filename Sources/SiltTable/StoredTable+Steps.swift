package import SiltBytes
import SiltFormat
package import SiltModel

/// One part of an atomic update of a row.
package enum RowStep: Sendable, Hashable {
    /// A put or a delete.
    case change(CellMutation)
    /// Adds to a counter of 8 bytes, big-endian, two's complement; a missing one counts as 0.
    case increment(Column, by: Int64, timeToLiveMilliseconds: Int64? = nil)
    /// Appends bytes to a value; a missing one counts as empty.
    case append(Column, Bytes, timeToLiveMilliseconds: Int64? = nil)
}

/// What must hold of a row before a conditional update is applied.
package enum RowCondition: Sendable, Hashable {
    /// Of the newest cell of a column.
    case cell(CellCondition)
    /// That a get with this filter finds something among the time stamps.
    case filter(Filter, TimeRange = .all)
}

/// What a conditional update did.
package struct RowUpdate: Sendable {
    /// Whether the condition held.
    package let isApplied: Bool
    /// The new values of increments and appends, in order.
    package let values: [(column: Column, value: Bytes)]
}

extension StoredTable {
    /// Applies puts, deletes, increments and appends of one row as one.
    ///
    /// - Returns: the new values of increments and appends, in order.
    package func update(_ row: Bytes, _ steps: [RowStep], durability: Durability? = nil)
        throws(SiltstoneError) -> [(column: Column, value: Bytes)]
    {
        try RowRules.check(row: row)
        return try withLockedRow(row) { () throws(SiltstoneError) in
            try apply(row, steps, durability)
        }
    }

    /// Applies one or the other list of steps to a row, as one, according to a condition on it.
    package func update(
        _ row: Bytes, if condition: RowCondition, then steps: [RowStep],
        otherwise: [RowStep] = [], durability: Durability? = nil
    ) throws(SiltstoneError) -> RowUpdate {
        try RowRules.check(row: row)
        return try withLockedRow(row) { () throws(SiltstoneError) in
            let holds = try holds(condition, row)
            let values = try apply(row, holds ? steps : otherwise, durability)
            return RowUpdate(isApplied: holds, values: values)
        }
    }

    private func holds(_ condition: RowCondition, _ row: Bytes) throws(SiltstoneError) -> Bool {
        switch condition {
        case .cell(let condition):
            let stored = try RowGetter.newest(
                row, condition.column, timeRange: condition.timeRange, layout: layout(),
                clock: shared.clock)
            return condition.holds(for: stored?.cell.value)
        case .filter(let filter, let range):
            return try get(row, Projection(timeRange: range, filter: filter)) != nil
        }
    }

    /// The row's stripe is held alone.
    private func apply(_ row: Bytes, _ steps: [RowStep], _ durability: Durability?)
        throws(SiltstoneError) -> [(column: Column, value: Bytes)]
    {
        if steps.isEmpty { return [] }
        let layout = try layout()
        var changes: [CellMutation] = []
        var results: [(column: Column, value: Bytes)] = []
        for step in steps {
            let column: Column
            let life: Int64?
            switch step {
            case .change(let change):
                changes.append(change)
                continue
            case .increment(let name, _, let milliseconds): (column, life) = (name, milliseconds)
            case .append(let name, _, let milliseconds): (column, life) = (name, milliseconds)
            }
            let newest = try RowGetter.newest(row, column, layout: layout, clock: shared.clock)
            // A column changed twice builds on its first result.
            let earlier = results.last { $0.column == column }
            let value = try RowStep.value(of: step, earlier?.value ?? newest?.cell.value)
            if earlier != nil {
                changes.removeAll { $0.column == column && $0.isPut }
            }
            changes.append(
                CellMutation(
                    column, .put(value: value, timeToLiveMilliseconds: life),
                    timestamp: replacingTimestamp(newest)))
            results.append((column, value))
        }
        try WritePath.writeLocked(
            [RowMutation(row: row, changes: changes)], of: self, durability: durability,
            shared: shared)
        return results
    }
}

extension RowStep {
    /// What an increment or append makes of the stored value.
    fileprivate static func value(of step: RowStep, _ stored: Bytes?) throws(SiltstoneError)
        -> Bytes
    {
        switch step {
        case .change: return .empty
        case .increment(let column, let amount, _):
            return Counter.encode(try Counter.decode(stored, column: column) &+ amount)
        case .append(_, let suffix, _):
            guard let stored, !stored.isEmpty else { return suffix }
            return Bytes(stored.array + suffix.array)
        }
    }
}
