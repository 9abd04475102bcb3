import SiltBytes
import SiltModel
import SiltTable

/// The name spaces and their properties, kept in a table of the system's own.
///
/// A table may be made in a name space that nobody made before: then the name space is there too.
struct Namespaces: Sendable {
    /// What HBase has from the beginning.
    private static let builtIn = ["default", "hbase"]
    private static let table = "silt:namespaces"
    /// Says that a name space is there, with no qualifier, and holds its properties.
    private static let family = "p"

    let store: TableStore

    /// All names, in order.
    func names() throws(SiltstoneError) -> [String] {
        var names = Set(Self.builtIn)
        for table in store.tables() {
            if let colon = table.definition.name.firstIndex(of: ":") {
                names.insert(String(table.definition.name[..<colon]))
            }
        }
        if let table = try? store.table(Self.table) {
            let scanner = try table.scan()
            while let row = try scanner.next() { names.insert(row.key.string ?? "") }
        }
        return names.sorted { Bytes($0) < Bytes($1) }
    }

    /// The properties of a name space; `nil` when there is none.
    func properties(of name: String) throws(SiltstoneError) -> [(name: String, value: String)]? {
        if let row = try row(of: name) {
            return row.cells.compactMap { cell in
                guard let key = cell.column.qualifier.string, !key.isEmpty else { return nil }
                return (key, cell.value.string ?? "")
            }
        }
        return try names().contains(name) ? [] : nil
    }

    /// The names of its tables, without the name space.
    func tables(of name: String) -> [String] {
        store.tables().compactMap { table in
            let full = table.definition.name
            guard let colon = full.firstIndex(of: ":") else {
                return name == "default" ? full : nil
            }
            return full[..<colon] == name ? String(full[full.index(after: colon)...]) : nil
        }
    }

    /// Makes a name space, or gives one other properties.
    func put(_ name: String, _ properties: [(name: String, value: String)]) throws(SiltstoneError) {
        try check(name: name)
        let table = try store.systemTable(
            TableDefinition(Self.table, families: [Family(Self.family)]))
        var changes = [
            CellMutation(
                Column(Self.family, .empty), .put(value: .empty, timeToLiveMilliseconds: nil))
        ]
        var seen: Set<String> = []
        for (key, value) in properties.reversed() where seen.insert(key).inserted {
            guard !key.isEmpty else {
                throw SiltstoneError(.invalidArgument, "a property has no name")
            }
            changes.append(
                CellMutation(
                    Column(Self.family, Bytes(key)),
                    .put(value: Bytes(value), timeToLiveMilliseconds: nil)))
        }
        // What is not given again goes.
        for cell in try row(of: name)?.cells ?? []
        where !cell.column.qualifier.isEmpty && !seen.contains(cell.column.qualifier.string ?? "") {
            changes.append(CellMutation(cell.column, .deleteColumn))
        }
        try table.write([RowMutation(row: Bytes(name), changes: changes)])
    }

    /// Removes a name space without tables.
    func remove(_ name: String) throws(SiltstoneError) {
        guard let table = try? store.table(Self.table) else { return }
        try table.write([
            RowMutation(
                row: Bytes(name),
                changes: [CellMutation(Column(Self.family, .empty), .deleteFamily)])
        ])
    }

    /// Whether it is there from the beginning.
    func isBuiltIn(_ name: String) -> Bool { Self.builtIn.contains(name) }

    private func row(of name: String) throws(SiltstoneError) -> Row? {
        guard !name.isEmpty, let table = try? store.table(Self.table) else { return nil }
        return try table.get(Bytes(name))
    }

    private func check(name: String) throws(SiltstoneError) {
        let isFine = name.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0) || $0 == 0x5f
        }
        guard isFine, !name.isEmpty, name.utf8.count <= 255, name != "silt" else {
            throw SiltstoneError(
                .invalidArgument,
                "name space has a name of other than letters, digits and _ name=\(name)")
        }
    }
}
