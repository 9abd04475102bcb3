internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// What a run's cursor may leave out.
struct RunOptions {
    /// Cells of a higher sequence are passed over.
    var sequence = UInt64.max
    /// Whether blocks read from disk stay in the cache.
    var fillsCache = true
    /// Whether blocks read from disk have their values; what has none may not stay in the cache.
    var readsValues = true
    /// Whether to wait for the disk; otherwise a block that is not cached is an error.
    var mayReadDisk = true
    /// The hash of the one row prefix of interest.
    var rowHash: UInt64?
    /// The hash of the one column key of interest.
    var columnHash: UInt64?
}

/// A walk over one run: table files that are disjoint and in order, opened one at a time as the
/// walk reaches them.
///
/// Three levels: the file, the block within it by the file's index, the entry within the block.
/// After an error only a seek may follow.
///
/// Safety: the reader and the block of the place are held, so that views stay readable; the key
/// buffer is this value's own.
@safe
struct TableRunCursor: ~Copyable {
    let files: [TableFile]
    /// Open readers of the files; empty when `tables` opens them.
    let readers: [TableReader]
    let tables: TableCache?
    private(set) var options: RunOptions

    var fileNumber = -1
    var reader: TableReader?
    var blockNumber = -1
    var block: CachedBlock?
    /// The blocks of the file with rows that count: all, unless it is clipped.
    var blocks = 0..<0
    /// The rows that count, when the file is clipped.
    var clip: ClipKeys?
    /// The first entry of the block that counts.
    var firstEntry = 0
    /// The end of its entries that count.
    var endEntry = 0
    /// The columns of `block`, behind a pointer so that without a block there need be none.
    let columns: UnsafeMutablePointer<BlockColumns>
    var entry = 0
    var entryCount = 0
    /// The number of the key in the buffer, its length, and that of what all keys of the block begin with.
    var keyNumber = -1
    var keyCount = 0
    var commonCount = 0
    /// The current key; there is room for 16 bytes more than it has.
    private(set) var buffer: UnsafeMutableRawPointer
    private var bufferBytes = 128
    /// What the merge's prefixes leave out.
    var base: UnsafeMutablePointer<PrefixBase>
    /// Whether all keys of the block begin with `base`.
    private var sharesBase = false
    /// Whether cells of the file may be newer than the sequence of interest.
    var checksSequence = false
    /// Whether blocks that were left are kept until `release`, for whoever still points at their values.
    let retains: Bool
    /// The blocks kept.
    var retired: [CachedBlock] = []
    /// Their bytes.
    var retiredBytes = 0
    /// The unescaped beginning of the rows of the block of a number, for stretches.
    var commonRow: UnsafeMutableRawPointer?
    var commonRowNumber = -1
    var commonRowEscaped = -1
    var commonRowCount = 0
    var commonRowRoom = 0
    /// Whether stretches may take all of the block's entries without a look at each; `nil` when it was not found yet.
    var isPlain: Bool?
    /// The file that the key which is sought next belongs to, when it was looked for before; else -1.
    var soughtFile = -1
    /// What that file's index says of the key, when it was asked before; else -1.
    var soughtBlock = -1
    /// Whether the first part of a seek found where the second goes on.
    var isPlaced = false

    /// A cursor over files that a cache of tables opens.
    init(
        _ files: [TableFile], tables: TableCache, options: RunOptions,
        base: UnsafeMutablePointer<PrefixBase>, retains: Bool = false
    ) {
        self.retains = retains
        // Safety: the base outlives its cursors; buffer and columns are freed in deinit.
        unsafe self.base = unsafe base
        self.files = files
        self.readers = []
        self.tables = tables
        self.options = options
        unsafe buffer = .allocate(byteCount: bufferBytes, alignment: 8)
        unsafe columns = .allocate(capacity: 1)
    }

    /// A cursor over open files.
    init(
        _ readers: [TableReader], options: RunOptions, base: UnsafeMutablePointer<PrefixBase>
    ) {
        // Safety: the base outlives its cursors; buffer and columns are freed in deinit.
        unsafe self.base = unsafe base
        retains = false
        files = readers.count == 1 ? readers[0].fileList : readers.map(\.file)
        self.readers = readers
        tables = nil
        self.options = options
        unsafe buffer = .allocate(byteCount: bufferBytes, alignment: 8)
        unsafe columns = .allocate(capacity: 1)
    }

    // Safety: both were allocated in init; columns are plain data.
    deinit {
        unsafe commonRow?.deallocate()
        unsafe buffer.deallocate()
        unsafe columns.deallocate()
    }

