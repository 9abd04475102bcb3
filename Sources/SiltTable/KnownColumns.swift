import SiltBytes
import SiltFormat
import SiltModel

/// The columns that a scan met lately, so that rows of the same shape share their names.
struct KnownColumns {
    private static let countMax = 64
    private static let searchedCountMax = 16

    private var columns: [PlannedColumn] = []
    /// Where the next column of a row like the ones before is found.
    private var position = 0

    /// Begins a row.
    mutating func startRow() { position = 0 }

    /// The column whose column keys end with `suffix`.
    mutating func column(_ suffix: UnsafeRawBufferPointer, family: String)
        throws(SiltstoneError) -> PlannedColumn
    {
        if position < columns.count {
            // Safety: borrowed for the comparison only.
            if unsafe KeyComparison.equal(suffix, columns[position].suffix) {
                position += 1
                return columns[position - 1]
            }
        }
        for index in columns.indices.prefix(KnownColumns.searchedCountMax) {
            // Safety: borrowed for the comparison only.
            if unsafe KeyComparison.equal(suffix, columns[index].suffix) {
                position = index + 1
                return columns[index]
            }
        }
        // Safety: the bytes are copied.
        let made = try KnownColumns.make(unsafe [UInt8](suffix), family: family)
        if columns.count == KnownColumns.countMax { columns.removeAll(keepingCapacity: true) }
        columns.append(made)
        position = columns.count
        return made
    }

    private static func make(_ suffix: [UInt8], family: String) throws(SiltstoneError)
        -> PlannedColumn
    {
        do {
            let qualifier = try CellKey.component(of: suffix, at: 0).bytes
            return PlannedColumn(column: Column(family, Bytes(qualifier)), suffix: suffix)
        } catch {
            throw SiltstoneError(
                .corrupted, "column key is damaged family=\(family) key=\(Hex.encode(suffix))")
        }
    }
}
