import SiltBytes
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// Snapshots of tables: instant, by reference to the same files.
///
/// A snapshot is a table of the system, `silt:snapshot.NAME`, whose regions hold the files that the table's held.
/// It is made, restored and cloned by one schema each, which is the commit point; what a crash leaves before it
/// belongs to nobody.
extension TableStore {
    /// Keeps a table as it is now under a name; durable on return.
    ///
    /// All regions are kept as of one moment. Readers and writers go on.
    ///
    /// - Throws: `alreadyExists`; `notFound` when there is no such table.
    package func createSnapshot(_ snapshot: String, of name: String) throws(SiltstoneError) {
        let table = try table(name)
        guard !name.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(.invalidArgument, "tables of the system have no snapshots")
        }
        try schemaChange.withLock { _ throws(SiltstoneError) in
            let layout = try table.layout()
            let definition = SnapshotAttributes.definition(
                snapshot, of: layout.definition, nowMilliseconds: clock.nowMilliseconds)
            try makeTable(
                definition, families: layout.families, nextFamily: layout.nextFamily,
                from: layout, isFixed: true)
        }
    }

    /// The snapshots, by name.
    package func snapshots() -> [SnapshotInfo] {
        tables(includesSystem: true).compactMap { SnapshotInfo($0) }
    }

    /// A snapshot as a table that can only be read.
    ///
    /// - Throws: `notFound`.
    package func snapshotTable(_ snapshot: String) throws(SiltstoneError) -> StoredTable {
        do {
            return try table(SnapshotAttributes.tablePrefix + snapshot)
        } catch {
            throw SiltstoneError(.notFound, "no such snapshot snapshot=\(snapshot)")
        }
    }

    /// Deletes a snapshot; durable on return.
    ///
    /// Files that nothing else refers to go later.
    ///
    /// - Throws: `notFound`.
    package func dropSnapshot(_ snapshot: String) throws(SiltstoneError) {
        _ = try snapshotTable(snapshot)
        try drop(SnapshotAttributes.tablePrefix + snapshot)
    }

    /// Makes a table that holds what a snapshot holds; durable on return.
    ///
    /// Nothing is copied but the entries of column indexes, which are made anew before the table is there.
    ///
    /// - Throws: `alreadyExists`; `notFound` when there is no such snapshot, or not the namespace of the name.
    package func cloneSnapshot(_ snapshot: String, to name: String) throws(SiltstoneError)
        -> StoredTable
    {
        guard !name.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(
                .invalidArgument, "table name is reserved for the system table=\(name)")
        }
        return try clone(try snapshotTable(snapshot), to: name)
    }

    /// Makes a table of what one holds that stands for a snapshot.
    func clone(_ source: StoredTable, to name: String) throws(SiltstoneError) -> StoredTable {
        var definition = SnapshotAttributes.original(of: try source.layout().definition)
        definition.name = name
        // What protects the original does not protect its copies.
        definition.attributes["DELETION_PROTECTION"] = nil
        return try withIndexes(of: source, in: &definition) {
            (definition) throws(SiltstoneError) in
            try schemaChange.withLock { _ throws(SiltstoneError) in
                let layout = try source.layout()
                return try makeTable(
                    definition, families: layout.families, nextFamily: layout.nextFamily,
                    from: layout, isFixed: false)
            }
        }
    }

    /// Puts a table back to what a snapshot of it holds, with its families and settings; durable on return.
    ///
    /// Writers wait for a moment. A scan that has not come to its end fails with `notFound`.
    ///
    /// - Throws: `notFound` when there is no such snapshot, or its table was dropped: then `cloneSnapshot` makes another.
    package func restoreSnapshot(_ snapshot: String) throws(SiltstoneError) {
        let source = try snapshotTable(snapshot)
        var definition = SnapshotAttributes.original(of: try source.layout().definition)
        let name = definition.name
        var replaced: TableLayout?
        _ = try withIndexes(of: source, in: &definition) {
            (definition) throws(SiltstoneError) in
            try schemaChange.withLock { _ throws(SiltstoneError) in
                let table = try table(name)
                let before = try table.layout()
                let held = try source.layout()
                let groups = try engine.copies(of: held.regions, for: table.id, isFixed: false)
                var definition = definition
                definition.attributes[StoredFeed.attributeKey] = before.feed?.attributeValue
                let next = TableLayout(
                    schemaNumber: before.schemaNumber + 1, definition: definition,
                    families: held.families, nextFamily: max(before.nextFamily, held.nextFamily),
                    regions: groups)
                do throws(SiltstoneError) {
                    // Nobody writes, or changes what was read, between the old rows and the new ones.
                    try shared.locks.withAllHeld { () throws(SiltstoneError) in
                        // After a crash between the two somebody makes anew what is right: that does no harm.
                        try tell(.restored(snapshot: snapshot), of: before)
                        try catalog.write(next.record(table: table.id))
                        table.replaceLayout(next)
                    }
                } catch {
                    for group in groups { try? engine.dropGroup(group) }
                    throw error
                }
                for region in before.regions { try engine.dropGroup(region) }
                replaced = before
                return table
            }
        }
        // What cannot be dropped now is dropped when the directory is opened.
        for index in replaced?.indexes ?? [] { try? dropEntries(of: index) }
    }

    /// Makes a table of a layout's regions as they are now; the caller holds `schemaChange`.
    @discardableResult
    private func makeTable(
        _ wanted: TableDefinition, families: [StoredFamily], nextFamily: Int,
        from source: TableLayout, isFixed: Bool
    ) throws(SiltstoneError) -> StoredTable {
        try TableRules.check(wanted)
        guard names.withLock({ $0[wanted.name] }) == nil else {
            throw SiltstoneError(.alreadyExists, "table exists table=\(wanted.name)")
        }
        try requireNamespace(of: wanted.name)
        let id = engine.environment.makeIdentifier()
        let groups = try engine.copies(of: source.regions, for: id, isFixed: isFixed)
        var definition = wanted
        definition.families = families.map(\.settings)
        definition.splitPoints = TableLayout.splitPoints(groups.map(\.range.start))
        let layout = TableLayout(
            schemaNumber: 1, definition: definition, families: families, nextFamily: nextFamily,
            regions: groups)
        do throws(SiltstoneError) {
            try catalog.write(layout.record(table: id))
        } catch {
            // Without schema 1 the regions belong to nobody; the first failure is what counts.
            for group in groups { try? engine.dropGroup(group) }
            throw error
        }
        let table = StoredTable(id: id, shared: shared, layout: layout)
        names.withLock { $0[definition.name] = table }
        return table
    }

    /// Makes the entries of a snapshot's indexes anew, enters the indexes as complete in the definition, and runs `body`.
    ///
    /// What the schema that `body` writes does not name is taken away when the directory is opened, or at once when `body` throws.
    private func withIndexes(
        of source: StoredTable, in definition: inout TableDefinition,
        _ body: (TableDefinition) throws(SiltstoneError) -> StoredTable
    ) throws(SiltstoneError) -> StoredTable {
        var made: [StoredIndex] = []
        do throws(SiltstoneError) {
            for declared in SnapshotAttributes.indexes(of: source.definition) {
                let index = StoredIndex(
                    declared: declared, id: engine.environment.makeIdentifier(), state: .ready)
                made.append(index)
                try makeEntries(of: index, from: source)
                definition.attributes[index.attributeKey] = index.attributeValue
            }
            return try body(definition)
        } catch {
            for index in made { try? dropEntries(of: index) }
            throw error
        }
    }
}
