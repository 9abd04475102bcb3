package import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel

extension StoredTable {
    /// Applies a mutation when the condition holds of its row, under the row's lock.
    ///
    /// - Returns: whether it was applied.
    package func check(
        _ row: Bytes, _ condition: CellCondition, then mutation: RowMutation,
        durability: Durability? = nil
    ) throws(SiltstoneError) -> Bool {
        guard mutation.row == row else {
            throw SiltstoneError(
                .invalidArgument,
                "checked row and changed row differ checked=\(row) changed=\(mutation.row)")
        }
        return try withLockedRow(row) { () throws(SiltstoneError) in
            let stored = try RowGetter.newest(
                row, condition.column, timeRange: condition.timeRange, layout: layout(),
                clock: shared.clock)
            guard condition.holds(for: stored?.cell.value) else { return false }
            try WritePath.writeLocked([mutation], of: self, durability: durability, shared: shared)
            return true
        }
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
        let values = try update(row, amounts, durability: durability) {
            (column, stored, amount) throws(SiltstoneError) in
            let counter = try Counter.decode(stored, column: column)
            return Counter.encode(counter &+ amount)
        }
        return try values.map { (column, value) throws(SiltstoneError) in
            (column, try Counter.decode(value, column: column))
        }
    }

    /// Appends bytes to values; a missing one counts as empty.
    ///
    /// - Returns: the new values, in the order asked.
    package func append(
        _ row: Bytes, _ suffixes: [(Column, Bytes)], durability: Durability? = nil
    ) throws(SiltstoneError) -> [(Column, Bytes)] {
        try update(row, suffixes, durability: durability) { _, stored, suffix in
            guard let stored, !stored.isEmpty else { return suffix }
            return Bytes(stored.array + suffix.array)
        }
    }

    /// Puts into each column what `combine` makes of its newest value and an operand, as one step.
    private func update<Operand>(
        _ row: Bytes, _ operands: [(Column, Operand)], durability: Durability?,
        _ combine: (Column, Bytes?, Operand) throws(SiltstoneError) -> Bytes
    ) throws(SiltstoneError) -> [(Column, Bytes)] {
        try RowRules.check(row: row)
        return try withLockedRow(row) { () throws(SiltstoneError) in
            let layout = try layout()
            var changed: [(column: Column, value: Bytes, timestamp: Int64?)] = []
            var results: [(Column, Bytes)] = []
            for (column, operand) in operands {
                // A column named twice builds on its first result.
                if let index = changed.firstIndex(where: { $0.column == column }) {
                    changed[index].value = try combine(column, changed[index].value, operand)
                    results.append((column, changed[index].value))
                    continue
                }
                let newest = try RowGetter.newest(
                    row, column, layout: layout, clock: shared.clock)
                let value = try combine(column, newest?.cell.value, operand)
                changed.append((column, value, replacingTimestamp(newest)))
                results.append((column, value))
            }
            let changes = changed.map {
                CellMutation(
                    $0.column, .put(value: $0.value, timeToLiveMilliseconds: nil),
                    timestamp: $0.timestamp)
            }
            try WritePath.writeLocked(
                [RowMutation(row: row, changes: changes)], of: self, durability: durability,
                shared: shared)
            return results
        }
    }

    /// The time stamp under which a value that replaces another one is the newer.
    ///
    /// The server's own time stamps only grow, so `nil` (the time of the commit) is right after one
    /// of them; after a time stamp from a client that lies ahead, the next millisecond is.
    func replacingTimestamp(_ stored: (cell: Cell, flags: UInt8)?) -> Int64? {
        guard let stored, stored.flags & CellFlags.hasServerTimestamp == 0,
            stored.cell.timestamp >= shared.clock.nowMilliseconds
        else { return nil }
        return stored.cell.timestamp < .max - 1 ? stored.cell.timestamp + 1 : .max - 1
    }

    func withLockedRow<Result>(
        _ row: Bytes, _ body: () throws(SiltstoneError) -> Result
    ) throws(SiltstoneError) -> Result {
        var set = RowLockSet()
        set.insert(table: id, row: row, exclusively: true)
        shared.locks.lock(set)
        defer { shared.locks.unlock(set) }
        return try body()
    }
}
