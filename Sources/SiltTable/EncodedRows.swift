package import SiltBytes
package import SiltFormat
import SiltLSM
package import SiltModel

/// Rows of one table, encoded as they are added: a part of a batch (`TableStore.write`).
///
/// Nothing is allocated for a value, and what was allocated for a batch serves the next one.
package struct EncodedRows: Sendable {
    /// The table that they are rows of.
    package let table: StoredTable
    private var encoded = RegionWrites()

    /// The columns of all rows' values, and how column keys end with them.
    private let columns: [Bytes]
    private let endings: ColumnEndings

    /// No rows; their values will name the columns by their places among these qualifiers.
    package init(_ table: StoredTable, columns: [Bytes]) {
        self.table = table
        self.columns = columns
        endings = ColumnEndings(columns)
    }

    /// Adds the values of a row; nothing is added when it throws.
    ///
    /// - Parameter timestamp: `nil` lets the server assign it when the batch is committed.
    /// - Returns: `false`, and nothing is added, when the row has to be written as a mutation: more than rows is written with
    ///   those of the table, or the values are very large.
    package mutating func add(
        _ values: CellValues, row: Bytes, family: String, timestamp: Int64?
    ) throws(SiltstoneError) -> Bool {
        if encoded.layout == nil {
            for column in columns { try RowRules.check(qualifier: column) }
        }
        let layout = try encoded.begin(table)
        if layout.isTracked { return false }
        try RowRules.check(row: row)
        let family = layout.families[try layout.familyIndex(named: family)].id
        // One might be too large.
        if values.bytes.count > Limits.valueBytesMax { return false }
        let stored = try RowRules.stored(timestamp: timestamp)
        let region = layout.regionIndex(of: row)
        encoded.writes[region].operations.append(
            values, family: family, row: row.array, columns: endings, timestamp: stored)
        encoded.locked.insert(table: table.id, row: row, exclusively: false)
        return true
    }

    /// Forgets the rows.
    package mutating func removeAll() { encoded.removeAll() }

    /// Whether there are no rows.
    var isEmpty: Bool { encoded.isEmpty }

    /// For each of the layout's regions the operations on it.
    var writes: [GroupWrite] { encoded.writes }

    /// The stripes of the rows.
    var locked: RowLockSet { encoded.locked }

    /// Shows each value as the change of a row, in order.
    package func forEachChange(_ body: (_ row: Bytes, CellMutation) -> Void)
        throws(SiltstoneError)
    {
        try encoded.forEachChange(body)
    }

    /// The rows as mutations.
    func mutations() throws(SiltstoneError) -> [TableMutation] {
        var mutations: [RowMutation] = []
        try encoded.forEachChange { row, change in
            if let last = mutations.indices.last, mutations[last].row == row {
                mutations[last].changes.append(change)
            } else {
                mutations.append(RowMutation(row: row, changes: [change]))
            }
        }
        return mutations.map { TableMutation(table: table, mutation: $0) }
    }
}
