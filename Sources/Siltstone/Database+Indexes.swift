public import SiltModel
import SiltTable

extension Database {
    /// Makes an index of a column, over all that the table holds; readers and writers go on meanwhile.
    ///
    /// It is complete, in use and durable on return; after a crash before that there is none. From then
    /// on every write of the column writes the index in the same commit.
    ///
    /// - Throws: `alreadyExists`; `notFound` for a table or family that is not there.
    /// - Complexity: reads the column of the whole table once, and writes an entry per stored value.
    public func createIndex(_ table: String, _ index: ColumnIndex) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in try store.createIndex(table, index) }
    }

    /// Drops an index.
    ///
    /// Durable on return.
    ///
    /// - Throws: `notFound`.
    public func dropIndex(_ table: String, of column: Column) async throws(SiltstoneError) {
        let store = store
        try await bridge.run { () throws(SiltstoneError) in
            try store.dropIndex(table, of: column)
        }
    }
}

extension Table {
    /// The complete indexes, in the order of their columns.
    public var indexes: [ColumnIndex] { stored.indexes }

    /// The index that a scan with this projection asks first; `nil` when it reads its whole range.
    ///
    /// When the index finds more rows than a tenth of the table's cells, the range is read after all.
    public func index(for projection: Projection) throws(SiltstoneError) -> ColumnIndex? {
        try stored.indexUsed(for: projection)
    }
}
