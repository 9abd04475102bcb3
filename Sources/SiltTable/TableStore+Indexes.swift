import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

extension TableStore {
    /// How many entries one commit of a build holds.
    private static let buildBatchCount = 2_000

    /// Makes an index of a column, of all that the table holds; readers and writers go on meanwhile.
    ///
    /// It is complete, in use and durable on return. After a crash before that there is none.
    ///
    /// - Throws: `alreadyExists`; `notFound` for a table or family that is not there.
    package func createIndex(_ name: String, _ wanted: ColumnIndex) throws(SiltstoneError) {
        let table = try table(name)
        let index = StoredIndex(
            declared: wanted, id: engine.environment.makeIdentifier(), state: .building)
        _ = try table.layout().family(named: wanted.column.family)
        // Entries are as durable as the writes that make them: they ask for nothing themselves.
        let entries = try systemTable(
            IndexEntry.table(named: index.tableName, durability: .skipWAL))
        shared.indexTables[index.id] = entries
        do throws(SiltstoneError) {
            try changeIndex(table, wanted.column) { (known) throws(SiltstoneError) in
                guard known == nil else {
                    throw SiltstoneError(
                        .alreadyExists, "index exists table=\(name) column=\(wanted.column)")
                }
                return index
            }
            // Whoever holds a row may not have seen the index yet; from here on all writes enter themselves.
            shared.locks.waitForHolders()
            try build(index, of: table, entries)
            try entries.flush()
            try changeIndex(table, wanted.column) { (known) throws(SiltstoneError) in
                guard known == index else {
                    throw SiltstoneError(
                        .conflict, "index was dropped while it was built column=\(wanted.column)")
                }
                return index.with(state: .ready)
            }
        } catch {
            // The first failure is what counts; what stays is taken away when the directory is opened.
            try? changeIndex(table, wanted.column) { $0 == index ? nil : $0 }
            try? dropEntries(of: index)
            throw error
        }
    }

    /// Drops an index; durable on return.
    ///
    /// - Throws: `notFound`.
    package func dropIndex(_ name: String, of column: Column) throws(SiltstoneError) {
        var dropped: StoredIndex?
        try changeIndex(try table(name), column) { (known) throws(SiltstoneError) in
            guard let known else {
                throw SiltstoneError(.notFound, "no such index table=\(name) column=\(column)")
            }
            dropped = known
            return nil
        }
        if let dropped { try dropEntries(of: dropped) }
    }

    /// Makes the opened tables' indexes work, and takes away what a crash left of unfinished ones.
    func openIndexes() throws(SiltstoneError) {
        var used: Set<String> = []
        for table in tables(includesSystem: true) {
            for index in try table.layout().indexes {
                if index.state == .ready, let entries = try? self.table(index.tableName) {
                    used.insert(index.tableName)
                    shared.indexTables[index.id] = entries
                } else {
                    try changeIndex(table, index.declared.column) { _ in nil }
                }
            }
        }
        for table in tables(includesSystem: true) {
            let name = table.definition.name
            if name.hasPrefix(StoredIndex.tablePrefix), !used.contains(name) { try drop(name) }
        }
    }

    /// Takes the entries of indexes away that no schema names any more.
    func dropEntries(of index: StoredIndex) throws(SiltstoneError) {
        shared.indexTables[index.id] = nil
        try drop(index.tableName)
    }

    /// Writes a schema in which the index of a column is what `change` makes of it.
    private func changeIndex(
        _ table: StoredTable, _ column: Column,
        _ change: (StoredIndex?) throws(SiltstoneError) -> StoredIndex?
    ) throws(SiltstoneError) {
        try schemaChange.withLock { _ throws(SiltstoneError) in
            let layout = try table.layout()
            let known = layout.indexes.first { $0.declared.column == column }
            let wanted = try change(known)
            if wanted == known { return }
            let changed = layout.with(wanted, for: column)
            try catalog.write(changed.record(table: table.id))
            table.replaceLayout(changed)
        }
    }

    /// Makes the table of an index's entries, of all that a table holds; nobody writes that table.
    func makeEntries(of index: StoredIndex, from table: StoredTable) throws(SiltstoneError) {
        let entries = try systemTable(
            IndexEntry.table(named: index.tableName, durability: .skipWAL))
        shared.indexTables[index.id] = entries
        try build(index, of: table, entries)
        try entries.flush()
    }

    /// Enters every stored cell of the column, older versions and deleted ones included.
    private func build(_ index: StoredIndex, of table: StoredTable, _ entries: StoredTable)
        throws(SiltstoneError)
    {
        let column = index.declared.column
        let scanner = try table.scan(
            .all, Projection([.column(column)], maxVersions: .max, isRaw: true))
        var batch: [RowMutation] = []
        while let row = try scanner.next() {
            for cell in row.cells where cell.type == .put {
                guard let ordered = IndexEntry.ordered(cell.value.array, index.declared.order)
                else { continue }
                batch.append(IndexEntry.put(row.key, ordered))
            }
            if batch.count >= Self.buildBatchCount {
                try entries.write(batch, durability: .syncWAL)
                batch.removeAll(keepingCapacity: true)
            }
        }
        try entries.write(batch, durability: .syncWAL)
    }
}
