internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// The commonest cells, values of one column of row after row, taken without a look at each rule.
extension WalkState {
    /// Takes many cells of the winner's block at once, when it can.
    mutating func takeStretch() throws(SiltstoneError) -> Bool {
        if core.isViewed { return try takeViewed() }
        guard prefersStretch else { return false }
        noteStretchColumn()
        let index = core.winner &- core.memtableCount
        let limit = core.stretchLimit(index, upper: rule.upper)
        // Safety: the winner is a run, for which there is an initialized cursor and cell.
        let last = unsafe (core.runs + index).pointee.takeStretch(
            stretch, until: limit, into: &batch)
        if last < 0 { return false }
        let time = unsafe leaveStretch(core.runs + index, last)
        noteTaken(time)
        try unsafe (core.runs + index).pointee.settle(&(core.cells + core.winner).pointee)
        core.settleWinner()
        return true
    }

    /// Makes the current column that of stretches.
    mutating func noteStretchColumn() {
        stretch.tailWord = columns.tailWord
        stretch.tailBits = columns.tailBits
        stretch.endByteCount = columns.currentByteCount
        stretch.column = Int32(truncatingIfNeeded: columns.current)
    }

    /// Takes cells like those of a stretch, of whatever sources, while one follows the other.
    ///
    /// - Returns: whether there was one; the merge stands behind the last.
    mutating func takeSome() throws(SiltstoneError) -> Bool {
        if baseGeneration != core.baseGeneration { findBaseRow() }
        if baseRowEscaped < 0 { return false }
        // Safety: the base row stays until the base changes, which ends the loop.
        let common = unsafe CommonRow(
            escapedCount: baseRowEscaped, count: baseRowCount, bytes: baseRow)
        let endByteCount = columns.currentByteCount &+ 1
        let tailShift = 64 &- columns.tailBits
        let tailWord = columns.tailWord
        let column = Int32(truncatingIfNeeded: columns.current)
        var isAny = false
        var prefix: UInt64 = 0
        var timestamp: Int64 = 0
        var goesOn = true
        while goesOn {
            let cell = unsafe core.current
            // Safety: a valid cell has a key, which stays where it is until its source moves. Keys of
            // unlike prefixes differ; of the first it is known.
            guard unsafe cell.pointee.type == 4, unsafe cell.pointee.flags & 1 == 0,
                unsafe !isAny || cell.pointee.prefix != prefix && cell.pointee.isValid,
                unsafe cell.pointee.timestamp >= stretch.least,
                unsafe cell.pointee.timestamp <= stretch.greatest,
                unsafe cell.pointee.keyCount >= 8, let source = unsafe cell.pointee.key
            else { break }
            let keyCount = unsafe cell.pointee.keyCount
            let rowEnd = keyCount &- endByteCount
            // Safety: the key has at least 8 bytes; a table's is followed by room, a memtable's by a
            // tail.
            let word = unsafe (source + (keyCount &- 8)).loadUnaligned(as: UInt64.self)
            guard word &>> tailShift == tailWord, rowEnd > baseRowEscaped, batch.hasRoom(rowEnd)
            else { break }
            if let upper = rule.upper,
                unsafe Self.order(
                    UnsafeRawBufferPointer(start: source, count: rowEnd &+ 1), upper) >= 0
            {
                break
            }
            guard unsafe batch.appendRow(source, rowEnd, common) else { break }
            unsafe prefix = cell.pointee.prefix
            unsafe timestamp = cell.pointee.timestamp
            unsafe batch.append(
                value: core.value, empty: UnsafeRawPointer(batch.rows), timestamp: timestamp,
                column: column, startsRow: true)
            isAny = true
            let number = core.winner
            let mark = core.blockMark(of: number)
            try core.next()
            // A block that was left may end the batch, and a source that goes on is read by stretches.
            goesOn =
                !batch.isFull && !prefersStretch && core.baseGeneration == baseGeneration
                && core.blockMark(of: number) == mark
        }
        if isAny {
            setKeyOfLastRow()
            noteTaken(timestamp)
        }
        return isAny
    }

    /// Makes the key of the batch's last row and the current column that of the walk: of cells that are taken one after the
    /// other only the last one's is needed.
    mutating func setKeyOfLastRow() {
        // Safety: the row lies in the batch; escaped it takes 2 n + 1 bytes at most, and the column's end follows.
        guard let row = unsafe batch.lastRow else { return }
        let count = Int(batch.lastRowCount)
        let end = unsafe columns[columns.current]
        makeRoom(forKey: 2 &* count &+ 1 &+ end.count)
        guard let target = unsafe key.baseAddress else { return }
        rowCount = unsafe silt_escape(target, row, count)
        keyCount = rowCount &+ end.count
        if let source = end.baseAddress {
            unsafe (target + rowCount).copyMemory(from: source, byteCount: end.count)
        }
    }

    /// Whether one source has the say for some time.
    private var prefersStretch: Bool {
        core.isViewed
            ? core.winner >= core.memtableCount && prefersView
            : core.winner >= core.memtableCount
                && (core.runnerUp == -1 || core.runnerUp >= 0 && core.streak >= Self.streakMin)
    }

    /// The state after a cell that was shown as the first of its row and column.
    @inline(__always)
    mutating func noteTaken(_ timestamp: Int64) {
        // Where the cell lies is not at hand any more, so no gap is noted.
        hiddenCount = 0
        isInGap = false
        deletes.startRow()
        versions.startColumn()
        _ = versions.isDuplicate(timestamp: timestamp)
        _ = versions.admit(timestamp: timestamp)
        versionCount = 1
        passedCount = 0
        isColumnDone = false
        isRowDone = rule.isOneColumn
        isRowPending = false
    }

    /// Unescapes what the rows of all current keys begin with.
    private mutating func findBaseRow() {
        baseGeneration = core.baseGeneration
        // Safety: there is room for the longest base and 8 bytes.
        let found = unsafe CommonRow(
            of: UnsafeRawBufferPointer(
                start: core.base.pointee.bytes, count: core.base.pointee.count),
            into: baseRow)
        baseRowEscaped = found?.escapedCount ?? -1
        baseRowCount = found?.count ?? 0
    }

    /// Makes the column of the last cell of a stretch the current one, and returns its time stamp.
    private mutating func leaveStretch(_ run: UnsafeMutablePointer<TableRunCursor>, _ last: Int)
        -> Int64
    {
        // Safety: the cursor still has the block that the entry is of.
        let number = unsafe run.pointee.columns.pointee.keyNumber(last)
        if unsafe number != run.pointee.keyNumber { unsafe run.pointee.copyKey(number) }
        let count = unsafe run.pointee.keyCount
        unsafe setKey(UnsafeRawPointer(run.pointee.buffer), count)
        rowCount = count - stretch.endByteCount
        return unsafe Int64(bitPattern: run.pointee.columns.pointee.timestamps.load(last))
    }
}
