internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// What a run's cursor may leave out.
struct RunOptions {
    /// Cells of a higher sequence are passed over.
    var sequence = UInt64.max
    /// Whether blocks read from disk stay in the cache.
    var fillsCache = true
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
    private let files: [TableFile]
    /// Open readers of the files; empty when `tables` opens them.
    private let readers: [TableReader]
    private let tables: TableCache?
    private let options: RunOptions

    private var fileNumber = -1
    private var reader: TableReader?
    private var blockNumber = -1
    private var block: CachedBlock?
    /// The blocks of the file with rows that count: all, unless it is clipped.
    private var blocks = 0..<0
    /// The rows that count, when the file is clipped.
    private var clip: ClipKeys?
    /// The first entry of the block that counts.
    private var firstEntry = 0
    /// The end of its entries that count.
    private var endEntry = 0
    /// The columns of `block`, behind a pointer so that without a block there need be none.
    private let columns: UnsafeMutablePointer<BlockColumns>
    private var entry = 0
    private var entryCount = 0
    private var keyNumber = -1
    private var keyCount = 0
    private var commonCount = 0
    private var buffer: UnsafeMutableRawPointer
    private var bufferBytes = 128

    /// A cursor over files that a cache of tables opens.
    init(_ files: [TableFile], tables: TableCache, options: RunOptions) {
        self.files = files
        self.readers = []
        self.tables = tables
        self.options = options
        unsafe buffer = .allocate(byteCount: bufferBytes, alignment: 8)
        unsafe columns = .allocate(capacity: 1)
    }

    /// A cursor over open files.
    init(_ readers: [TableReader], options: RunOptions) {
        files = readers.count == 1 ? readers[0].fileList : readers.map(\.file)
        self.readers = readers
        tables = nil
        self.options = options
        unsafe buffer = .allocate(byteCount: bufferBytes, alignment: 8)
        unsafe columns = .allocate(capacity: 1)
    }

    // Safety: both were allocated in init; columns are plain data.
    deinit {
        unsafe buffer.deallocate()
        unsafe columns.deallocate()
    }

