internal import CSiltstone

/// Plain lines, many at a time.
extension JSONLineScanner {
    /// Scans lines of the usual form, whose members are those of the lines before, into rows of a batch; how many of up to
    /// `room`.
    ///
    /// Moves behind them. The last line before `stop` ends there with its newline.
    mutating func scanPlainLines(
        _ batch: inout RecordBatch, room: Int, stop: Int, limit: Int
    ) -> Int {
        guard learnedLayout.isPlain else { return 0 }
        let start = index
        let slotCount = batch.slotCount
        let members = learnedLayout.members
        var next = start
        // Safety: 16 bytes follow `stop` (fact 1); the rows have room for all slots, which the members' are.
        let taken = batch.append(room) { rows in
            unsafe members.withUnsafeBufferPointer { members in
                unsafe silt_json_rows(
                    bytes, start, stop, members.baseAddress, members.count, limit, rows.slots,
                    slotCount, rows.starts, rows.ends, room, &next)
            }
        }
        index = next
        return taken
    }

    /// Scans lines into columns up to one that is none of those; how many should be rows then.
    ///
    /// 64 bytes follow `stop`.
    mutating func scanColumns(
        _ batch: inout RecordBatch, _ scan: ColumnScan, _ fields: ColumnFields, stop: Int,
        limit: Int
    ) -> Int {
        guard learnedLayout.isPlain else { return 1 }
        let slotCount = batch.slotCount
        let members = learnedLayout.members
        var next = index
        // Safety: 64 bytes follow `stop`, before which the last line ends (fact 1); the columns have the room that is asked
        // for, and the fields are slots.
        let rows = unsafe scan.append(to: &batch, fields) { columns, keys, room in
            unsafe members.withUnsafeBufferPointer { members in
                unsafe silt_json_columns(
                    bytes, next, stop, members.baseAddress, members.count, limit, slotCount,
                    &columns, &keys, room, &next)
            }
        }
        index = next
        return rows
    }
}
