internal import CSiltstone

/// Reads plain records into columns, and knows how often that is worth trying.
///
/// A scan that asks for many records and gets few has looked at more than it took. So after few the next ones are read
/// as rows, more and more while that goes on.
final class ColumnScan {
    private static let roomMin = 16
    private static let roomMax = 1024
    private static let rowsMax = 64

    /// What goes to columns.
    let plan: ColumnPlan
    private var keys = KeyNumbers()
    private var room = roomMin
    private var rows = 1
    private var records = 0

    /// A scan of a plan's records.
    init(_ plan: ColumnPlan) { self.plan = plan }

    /// Begins a block.
    func beginBlock() {
        keys.beginBlock(after: records)
        records = 0
    }

    /// Appends records to a batch up to one that `read` does not take; how many should be read as rows then.
    func append(
        to batch: inout RecordBatch, _ fields: ColumnFields,
        reading read: (inout silt_columns, inout silt_keys, _ room: Int) -> Int
    ) -> Int {
        var taken = 0
        let generation = keys.generation
        while true {
            let asked = room
            // Safety: `read` uses what it is lent only for its one scan, within the room that was made.
            let got = unsafe keys.lend { keys in
                unsafe batch.append(asked, fields, generation: generation) { columns in
                    unsafe columns.key_bytes_max = plan.keyBytesMax
                    return unsafe read(&columns, &keys, asked)
                }
            }
            taken += got
            if got == asked {
                room = min(asked * 4, Self.roomMax)
            } else if !keys.growIfFull() {
                room = min(max(got * 2, Self.roomMin), Self.roomMax)
                break
            }
        }
        records += taken
        rows = taken < Self.roomMin ? min(rows * 2, Self.rowsMax) : 1
        return rows
    }
}
