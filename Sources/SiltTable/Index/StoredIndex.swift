import SiltBytes
import SiltModel

/// A column index as the schema keeps it: an attribute `silt.index:family:hex(qualifier)` of the table.
///
/// Part of the format: docs/format/schema.md.
///
/// The entries are the rows of a table of the system, `silt:index.<id>`.
struct StoredIndex: Sendable, Hashable {
    /// Whether scans may use it.
    enum State: String, Sendable {
        /// Writes are entered, what was there before may be missing.
        case building
        /// Complete.
        case ready
    }

    /// What attribute keys of indexes begin with.
    static let attributePrefix = "silt.index:"
    /// What the names of tables of entries begin with.
    static let tablePrefix = "\(TableRules.systemPrefix)index."

    /// The column and order.
    let declared: ColumnIndex
    /// Names the table of entries; an index made again has another.
    let id: Identifier
    /// Whether it is complete.
    let state: State

    /// The name of the table that holds the entries.
    var tableName: String { "\(StoredIndex.tablePrefix)\(id)" }

    /// The attribute's key.
    var attributeKey: String { StoredIndex.attributeKey(declared.column) }

    /// The attribute's value.
    var attributeValue: String { "\(declared.order.rawValue),\(state.rawValue),\(id)" }

    /// The key of a column's attribute.
    static func attributeKey(_ column: Column) -> String {
        "\(attributePrefix)\(column.family):\(Hex.encode(column.qualifier.array))"
    }

    /// The index, complete or not, that it is now.
    func with(state: State) -> StoredIndex {
        StoredIndex(declared: declared, id: id, state: state)
    }

    init(declared: ColumnIndex, id: Identifier, state: State) {
        self.declared = declared
        self.id = id
        self.state = state
    }

    /// Reads an attribute; `nil` when it is another one or is damaged.
    init?(key: String, value: String) {
        guard key.hasPrefix(StoredIndex.attributePrefix) else { return nil }
        let name = key.dropFirst(StoredIndex.attributePrefix.count)
        let parts = value.split(separator: ",")
        guard let colon = name.lastIndex(of: ":"),
            let qualifier = Hex.decode(String(name[name.index(after: colon)...])),
            parts.count == 3, let order = ColumnIndex.Order(rawValue: String(parts[0])),
            let state = State(rawValue: String(parts[1])), let id = Identifier(parts[2])
        else { return nil }
        declared = ColumnIndex(Column(String(name[..<colon]), Bytes(qualifier)), order: order)
        self.id = id
        self.state = state
    }

    /// The indexes among a table's attributes, in the order of their columns.
    static func indexes(_ attributes: [String: String]) -> [StoredIndex] {
        if attributes.isEmpty { return [] }
        return attributes.compactMap { StoredIndex(key: $0.key, value: $0.value) }
            .sorted { $0.declared.column < $1.declared.column }
    }
}