    /// Shows cells up to another sequence; a seek must follow.
    mutating func setSequence(_ sequence: UInt64) {
        options.sequence = sequence
        if let reader { checksSequence = sequence < reader.file.maxSequence }
        isPlain = nil
    }

    /// The value of the current cell; only while there is one.
    @inline(__always)
    var value: UnsafeRawBufferPointer {
        guard entry >= 0, entry < entryCount else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        // Safety: entryCount is above 0 only while there is a block.
        return unsafe columns.pointee.value(entry)
    }

    /// Goes to the first cell.
    mutating func seekFirst(_ cell: inout SourceCell) throws(SiltstoneError) {
        cell.isValid = false
        entry = 0
        entryCount = 0
        if try openFile(from: 0), try openBlock(blocks.lowerBound) { entry = firstEntry }
        try settle(&cell)
    }

    /// Goes to the first cell at or after `key`, of which `bound` is the form that blocks search
    /// by.
    mutating func seek(
        _ key: UnsafeRawBufferPointer, _ bound: CellKeyBound, _ cell: inout SourceCell
    ) throws(SiltstoneError) {
        if try unsafe place(key, bound, &cell) { try settle(&cell) }
    }

    /// The first part of a seek: finds the entry; `settle` must follow.
    ///
    /// - Returns: false when there is none, and nothing more to do.
    mutating func place(
        _ key: UnsafeRawBufferPointer, _ bound: CellKeyBound, _ cell: inout SourceCell
    ) throws(SiltstoneError) -> Bool {
        invalidate(&cell)
        entry = 0
        entryCount = 0
        let number = soughtFile >= 0 ? soughtFile : unsafe file(for: key)
        soughtFile = -1
        guard try openFile(from: number) else { return false }
        if let reader {
            // A later file, when the first was left out, begins after the key: its index says block
            // 0.
            let found = soughtBlock >= 0 ? soughtBlock : unsafe reader.index.find(key)
            soughtBlock = -1
            let place = max(found, blocks.lowerBound)
            if place < blocks.upperBound {
                if try openBlock(place) { entry = max(lowerBound(bound), firstEntry) }
            } else {
                guard try openFile(from: fileNumber + 1) else { return false }
                if try openBlock(blocks.lowerBound) { entry = firstEntry }
            }
        }
        return true
    }

    /// Goes to the last cell before `key`; the very last without one.
    ///
    /// Only `seek` may follow.
    mutating func seekLast(
        before key: UnsafeRawBufferPointer?, _ bound: CellKeyBound?, _ cell: inout SourceCell
    ) throws(SiltstoneError) {
        // Safety: the buffer is this value's own, and the block of the place is held.
        cell.isValid = false
        entry = -1
        entryCount = 0
        // The last file whose first cell is before the key.
        var number = files.count - 1
        if let key = unsafe key {
            number = partition { unsafe Self.compare(files[$0].smallest, key) < 0 } - 1
        }
        guard try openLastFile(from: number), let reader else { return invalidate(&cell) }
        var place = blocks.upperBound
        if let key = unsafe key {
            place = max(unsafe reader.index.find(key), blocks.lowerBound)
        }
        if place < blocks.upperBound, let bound {
            if try openBlock(place) { entry = min(lowerBound(bound), entryCount) - 1 }
        } else if try openBlock(blocks.upperBound - 1) {
            entry = entryCount - 1
        }
        while true {
            while entry < firstEntry {
                if blockNumber > blocks.lowerBound {
                    _ = try openBlock(blockNumber - 1)
                } else {
                    guard try openLastFile(from: fileNumber - 1) else {
                        return invalidate(&cell)
                    }
                    _ = try openBlock(blocks.upperBound - 1)
                }
                entry = entryCount - 1
            }
            // Safety: an open block has entries.
            if unsafe columns.pointee.sequences.load(entry) <= options.sequence { break }
            entry -= 1
        }
        load(&cell)
    }

    /// Goes to the next cell.
    @inline(__always)
    mutating func advance(_ cell: inout SourceCell) throws(SiltstoneError) {
        entry &+= 1
        // Safety: entryCount is above 0 only while there is a block.
        if unsafe entry < entryCount
            && (!checksSequence || columns.pointee.sequences.load(entry) <= options.sequence)
        {
            load(&cell)
        } else {
            try settle(&cell)
        }
    }

