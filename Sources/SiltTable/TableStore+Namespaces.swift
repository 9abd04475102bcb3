import SiltBytes
package import SiltModel
import Synchronization

/// Namespaces of tables, `NAMESPACE:TABLE`.
///
/// They are rows of a table of the system. A namespace that has tables is there, too, without a row of its own: tables of
/// directories that were written before namespaces had to be made stay where they are.
extension TableStore {
    /// What HBase has from the beginning: `default` holds the tables that name no namespace.
    private static let builtInNamespaces: Set<String> = ["default", "hbase"]
    private static let namespaceTable = "\(TableRules.systemPrefix)namespaces"
    /// Says that a namespace is there, with no qualifier, and holds its properties.
    private static let namespaceFamily = "p"

    /// All namespaces, in order.
    package func namespaces() throws(SiltstoneError) -> [String] {
        var found = Self.builtInNamespaces
        for table in tables() {
            if let namespace = TableRules.namespace(of: table.definition.name) {
                found.insert(namespace)
            }
        }
        if let table = try? table(Self.namespaceTable) {
            let scanner = try table.scan()
            while let row = try scanner.next() { found.insert(row.key.string ?? "") }
        }
        return found.sorted { Bytes($0) < Bytes($1) }
    }

    /// The properties of a namespace; `nil` when there is none of that name.
    package func namespaceProperties(_ namespace: String) throws(SiltstoneError)
        -> [String: String]?
    {
        guard let row = try namespaceRow(namespace) else {
            return Self.builtInNamespaces.contains(namespace) || !tables(in: namespace).isEmpty
                ? [:] : nil
        }
        var properties: [String: String] = [:]
        for cell in row.cells {
            guard let key = cell.column.qualifier.string, !key.isEmpty else { continue }
            properties[key] = cell.value.string ?? ""
        }
        return properties
    }

    /// The names of a namespace's tables, without the namespace.
    package func tables(in namespace: String) -> [String] {
        tables().compactMap { table in
            let name = table.definition.name
            guard let of = TableRules.namespace(of: name) else {
                return namespace == "default" ? name : nil
            }
            return of == namespace ? String(name.dropFirst(of.count + 1)) : nil
        }
    }

    /// Makes a namespace; durable on return.
    ///
    /// - Throws: `alreadyExists`; `invalidArgument` for a name that cannot be one.
    package func createNamespace(_ namespace: String, properties: [String: String] = [:])
        throws(SiltstoneError)
    {
        try TableRules.check(namespace: namespace)
        try changeNamespaces { table throws(SiltstoneError) in
            guard try namespaceProperties(namespace) == nil else {
                throw SiltstoneError(
                    .alreadyExists, "namespace exists namespace=\(namespace)")
            }
            try write(namespace, properties, to: table)
        }
    }

    /// Gives a namespace other properties in place of those that it has; durable on return.
    ///
    /// - Throws: `notFound`; `conflict` for those that are there from the beginning.
    package func alterNamespace(_ namespace: String, properties: [String: String])
        throws(SiltstoneError)
    {
        try changeNamespaces { table throws(SiltstoneError) in
            try requireChangeable(namespace)
            try write(namespace, properties, to: table)
        }
    }

    /// Removes a namespace that has no tables; durable on return.
    ///
    /// - Throws: `notFound`; `conflict` when it has tables, and for those that are there from the beginning.
    package func dropNamespace(_ namespace: String) throws(SiltstoneError) {
        try changeNamespaces { table throws(SiltstoneError) in
            try requireChangeable(namespace)
            let count = tables(in: namespace).count
            guard count == 0 else {
                throw SiltstoneError(
                    .conflict, "namespace has tables namespace=\(namespace) tables=\(count)")
            }
            try table.write([
                RowMutation(
                    row: Bytes(namespace),
                    changes: [CellMutation(Column(Self.namespaceFamily, .empty), .deleteFamily)])
            ])
        }
    }

    /// Throws `notFound` when a table's name has a namespace that is not there; the caller holds `schemaChange`.
    func requireNamespace(of name: String) throws(SiltstoneError) {
        guard !name.hasPrefix(TableRules.systemPrefix),
            let namespace = TableRules.namespace(of: name),
            try namespaceProperties(namespace) == nil
        else { return }
        throw SiltstoneError(
            .notFound, "no such namespace namespace=\(namespace) table=\(name)")
    }

    /// Makes the namespace of a table's name if it is not there.
    func makeNamespace(of name: String) throws(SiltstoneError) {
        guard let namespace = TableRules.namespace(of: name) else { return }
        do throws(SiltstoneError) {
            try createNamespace(namespace)
        } catch {
            if error.code != .alreadyExists { throw error }
        }
    }

    /// Runs `body` while no table and no namespace comes or goes.
    private func changeNamespaces(_ body: (StoredTable) throws(SiltstoneError) -> Void)
        throws(SiltstoneError)
    {
        let table = try systemTable(
            TableDefinition(Self.namespaceTable, families: [Family(Self.namespaceFamily)]))
        try schemaChange.withLock { _ throws(SiltstoneError) in try body(table) }
    }

    private func requireChangeable(_ namespace: String) throws(SiltstoneError) {
        guard try namespaceProperties(namespace) != nil else {
            throw SiltstoneError(.notFound, "no such namespace namespace=\(namespace)")
        }
        guard !Self.builtInNamespaces.contains(namespace) else {
            throw SiltstoneError(.conflict, "namespace is reserved namespace=\(namespace)")
        }
    }

    private func namespaceRow(_ namespace: String) throws(SiltstoneError) -> Row? {
        guard !namespace.isEmpty, let table = try? table(Self.namespaceTable) else { return nil }
        return try table.get(Bytes(namespace))
    }

    private func write(
        _ namespace: String, _ properties: [String: String], to table: StoredTable
    ) throws(SiltstoneError) {
        func put(_ key: String, _ value: String) -> CellMutation {
            CellMutation(
                Column(Self.namespaceFamily, Bytes(key)),
                .put(value: Bytes(value), timeToLiveMilliseconds: nil))
        }
        var changes = [put("", "")]
        for (key, value) in properties {
            guard !key.isEmpty else {
                throw SiltstoneError(.invalidArgument, "a property has no name")
            }
            changes.append(put(key, value))
        }
        // What is not given again goes.
        for cell in try namespaceRow(namespace)?.cells ?? [] {
            guard let key = cell.column.qualifier.string, !key.isEmpty, properties[key] == nil
            else { continue }
            changes.append(CellMutation(cell.column, .deleteColumn))
        }
        try table.write([RowMutation(row: Bytes(namespace), changes: changes)])
    }
}
