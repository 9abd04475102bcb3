import SiltBytes
import SiltFormat
import SiltModel

/// The rows by which an index finds rows: `escape(ordered value) 00 row`, cut where keys end, the rest in the qualifier.
///
/// Part of the format: docs/format/schema.md.
enum IndexEntry {
    /// The family of tables of entries.
    static let family = "e"
    /// How many bytes of a text are put in order; texts that agree in them are told apart by reading their rows.
    static let textBytesMax = 1_024

    /// The definition of a table of entries.
    static func table(named name: String, durability: Durability?) -> TableDefinition {
        TableDefinition(
            name, families: [Family(family, bloomFilter: .none, blockBytes: 16_384)],
            durability: durability)
    }

    /// What stands for a value in the entries; `nil` when the index has no place for it.
    static func ordered(_ value: [UInt8], _ order: ColumnIndex.Order) -> [UInt8]? {
        switch order {
        case .text: Array(value.prefix(textBytesMax))
        case .number: ScaledDecimal(digits: value.span)?.orderedBytes
        case .long: ordered(ValueComparator.clamped(value.span))
        }
    }

    /// What stands for a 64-bit number in the entries.
    static func ordered(_ number: Int64) -> [UInt8] {
        var bytes = Counter.encode(number).array
        bytes[0] ^= 0x80
        return bytes
    }

    /// What every entry of an ordered value begins with.
    static func prefix(_ ordered: [UInt8]) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(ordered.count + 64)
        CellKey.append(component: ordered, to: &key)
        return key
    }

    /// The mutation that enters a row under a value.
    static func put(_ row: Bytes, _ ordered: [UInt8]) -> RowMutation {
        let (key, rest) = place(row, ordered)
        return RowMutation(
            row: key,
            changes: [
                CellMutation(
                    Column(family, rest), .put(value: .empty, timeToLiveMilliseconds: nil))
            ])
    }

    /// The mutation that takes a row away from under a value.
    static func delete(_ row: Bytes, _ ordered: [UInt8]) -> RowMutation {
        let (key, rest) = place(row, ordered)
        return RowMutation(row: key, changes: [CellMutation(Column(family, rest), .deleteColumn)])
    }

    /// The ordered value and the rows that an entry stands for.
    static func read(_ entry: Row) throws(SiltstoneError) -> (ordered: [UInt8], rows: [Bytes]) {
        do {
            let (ordered, end) = try CellKey.component(of: entry.key.array, at: 0)
            let start = entry.key.array[end...]
            return (
                ordered, entry.cells.map { Bytes(Array(start) + $0.column.qualifier.array) }
            )
        } catch {
            throw SiltstoneError(.corrupted, "index entry is damaged key=\(entry.key)")
        }
    }

    private static func place(_ row: Bytes, _ ordered: [UInt8]) -> (key: Bytes, rest: Bytes) {
        let start = prefix(ordered)
        let room = Limits.rowBytesMax - start.count
        if row.count <= room { return (Bytes(start + row.array), .empty) }
        return (Bytes(start + row.array.prefix(room)), Bytes(row.array.dropFirst(room)))
    }
}
