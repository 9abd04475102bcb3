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
        let isUniform = self.isUniform
        let endByteCount = rule.endByteCount &+ 1
        let tailShift = 64 &- rule.tailBits
        let isSimple =
            isUniform && columns.keyNumbers.width == 0 && common.escapedCount == commonCount
        var last = -1
        var lastNumber = -1
        var place = entry
        while place < limit, !batch.isFull {
            if isSimple {
                let next = Self.takeSimple(rule, columns, common, from: place, until: limit, &batch)
                if next > place {
                    last = next &- 1
                    lastNumber = last
                    place = next
                    continue
                }
            }
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

    /// Whether each entry of the block is a value without a time to live of its own that the sequence of interest shows.
    private var isUniform: Bool {
        // Safety: callers have a block.
        let columns = unsafe self.columns
        return unsafe columns.pointee.types.width == 0 && columns.pointee.flags.width == 0
            && !checksSequence && columns.pointee.types.base == UInt64(Self.putCode)
            && columns.pointee.flags.base & UInt64(Self.lifeFlag) == 0
    }

    /// Whether `takePlain` may take the entries of the block.
    @inline(__always)
    mutating func isPlainBlock() -> Bool {
        if let isPlain { return isPlain }
        return findPlain()
    }

    @inline(never)
    private mutating func findPlain() -> Bool {
        // Safety: callers have a block.
        let common = readCommonRow()
        let result =
            unsafe isUniform && columns.pointee.keyNumbers.width == 0
            && common?.escapedCount == commonCount
        isPlain = result
        return result
    }

    /// Puts the current entry of a plain block, of a row of its own, behind the cells of a batch.
    ///
    /// - Parameters:
    ///   - row: where its row goes; moved behind it.
    ///   - end: the end of the room for rows.
    /// - Returns: false when it is not of the rule's column or times, or has no room.
    @inline(__always)
    func takePlain(
        _ rule: StretchRule, into cell: UnsafeMutablePointer<WalkedCell>,
        row: inout UnsafeMutableRawPointer, end: UnsafeMutableRawPointer
    ) -> Bool {
        // Safety: the block is plain and has the entry; 8 bytes can be read after each of its bytes, and there is room for the
        // key when the check for it is passed. A prefetch reads nothing.
        let columns = unsafe self.columns
        let time = unsafe Int64(bitPattern: columns.pointee.timestamps.load(entry))
        guard time >= rule.least, time <= rule.greatest, let bytes = unsafe commonRow else {
            return false
        }
        let common = unsafe CommonRow(
            escapedCount: commonRowEscaped, count: commonRowCount, bytes: bytes)
        let prefixCount = unsafe Int(
            truncatingIfNeeded: columns.pointee.prefixLengths.load(entry))
        let rest = unsafe columns.pointee.rest(entry)
        let byteCount = common.count &+ prefixCount &+ rest.count
        let rowCount = byteCount &- rule.endByteCount &- 1
        guard rowCount > common.count, byteCount >= 8, unsafe end - row >= byteCount &+ 24
        else { return false }
        let (ones, tail) = unsafe Self.join(
            common.bytes.loadUnaligned(as: UInt64.self), common, columns.pointee.prefixes,
            columns.pointee.rests, entry, prefixCount: prefixCount, restStart: rest.start,
            restCount: rest.count, tailBits: rule.tailBits, into: row)
        guard tail &>> (64 &- rule.tailBits) == rule.tailWord, ones == 0 else { return false }
        let value = unsafe columns.pointee.value(entry)
        guard let start = value.baseAddress else { return false }
        unsafe silt_prefetch(start)
        unsafe silt_prefetch(start + 64)
        unsafe silt_prefetch(start + value.count)
        unsafe cell.initialize(
            to: WalkedCell(
                row: UnsafeRawPointer(row), value: start, timestamp: time,
                rowByteCount: Int32(truncatingIfNeeded: rowCount),
                valueByteCount: Int32(truncatingIfNeeded: value.count), column: rule.column,
                startsRow: true))
        unsafe row += (rowCount &+ 7) & ~7
        return true
    }

    /// As `takeStretch` where each entry is a value with a key of its own, without copying whole
    /// keys; an entry that is not as simple ends it.
    ///
    /// - Returns: the first entry that was not taken.
    private static func takeSimple(
        _ rule: StretchRule, _ columns: BlockColumns, _ common: CommonRow, from start: Int,
        until limit: Int, _ batch: inout CellBatch
    ) -> Int {
        // Safety: entries below `limit` are the block's, and 8 bytes can be read after each of its
        // bytes; the batch has room for its cells, and is asked for that of each row.
        let times = columns.timestamps
        let lengths = columns.prefixLengths
        let offsets = columns.restOffsets
        let values = columns.valueOffsets
        let prefixes = unsafe columns.prefixes
        let rests = unsafe columns.rests
        let fixedRest = columns.restOffsets.width == 0 ? columns.fixedRestByteCount : -1
        let fixedValue = columns.valueOffsets.width == 0 ? columns.fixedValueByteCount : -1
        let tailCount = rule.endByteCount &+ 1
        let head = unsafe common.bytes.loadUnaligned(as: UInt64.self)
        let cells = unsafe batch.cells
        let end = unsafe batch.rows + CellBatch.rowBytesMax
        let first = batch.count
        let count = min(limit &- start, batch.wanted &- first)
        var row = unsafe batch.rows + batch.rowBytes
        // Keys follow one another: where the rest of one ends, that of the next begins.
        var restEnd = fixedRest < 0 ? Int(truncatingIfNeeded: offsets.load(start)) : 0
        var index = 0
        while index < count {
            let place = start &+ index
            // What is looked at some cells on, in columns that the processor may not see as streams.
            unsafe silt_prefetch(times.start + (place &+ aheadCount) &* times.width)
            unsafe silt_prefetch(prefixes + (place &+ aheadCount) &* 8)
            let time = Int64(bitPattern: times.load(place))
            guard time >= rule.least, time <= rule.greatest else { break }
            let prefixCount = Int(truncatingIfNeeded: lengths.load(place))
            var restStart = place &* fixedRest
            var restCount = fixedRest
            if fixedRest < 0 {
                restStart = restEnd
                restEnd = Int(truncatingIfNeeded: offsets.load(place &+ 1))
                restCount = restEnd &- restStart
            }
            unsafe silt_prefetch(rests + restStart + 192)
            let byteCount = common.count &+ prefixCount &+ restCount
            let rowCount = byteCount &- tailCount
            guard rowCount > common.count, byteCount >= 8, unsafe end - row >= byteCount &+ 24
            else { break }
            let (ones, tail) = unsafe join(
                head, common, prefixes, rests, place, prefixCount: prefixCount,
                restStart: restStart, restCount: restCount, tailBits: rule.tailBits, into: row)
            guard tail &>> (64 &- rule.tailBits) == rule.tailWord, ones == 0 else { break }
            var valueStart = place &* fixedValue
            var valueCount = fixedValue
            if fixedValue < 0 {
                valueStart = Int(truncatingIfNeeded: values.load(place))
                valueCount = Int(truncatingIfNeeded: values.load(place &+ 1)) &- valueStart
            }
            // Safety: as above; a prefetch reads nothing.
            unsafe silt_prefetch(columns.values + valueStart)
            unsafe silt_prefetch(columns.values + valueStart + 64)
            unsafe (cells + (first &+ index)).initialize(
                to: WalkedCell(
                    row: UnsafeRawPointer(row), value: columns.values + valueStart,
                    timestamp: time, rowByteCount: Int32(truncatingIfNeeded: rowCount),
                    valueByteCount: Int32(truncatingIfNeeded: valueCount), column: rule.column,
                    startsRow: true))
            unsafe row += (rowCount &+ 7) & ~7
            index &+= 1
        }
        // Safety: the rows that were written end there.
        if index > 0 { unsafe batch.noteRows(end: row, count: index) }
        return start &+ index
    }

    /// Writes an entry's key, its parts one after the other, a word at a time.
    ///
    /// - Parameter tailBits: how many bits at the key's end are asked for; the key has at least 8 bytes.
    /// - Returns: not zero when a byte of the entry's own parts is 1; a word of which the upper bits are the key's end.
    @inline(__always)
    private static func join(
        _ head: UInt64, _ common: CommonRow, _ prefixes: UnsafeRawPointer,
        _ rests: UnsafeRawPointer, _ place: Int,
        prefixCount: Int, restStart: Int, restCount: Int, tailBits: UInt64,
        into row: UnsafeMutableRawPointer
    ) -> (ones: UInt64, tail: UInt64) {
        // Safety: the caller found room for the key and 24 bytes more, and 8 bytes can be read after
        // each of the block's.
        unsafe row.storeBytes(of: head, as: UInt64.self)
        var offset = 8
        while offset < common.count {
            unsafe row.storeBytes(
                of: common.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        var word = unsafe prefixes.loadUnaligned(fromByteOffset: place &* 8, as: UInt64.self)
        var ones = ones(word)
        var last = prefixCount
        let target = unsafe row + common.count
        unsafe target.storeBytes(of: word, as: UInt64.self)
        if restCount > 0 {
            let source = unsafe rests + restStart
            unsafe word = source.loadUnaligned(as: UInt64.self)
            last = restCount
            ones |= Self.ones(word)
            unsafe target.storeBytes(of: word, toByteOffset: prefixCount, as: UInt64.self)
            if restCount > 8 {
                unsafe ones |= joinLong(source, restCount, into: target + prefixCount)
                unsafe word = source.loadUnaligned(
                    fromByteOffset: restCount &- 8, as: UInt64.self)
                last = 8
            }
        }
        if UInt64(truncatingIfNeeded: last &* 8) >= tailBits {
            return (ones, word &<< UInt64(truncatingIfNeeded: 64 &- last &* 8))
        }
        // Safety: the key, of 8 bytes at least, was written to the row. Words that were just stored are waited for when they are
        // loaded together: only where the end is in two of them.
        return unsafe (
            ones,
            target.loadUnaligned(
                fromByteOffset: prefixCount &+ restCount &- 8, as: UInt64.self)
        )
    }

    /// The words of a rest after its first: apart, so that most keys, of which a rest is short, do not pay for a loop.
    @inline(never)
    private static func joinLong(
        _ source: UnsafeRawPointer, _ restCount: Int, into target: UnsafeMutableRawPointer
    ) -> UInt64 {
        // Safety: as in `join`.
        var ones: UInt64 = 0
        var offset = 8
        while offset < restCount {
            let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            ones |= Self.ones(word)
            unsafe target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        return ones
    }

    /// Not zero when a byte of a word is 1: perhaps an escaped one.
    @inline(__always)
    private static func ones(_ word: UInt64) -> UInt64 {
        let other = word ^ 0x0101_0101_0101_0101
        return (other &- 0x0101_0101_0101_0101) & ~other & 0x8080_8080_8080_8080
    }

    /// So many cells before its turn an entry is fetched.
    private static var aheadCount: Int { 24 }
    // Plain numbers: those of other modules are read through a call.
    private static var putCode: UInt8 { 4 }
    private static var lifeFlag: UInt8 { 1 }

    /// The unescaped beginning of the block's rows; `nil` when the block is of one row.
    private mutating func readCommonRow() -> CommonRow? {
        if commonRowNumber != blockNumber { findCommonRow() }
        // Safety: the row is kept until the cursor finds that of another block.
        guard commonRowEscaped >= 0, let bytes = unsafe commonRow else { return nil }
        return unsafe CommonRow(escapedCount: commonRowEscaped, count: commonRowCount, bytes: bytes)
    }

    private mutating func findCommonRow() {
        commonRowNumber = blockNumber
        // Safety: `commonCount` bytes of the buffer are the block's common prefix; the row takes no
        // more bytes than its escaped form.
        if commonRowRoom < commonCount + 16 {
            unsafe commonRow?.deallocate()
            commonRowRoom = commonCount + 64
            unsafe commonRow = UnsafeMutableRawPointer.allocate(
                byteCount: commonRowRoom, alignment: 8)
        }
        guard let target = unsafe commonRow else { return }
        let found = unsafe CommonRow(
            of: UnsafeRawBufferPointer(start: buffer, count: commonCount), into: target)
        commonRowEscaped = found?.escapedCount ?? -1
        commonRowCount = found?.count ?? 0
    }
}