    /// Goes on from `entry` to the first cell that exists and is visible.
    mutating func settle(_ cell: inout SourceCell) throws(SiltstoneError) {
        cell.isValid = false
        while true {
            while entry < entryCount {
                // Safety: entryCount is above 0 only while there is a block.
                if unsafe columns.pointee.sequences.load(entry) <= options.sequence {
                    return load(&cell)
                }
                entry &+= 1
            }
            guard try openFollowing() else { return invalidate(&cell) }
        }
    }

    private func invalidate(_ cell: inout SourceCell) {
        cell.isValid = false
        cell.prefix = .max
    }

    /// Reads the current entry; its key only when it differs from the one before.
    @inline(__always)
    mutating func load(_ cell: inout SourceCell) {
        // Safety: called with an entry of the current block.
        let number = unsafe columns.pointee.keyNumber(entry)
        if number != keyNumber { copyKey(number) }
        unsafe cell.key = UnsafeRawPointer(buffer)
        cell.keyCount = keyCount
        if sharesBase {
            // Safety: the key begins with the base, so that it is at least as long.
            let skip = unsafe base.pointee.count
            cell.prefix = unsafe silt_prefix(buffer + skip, keyCount &- skip)
        } else {
            unsafe base.pointee.setPrefix(of: &cell)
        }
        cell.timestamp = unsafe Int64(bitPattern: columns.pointee.timestamps.load(entry))
        cell.sequence = unsafe columns.pointee.sequences.load(entry)
        cell.type = unsafe UInt8(truncatingIfNeeded: columns.pointee.types.load(entry))
        cell.flags = unsafe UInt8(truncatingIfNeeded: columns.pointee.flags.load(entry))
        cell.isValid = true
    }

    /// Takes note of another base, or another block.
    mutating func findBase() {
        // Safety: the buffer begins with the block's common prefix.
        unsafe sharesBase =
            commonCount >= base.pointee.count
            && silt_compare(buffer, base.pointee.bytes, base.pointee.count) == 0
    }

    /// Puts a column key of the current block into the buffer, after the common prefix there.
    @inline(__always)
    mutating func copyKey(_ number: Int) {
        // Safety: the number is one of the current block's keys; `grow` gives room for the whole
        // key and 16 bytes, a prefix of fewer than 8 bytes is the end of its key, and a block's
        // memory goes on for 8 bytes after its end.
        let prefix = unsafe Int(truncatingIfNeeded: columns.pointee.prefixLengths.load(number))
        let rest = unsafe columns.pointee.rest(number)
        keyCount = commonCount &+ prefix &+ rest.count
        if commonCount &+ 24 &+ rest.count > bufferBytes {
            grow(to: commonCount &+ 24 &+ rest.count)
        }
        var target = unsafe buffer + commonCount
        unsafe target.storeBytes(
            of: columns.pointee.prefixes.loadUnaligned(
                fromByteOffset: number &* 8, as: UInt64.self),
            as: UInt64.self)
        var source = unsafe columns.pointee.rests + rest.start
        // The keys that follow; a prefetch reads nothing.
        unsafe silt_prefetch(source + 64)
        var left = rest.count
        while left > 0 {
            unsafe target += 8
            unsafe target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
            unsafe source += 8
            left &-= 8
        }
        keyNumber = number
    }

    func lowerBound(_ bound: CellKeyBound) -> Int { block?.view.lowerBound(bound) ?? 0 }

    mutating func grow(to byteCount: Int) {
        if byteCount <= bufferBytes { return }
        let size = max(byteCount, bufferBytes * 2)
        // Safety: the new buffer is at least as large as the old, which nobody refers to
        // afterwards.
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        unsafe larger.copyMemory(from: buffer, byteCount: bufferBytes)
        unsafe buffer.deallocate()
        unsafe buffer = larger
        bufferBytes = size
    }

    /// The first file whose last cell is not before a key; of a single one that is open the index tells.
    func file(for key: UnsafeRawBufferPointer) -> Int {
        if files.count == 1, reader != nil { return 0 }
        // Safety: the key is the caller's.
        return partition { unsafe Self.compare(files[$0].largest, key) < 0 }
    }

    /// The first file number for which `isBefore` does not hold.
    private func partition(_ isBefore: (Int) -> Bool) -> Int {
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func compare(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int32 {
        // Safety: the buffer is this value's own, and the block of the place is held.
        unsafe left.withUnsafeBytes { left in
            guard let a = left.baseAddress, let b = right.baseAddress else {
                return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
            }
            // Safety: both pointers are valid for their counts.
            return unsafe silt_order(a, left.count, b, right.count)
        }
    }
}
