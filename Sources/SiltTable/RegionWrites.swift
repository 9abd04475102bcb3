import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// Values for one table, encoded for its regions as they are added.
///
/// What was allocated for them serves those that come after `removeAll`.
struct RegionWrites: Sendable {
    /// What they are encoded by; `nil` when there are none.
    private(set) var layout: TableLayout?
    /// For each of the layout's regions the operations on it, in the order of the regions.
    var writes: [GroupWrite] = []
    /// The stripes of the rows.
    var locked = RowLockSet()

    /// Whether there are no values.
    var isEmpty: Bool { writes.allSatisfy { $0.operations.count == 0 } }

    /// The layout to encode by: that of the values before, or the table's.
    mutating func begin(_ table: StoredTable) throws(SiltstoneError) -> TableLayout {
        if let layout { return layout }
        let layout = try table.writableLayout()
        let isSame =
            writes.count == layout.regions.count
            && writes.indices.allSatisfy { writes[$0].group === layout.regions[$0] }
        if !isSame {
            writes = layout.regions.map { GroupWrite(group: $0, operations: OperationBuffer()) }
        }
        self.layout = layout
        return layout
    }

    /// Forgets the values.
    mutating func removeAll() {
        for index in writes.indices { writes[index].operations.removeAll() }
        locked = RowLockSet()
        layout = nil
    }

    /// Shows each value as the change of a row, in order: what indexes and feeds are kept by.
    func forEachChange(_ body: (_ row: Bytes, CellMutation) -> Void) throws(SiltstoneError) {
        guard let layout else { return }
        for write in writes {
            let bytes = write.operations.bytes
            do throws(DecodingError) {
                var reader = OperationReader(bytes, range: 0..<bytes.count)
                while let operation = try reader.next() {
                    let key = Array(bytes[operation.key])
                    let row = try CellKey.component(of: key, at: 0)
                    let qualifier = try CellKey.component(of: key, at: row.next)
                    let name = layout.families.first { $0.id == operation.family }?.settings.name
                    body(
                        Bytes(row.bytes),
                        CellMutation(
                            Column(name ?? "", Bytes(qualifier.bytes)),
                            .put(
                                value: Bytes(Array(bytes[operation.value])),
                                timeToLiveMilliseconds: nil), timestamp: operation.timestamp))
                }
            } catch {
                throw SiltstoneError(.corrupted, "batch is damaged: \(error.message)")
            }
        }
    }
}
