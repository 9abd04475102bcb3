import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

extension TableStore {
    /// Creates a table; durable on return.
    ///
    /// - Parameter feedRetentionMilliseconds: how long each change of the table is kept to be read, from the first on; `nil`
    ///   for no change feed.
    /// - Throws: `alreadyExists`; `notFound` when there is no such namespace; `invalidArgument` for a definition that breaks
    ///   a rule, also for the reserved namespace `silt:`.
    package func createTable(
        _ definition: TableDefinition, feedRetentionMilliseconds: Int64? = nil
    ) throws(SiltstoneError) -> StoredTable {
        try refuseSystem(definition.name)
        var definition = definition
        definition.attributes = definition.attributes.filter {
            !TableRules.isOwn(attribute: $0.key)
        }
        guard let feedRetentionMilliseconds else { return try create(definition) }
        return try withNewFeed(feedRetentionMilliseconds) { feed throws(SiltstoneError) in
            definition.attributes[StoredFeed.attributeKey] = feed.attributeValue
            return try create(definition)
        }
    }

    /// The system table of a definition, whose name begins with `silt:`; created when missing.
    package func systemTable(_ definition: TableDefinition) throws(SiltstoneError) -> StoredTable {
        guard definition.name.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(
                .invalidArgument, "system table must begin with silt: table=\(definition.name)")
        }
        if let table = try? table(definition.name) { return table }
        do {
            return try create(definition)
        } catch {
            if error.code == .alreadyExists { return try table(definition.name) }
            throw error
        }
    }

    /// Changes a table's families, settings and attributes; split points are ignored.
    ///
    /// Durable on return. Cells of a family that is left out are gone, also when a family of that
    /// name comes back.
    package func alterTable(_ name: String, to definition: TableDefinition)
        throws(SiltstoneError) -> StoredTable
    {
        try refuseSystem(name)
        return try alter(name, to: definition)
    }

    /// As `alterTable`, for any table.
    @discardableResult
    func alter(_ name: String, to definition: TableDefinition) throws(SiltstoneError)
        -> StoredTable
    {
        guard definition.name == name else {
            throw SiltstoneError(
                .invalidArgument, "table cannot be renamed from=\(name) to=\(definition.name)")
        }
        try TableRules.check(definition)
        var dropped: [StoredIndex] = []
        let changed = try schemaChange.withLock { _ throws(SiltstoneError) in
            let table = try table(name)
            let before = try table.layout()
            let layout = try before.altered(to: definition)
            // New families first, so that the first write that knows of one finds it everywhere.
            let added = layout.trees.filter { tree in
                !before.trees.contains { $0.family == tree.family }
            }
            if !added.isEmpty {
                for region in layout.regions { try region.update(trees: before.trees + added) }
            }
            try catalog.write(layout.record(table: table.id))
            table.replaceLayout(layout)
            for region in layout.regions { try region.update(trees: layout.trees) }
            dropped = before.indexes.filter { !layout.indexes.contains($0) }
            return table
        }
        for index in dropped { try dropEntries(of: index) }
        return changed
    }

    /// Drops a table and everything in it; durable on return, its files go later.
    ///
    /// - Throws: `conflict` while the table's attribute `DELETION_PROTECTION` is `true`.
    package func dropTable(_ name: String) throws(SiltstoneError) {
        try refuseSystem(name)
        let layout = try table(name).layout()
        try drop(name)
        for index in layout.indexes { try dropEntries(of: index) }
        if let feed = layout.feed { try dropEntries(of: feed) }
    }

    /// As `dropTable`, for any table.
    func drop(_ name: String) throws(SiltstoneError) {
        try schemaChange.withLock { _ throws(SiltstoneError) in
            let table = try table(name)
            let layout = try table.layout()
            guard layout.definition.attributes["DELETION_PROTECTION"]?.lowercased() != "true" else {
                throw SiltstoneError(
                    .conflict, "table is protected against deletion table=\(name)")
            }
            var record = layout.record(table: table.id, state: .dropped)
            record.number += 1
            try catalog.write(record)
            _ = names.withLock { $0.removeValue(forKey: name) }
            table.markDropped()
            for region in layout.regions { try engine.dropGroup(region) }
        }
    }

    private func create(_ definition: TableDefinition) throws(SiltstoneError) -> StoredTable {
        try TableRules.check(definition)
        try TableRules.checkSplitPoints(definition)
        return try schemaChange.withLock { _ throws(SiltstoneError) in
            guard names.withLock({ $0[definition.name] }) == nil else {
                throw SiltstoneError(.alreadyExists, "table exists table=\(definition.name)")
            }
            try requireNamespace(of: definition.name)
            let id = engine.environment.makeIdentifier()
            var families: [StoredFamily] = []
            for settings in definition.families.sorted(by: { Bytes($0.name) < Bytes($1.name) }) {
                families.append(StoredFamily(id: UInt8(families.count), settings: settings))
            }
            var sorted = definition
            sorted.families = families.map(\.settings)
            var regions: [TreeGroup] = []
            let layout: TableLayout
            do throws(SiltstoneError) {
                try createRegions(sorted, families, table: id, into: &regions)
                layout = TableLayout(
                    schemaNumber: 1, definition: sorted, families: families,
                    nextFamily: families.count, regions: regions)
                try catalog.write(layout.record(table: id))
            } catch {
                // Without schema 1 the regions belong to nobody; the first failure is what counts.
                for region in regions { try? engine.dropGroup(region) }
                throw error
            }
            let table = StoredTable(id: id, shared: shared, layout: layout)
            names.withLock { $0[definition.name] = table }
            return table
        }
    }

    /// Makes a table's regions: every bucket is cut at the same rows.
    private func createRegions(
        _ definition: TableDefinition, _ families: [StoredFamily], table: Identifier,
        into regions: inout [TreeGroup]
    ) throws(SiltstoneError) {
        let trees = families.map { TreeOptions(family: $0.id, settings: $0.settings) }
        let edges = [.empty] + definition.splitPoints + [.empty]
        for _ in 0..<(definition.hashBuckets ?? 1) {
            for (start, end) in zip(edges, edges.dropFirst()) {
                regions.append(
                    try engine.createGroup(
                        id: engine.environment.makeIdentifier(), table: table,
                        range: RowKeyRange(start: start, end: end), trees: trees))
            }
        }
    }

    private func refuseSystem(_ name: String) throws(SiltstoneError) {
        guard !name.hasPrefix(TableRules.systemPrefix) else {
            throw SiltstoneError(
                .invalidArgument, "table name is reserved for the system table=\(name)")
        }
    }
}
