internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// What cells must be like to be taken as a stretch.
struct StretchRule {
    /// The last bytes of the column keys, `00 escape(qualifier) 00`, as a word; see `WalkColumns`.
    var tailWord: UInt64 = 0
    /// How many bits they take.
    var tailBits: UInt64 = 0
    /// The length of `escape(qualifier) 00`.
    var endByteCount = 0
    /// The column's number.
    var column: Int32 = 0
    /// The least time stamp.
    var least = Int64.min
    /// The greatest time stamp.
    var greatest = Int64.max
    /// Whether further versions of a column are passed over; if not, they end the stretch.
    var skipsOlder = false
}

/// Many cells of one block at once: the commonest scan by far.
extension TableRunCursor {
    /// Copies the places of cells from the current one on into a batch: values of one column of
    /// successive rows, as long as nothing else comes and no other source has a say.
    ///
    /// Afterwards `entry` is the first that was not taken; the caller settles.
    ///
    /// - Parameter limit: the entry to stop before.
    /// - Returns: the last entry taken; -1 for none.
    mutating func takeStretch(
        _ rule: StretchRule, until limit: Int, into batch: inout CellBatch
    ) -> Int {
        guard let common = readCommonRow(), entry < limit else { return -1 }
        // Safety: entries below `limit` are the block's; the columns stay while the block is held.
        let columns = unsafe self.columns.pointee
        let sequence = options.sequence
        let empty = unsafe UnsafeRawPointer(buffer)
        let isUniform =
            columns.types.width == 0 && columns.flags.width == 0 && !checksSequence
            && columns.types.base == UInt64(Self.putCode)
            && columns.flags.base & UInt64(Self.lifeFlag) == 0
        let endByteCount = rule.endByteCount &+ 1
        let tailShift = 64 &- rule.tailBits
        var last = -1
        var lastNumber = -1
        var place = entry
        while place < limit, !batch.isFull {
            let number = columns.keyNumber(place)
            if !isUniform, checksSequence, columns.sequences.load(place) > sequence {
                place &+= 1
                continue
            }
            if number == lastNumber {
                guard rule.skipsOlder else { break }
                place &+= 1
                continue
            }
            if !isUniform,
                columns.types.load(place) != UInt64(Self.putCode)
                    || columns.flags.load(place) & UInt64(Self.lifeFlag) != 0
            {
                break
            }
            let time = Int64(bitPattern: columns.timestamps.load(place))
            guard time >= rule.least, time <= rule.greatest else { break }
            if number != keyNumber { copyKey(number) }
            let rowEnd = keyCount &- endByteCount
            guard rowEnd > common.escapedCount, keyCount >= 8 else { break }
            // Safety: the key has at least 8 bytes.
            let word = unsafe (buffer + (keyCount &- 8)).loadUnaligned(
                as: UInt64.self)
            guard word &>> tailShift == rule.tailWord, batch.hasRoom(rowEnd),
                unsafe batch.appendRow(UnsafeRawPointer(buffer), rowEnd, common)
            else { break }
            unsafe batch.append(
                value: columns.value(place), empty: empty, timestamp: time, column: rule.column,
                startsRow: true)
            last = place
            lastNumber = number
            place &+= 1
        }
        entry = place
        return last
    }

    // Plain numbers: those of other modules are read through a call.
    private static var putCode: UInt8 { 4 }
    private static var lifeFlag: UInt8 { 1 }

    /// The unescaped beginning of the block's rows; `nil` when the block is of one row.
    private mutating func readCommonRow() -> CommonRow? {
        if commonRowNumber != blockNumber { findCommonRow() }
        guard commonRowEscaped >= 0, let bytes = unsafe commonRow else { return nil }
        return unsafe CommonRow(escapedCount: commonRowEscaped, count: commonRowCount, bytes: bytes)
    }

    private mutating func findCommonRow() {
        commonRowNumber = blockNumber
        // Safety: `commonCount` bytes of the buffer are the block's common prefix; the row takes no
        // more bytes than its escaped form.
        unsafe commonRow?.deallocate()
        let target = UnsafeMutableRawPointer.allocate(byteCount: commonCount + 16, alignment: 8)
        unsafe commonRow = target
        let found = unsafe CommonRow(
            of: UnsafeRawBufferPointer(start: buffer, count: commonCount), into: target)
        commonRowEscaped = found?.escapedCount ?? -1
        commonRowCount = found?.count ?? 0
    }
}