    /// The value of the current cell; only while there is one.
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
        cell.isValid = false
        entry = 0
        entryCount = 0
        // The first file whose last cell is not before the key.
        let number = partition { unsafe Self.compare(files[$0].largest, key) < 0 }
        guard try openFile(from: number) else { return invalidate(&cell) }
        if let reader {
            // A later file, when the first was left out, begins after the key: its index says block
            // 0.
            let place = max(unsafe reader.index.find(key), blocks.lowerBound)
            if place < blocks.upperBound {
                if try openBlock(place) { entry = max(lowerBound(bound), firstEntry) }
            } else {
                guard try openFile(from: fileNumber + 1) else { return invalidate(&cell) }
                if try openBlock(blocks.lowerBound) { entry = firstEntry }
            }
        }
        try settle(&cell)
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
        if unsafe entry < entryCount && columns.pointee.sequences.load(entry) <= options.sequence {
            load(&cell)
        } else {
            try settle(&cell)
        }
    }

    /// Goes on from `entry` to the first cell that exists and is visible.
    private mutating func settle(_ cell: inout SourceCell) throws(SiltstoneError) {
        cell.isValid = false
        while true {
            while entry < entryCount {
                // Safety: entryCount is above 0 only while there is a block.
                if unsafe columns.pointee.sequences.load(entry) <= options.sequence {
                    return load(&cell)
                }
                entry &+= 1
            }
            if reader == nil { return invalidate(&cell) }
            if blockNumber + 1 < blocks.upperBound {
                _ = try openBlock(blockNumber + 1)
            } else {
                guard try openFile(from: fileNumber + 1) else { return invalidate(&cell) }
                _ = try openBlock(blocks.lowerBound)
            }
            entry = firstEntry
        }
    }

    private func invalidate(_ cell: inout SourceCell) {
        cell.isValid = false
        cell.prefix = .max
    }

    /// Reads the current entry; its key only when it differs from the one before.
    @inline(__always)
    private mutating func load(_ cell: inout SourceCell) {
        // Safety: called with an entry of the current block.
        let number = unsafe columns.pointee.keyNumber(entry)
        if number != keyNumber { copyKey(number) }
        unsafe cell.key = UnsafeRawPointer(buffer)
        cell.keyCount = keyCount
        cell.prefix = unsafe silt_prefix(buffer, keyCount)
        cell.timestamp = unsafe Int64(bitPattern: columns.pointee.timestamps.load(entry))
        cell.sequence = unsafe columns.pointee.sequences.load(entry)
        cell.type = unsafe UInt8(truncatingIfNeeded: columns.pointee.types.load(entry))
        cell.flags = unsafe UInt8(truncatingIfNeeded: columns.pointee.flags.load(entry))
        cell.isValid = true
    }

    /// Puts a column key of the current block into the buffer, after the common prefix there.
    @inline(__always)
    private mutating func copyKey(_ number: Int) {
        // Safety: the number is one of the current block's keys; `grow` gives room for the whole
        // key, and a prefix of fewer than 8 bytes is the end of its key.
        let prefix = unsafe Int(truncatingIfNeeded: columns.pointee.prefixLengths.load(number))
        let rest = unsafe columns.pointee.rest(number)
        keyCount = commonCount &+ prefix &+ rest.count
        if commonCount &+ 8 &+ rest.count > bufferBytes { grow(to: commonCount &+ 8 &+ rest.count) }
        let target = unsafe buffer + commonCount
        unsafe target.storeBytes(
            of: columns.pointee.prefixes.loadUnaligned(
                fromByteOffset: number &* 8, as: UInt64.self),
            as: UInt64.self)
        if rest.count > 0 {
            unsafe (target + 8).copyMemory(
                from: columns.pointee.rests + rest.start, byteCount: rest.count)
        }
        keyNumber = number
    }

    private func lowerBound(_ bound: CellKeyBound) -> Int { block?.view.lowerBound(bound) ?? 0 }

    private mutating func grow(to byteCount: Int) {
        let size = max(byteCount, bufferBytes * 2)
        // Safety: the new buffer is at least as large as the old, which nobody refers to
        // afterwards.
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        unsafe larger.copyMemory(from: buffer, byteCount: bufferBytes)
        unsafe buffer.deallocate()
        unsafe buffer = larger
        bufferBytes = size
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

/// Opening files and blocks.
extension TableRunCursor {
    /// Opens the first file from `number` on that the filters do not rule out and that has cells.
    private mutating func openFile(from number: Int) throws(SiltstoneError) -> Bool {
        var number = number
        while number < files.count {
            if try select(number) { return true }
            number += 1
        }
        return false
    }

    /// Opens the last file up to `number` that the filters do not rule out and that has cells.
    private mutating func openLastFile(from number: Int) throws(SiltstoneError) -> Bool {
        var number = number
        while number >= 0 {
            if try select(number) { return true }
            number -= 1
        }
        return false
    }

    private mutating func select(_ number: Int) throws(SiltstoneError) -> Bool {
        if number == fileNumber { return reader != nil }
        reader = nil
        block = nil
        entryCount = 0
        blockNumber = -1
        fileNumber = -1
        let opened: TableReader
        if let tables {
            opened = try tables.reader(files[number])
        } else {
            opened = readers[number]
        }
        fileNumber = number
        guard opened.blockCount > 0, mayMatter(opened) else { return false }
        blocks = 0..<opened.blockCount
        clip = nil
        // A reader of one file may know it by another region's clip; the list has this one's.
        if let rows = files[number].clip {
            let keys = ClipKeys(rows)
            blocks = keys.blocks(of: opened)
            clip = keys
            if blocks.isEmpty { return false }
        }
        reader = opened
        return true
    }

    private func mayMatter(_ reader: TableReader) -> Bool {
        switch reader.filterKind {
        case .none: true
        case .row: options.rowHash.map { reader.mayContain($0) } ?? true
        // A family marker masks a column of which the file need hold no cell.
        case .rowAndColumn:
            reader.file.familyMarkerCount > 0
                || options.columnHash.map { reader.mayContain($0) } ?? true
        }
    }

    /// Makes a block of the open file the current one; the entry is the caller's to set.
    private mutating func openBlock(_ number: Int) throws(SiltstoneError) -> Bool {
        guard let reader else { return false }
        if number == blockNumber {
            entryCount = endEntry
            return true
        }
        // Until the new block is here there is none: an error leaves no half-changed place.
        block = nil
        entryCount = 0
        blockNumber = -1
        let opened = try reader.block(number, fillsCache: options.fillsCache)
        block = opened
        // Safety: columns are plain data: nothing is lost by writing over the last ones.
        unsafe columns.initialize(to: opened.columns)
        blockNumber = number
        firstEntry = 0
        endEntry = opened.view.count
        if let clip {
            let isLast = number == blocks.upperBound - 1
            if number == blocks.lowerBound { firstEntry = clip.first(in: opened) }
            if isLast { endEntry = max(firstEntry, clip.end(in: opened)) }
        }
        entryCount = endEntry
        keyNumber = -1
        let common = unsafe opened.view.commonPrefix
        commonCount = common.count
        if commonCount > bufferBytes { grow(to: commonCount) }
        if let source = common.baseAddress {
            // Safety: the buffer has room for the common prefix.
            unsafe buffer.copyMemory(from: source, byteCount: commonCount)
        }
        return true
    }
}
