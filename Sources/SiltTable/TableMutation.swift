package import SiltModel

/// A change of one row of one table, as part of a batch that may span tables.
package struct TableMutation: Sendable {
    /// The table.
    package let table: StoredTable
    /// The row's changes.
    package let mutation: RowMutation

    /// A change of a row of a table.
    package init(table: StoredTable, mutation: RowMutation) {
        self.table = table
        self.mutation = mutation
    }
}
