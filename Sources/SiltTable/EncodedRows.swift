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
    /// What they were encoded by; `nil` when there are none.
    private var layout: TableLayout?
    /// For each of the layout's regions the operations on it, in the order of the regions.
    private(set) var writes: [GroupWrite] = []
    /// The stripes of the rows.
    private(set) var locked = RowLockSet()

    /// The columns of all rows' values, and how column keys end with them.
    private let columns: [Bytes]
    private let endings: [[UInt8]]

    /// No rows; their values will name the columns by their places among these qualifiers.
    package init(_ table: StoredTable, columns: [Bytes]) {
        self.table = table
        self.columns = columns
        endings = columns.map { CellKey.rowPrefix($0) }
    }

    /// Adds the values of a row; nothing is added when it throws.
    ///
    /// - Parameter timestamp: `nil` lets the server assign it when the batch is committed.
    /// - Returns: `false`, and nothing is added, when the row has to be written as a mutation: more than rows is written with
    ///   those of the table, or the values are very large.
    package mutating func add(
        _ values: CellValues, row: Bytes, family: String, timestamp: Int64?
    ) throws(SiltstoneError) -> Bool {
        if layout == nil { try begin() }
        guard let layout, !layout.isTracked else { return false }
        try RowRules.check(row: row)
        let family = layout.families[try layout.familyIndex(named: family)].id
        // One might be too large.
        if values.bytes.count > Limits.valueBytesMax { return false }
        let stored = try RowRules.stored(timestamp: timestamp)
        let region = layout.regionIndex(of: row)
        writes[region].operations.append(
            values, family: family, rowPrefix: CellKey.rowPrefix(row), qualifiers: endings,
            timestamp: stored)
        locked.insert(table: table.id, row: row, exclusively: false)
        return true
    }

    /// Forgets the rows.
    package mutating func removeAll() {
        for index in writes.indices { writes[index].operations.removeAll() }
        locked = RowLockSet()
        layout = nil
    }

    private mutating func begin() throws(SiltstoneError) {
        for column in columns { try RowRules.check(qualifier: column) }
        let layout = try table.writableLayout()
        let isSame =
            writes.count == layout.regions.count
            && writes.indices.allSatisfy { writes[$0].group === layout.regions[$0] }
        if !isSame {
            writes = layout.regions.map { GroupWrite(group: $0, operations: OperationBuffer()) }
        }
        self.layout = layout
    }

    /// Whether there are no rows.
    var isEmpty: Bool { writes.allSatisfy { $0.operations.count == 0 } }

    /// The rows as mutations: what indexes and feeds are kept by.
    func mutations() throws(SiltstoneError) -> [TableMutation] {
        guard let layout else { return [] }
        var mutations: [RowMutation] = []
        for write in writes {
            let bytes = write.operations.bytes
            do throws(DecodingError) {
                var reader = OperationReader(bytes, range: 0..<bytes.count)
                while let operation = try reader.next() {
                    let key = Array(bytes[operation.key])
                    let row = try CellKey.component(of: key, at: 0)
                    let qualifier = try CellKey.component(of: key, at: row.next)
                    let name = layout.families.first { $0.id == operation.family }?.settings.name
                    let change = CellMutation(
                        Column(name ?? "", Bytes(qualifier.bytes)),
                        .put(
                            value: Bytes(Array(bytes[operation.value])),
                            timeToLiveMilliseconds: nil), timestamp: operation.timestamp)
                    if let last = mutations.indices.last, mutations[last].row == Bytes(row.bytes) {
                        mutations[last].changes.append(change)
                    } else {
                        mutations.append(RowMutation(row: Bytes(row.bytes), changes: [change]))
                    }
                }
            } catch {
                throw SiltstoneError(.corrupted, "batch is damaged: \(error.message)")
            }
        }
        return mutations.map { TableMutation(table: table, mutation: $0) }
    }
}
