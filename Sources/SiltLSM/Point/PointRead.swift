internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// What a read of one column found.
package enum PointAnswer {
    /// There is no cell.
    case absent
    /// The newest cell, a value without a time to live of its own.
    case found(timestamp: Int64, value: [UInt8])
    /// There are markers or times to live: a cursor must look.
    case unclear
    /// The answer is on disk, which was not to be read.
    case onDisk
}

/// Looks for the newest visible cell of one column, source after source, without a cursor: the
/// commonest read.
///
/// In each memtable and file the column's newest cell comes first. The first of these in cell order
/// is the answer when it is a value: markers that mask it would come before it. A source whose
/// greatest time stamp is below that of a cell found already is passed over.
///
/// Safety: used within an epoch, which keeps all that it borrows; the key outlives it.
@safe
struct PointRead {
    enum Step {
        case done
        case unclear
        case onDisk
    }

    private let key: UnsafeRawBufferPointer
    private let rowPrefixByteCount: Int
    private let sequence: UInt64
    private let mayReadDisk: Bool
    private var rowHash: UInt64 = 0
    private var isHashed = false

    private var timestamp = Int64.min
    private var cellSequence: UInt64 = 0
    private var type: UInt8 = 0
    private var flags: UInt8 = 0
    private var isFound = false
    private var value = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// Whether the file that is looked at has the column.
    private var isMatched = false
    /// What filters said.
    private(set) var filters = FilterCounts()
    /// Keeps the value when its block did not go into the cache.
    private var held: CachedBlock?
    /// The value when its block was only passing.
    private var copy: [UInt8]?

    init(
        _ key: UnsafeRawBufferPointer, rowPrefixByteCount: Int, sequence: UInt64, mayReadDisk: Bool
    ) {
        unsafe self.key = key
        self.rowPrefixByteCount = rowPrefixByteCount
        self.sequence = sequence
        self.mayReadDisk = mayReadDisk
    }

    /// The answer of a tree.
    ///
    /// - Parameter oldest: older cells may have passed their family's time to live.
    mutating func run(
        _ tree: borrowing PointTree, _ tables: TableCache, _ pin: ReadEpoch.Pin, oldest: Int64
    ) -> PointAnswer {
        // Safety: the version of the tree is kept by the epoch, and with it its memtables and holds.
        if tree.hasFamilyMarkers { return .unclear }
        for index in unsafe tree.memtables.indices {
            let isClear = unsafe tree.memtables[index]._withUnsafeGuaranteedRef { look(in: $0) }
            if !isClear { return .unclear }
        }
        if unsafe tree.files.count > 0 {
            switch look(inFilesOf: tree, tables, pin) {
            case .done: break
            case .unclear: return .unclear
            case .onDisk: return .onDisk
            }
        }
        if !isFound { return .absent }
        guard type == CellType.put.rawValue, flags & CellFlags.hasTimeToLive == 0,
            timestamp >= oldest
        else { return .unclear }
        return unsafe .found(timestamp: timestamp, value: copy ?? [UInt8](value))
    }

    /// Takes a cell of the column if it is the first in cell order so far.
    @inline(__always)
    private mutating func offer(
        timestamp: Int64, type: UInt8, sequence: UInt64, flags: UInt8,
        value: UnsafeRawBufferPointer
    ) -> Bool {
        // Safety: the value is kept by the epoch, by `held`, or copied by the caller.
        if isFound {
            if timestamp != self.timestamp {
                if timestamp < self.timestamp { return false }
            } else if type != self.type {
                if type < self.type { return false }
            } else if sequence <= cellSequence {
                return false
            }
        }
        isFound = true
        if copy != nil { copy = nil }
        self.timestamp = timestamp
        self.type = type
        cellSequence = sequence
        self.flags = flags
        unsafe self.value = value
        return true
    }

    /// Looks into a memtable; `false` when it has markers of whole families.
    private mutating func look(in memtable: Memtable) -> Bool {
        if memtable.cellCount == 0 { return true }
        if memtable.familyMarkerCount > 0 { return false }
        if isFound, memtable.maxTimestamp < timestamp { return true }
        let tree = memtable.tree
        // Safety: records are complete and stay where they are as long as the memtable.
        var record = unsafe tree.first(key)
        while let found = unsafe record {
            let start = unsafe found + MemtableTree.recordHeaderBytes
            let keyCount = unsafe Int(found.load(as: UInt32.self))
            let columnCount = keyCount &- CellKey.tailByteCount
            guard unsafe columnCount == key.count, let own = unsafe key.baseAddress,
                unsafe silt_compare(start, own, columnCount) == 0
            else { break }
            // Safety: a record's key ends with the 17 bytes of the tail.
            let tail = unsafe start + columnCount
            let number = unsafe ~UInt64(
                bigEndian: tail.loadUnaligned(fromByteOffset: 9, as: UInt64.self))
            if number <= sequence {
                let time = unsafe ~UInt64(bigEndian: tail.loadUnaligned(as: UInt64.self)) ^ 1 << 63
                let word = unsafe found.load(fromByteOffset: 4, as: UInt32.self)
                let value = unsafe UnsafeRawBufferPointer(
                    start: start + keyCount,
                    count: Int(word & (1 << MemtableTree.valueBits - 1)))
                _ = unsafe offer(
                    timestamp: Int64(bitPattern: time),
                    type: ~tail.load(fromByteOffset: 8, as: UInt8.self), sequence: number,
                    flags: UInt8(truncatingIfNeeded: word >> MemtableTree.valueBits), value: value)
                break
            }
            unsafe record = tree.first(
                UnsafeRawBufferPointer(start: start, count: keyCount), isAfter: true)
        }
        return true
    }
}

/// Files.
extension PointRead {
    private mutating func look(
        inFilesOf tree: borrowing PointTree, _ tables: TableCache, _ pin: ReadEpoch.Pin
    ) -> Step {
        // Safety: places are below the ends, which are those of the array of files.
        let key = unsafe PointKey(key)
        var start = 0
        for level in unsafe tree.ends.indices {
            let end = unsafe tree.ends[level]
            var place = start
            if level > 0, end &- start > 1 {
                var high = end
                while place < high {
                    let middle = (place &+ high) >> 1
                    if unsafe tree.files[middle].endsBefore(key) {
                        place = middle &+ 1
                    } else {
                        high = middle
                    }
                }
            }
            while place < end {
                let isPast = unsafe tree.files[place].beginsAfter(key)
                if isPast, level > 0 { break }
                if unsafe !isPast && !tree.files[place].endsBefore(key)
                    && !(isFound && tree.files[place].maxTimestamp < timestamp)
                {
                    let step = unsafe look(in: tree.files[place], tables, pin)
                    if step != .done { return step }
                }
                place &+= 1
            }
            start = end
        }
        return .done
    }

    private mutating func look(in file: PointFile, _ tables: TableCache, _ pin: ReadEpoch.Pin)
        -> Step
    {
        // Safety: the epoch keeps the hold, and the reader that it shows.
        unsafe file.hold._withUnsafeGuaranteedRef { hold in
            if let reader = unsafe hold.borrowReader() {
                return unsafe reader._withUnsafeGuaranteedRef { look(in: $0, pin) }
            }
            guard mayReadDisk else { return .onDisk }
            // An error is met again, and reported, by the cursor.
            do throws(SiltstoneError) { try hold.openReader(tables) } catch { return .unclear }
            guard let reader = unsafe hold.borrowReader() else { return .unclear }
            return unsafe reader._withUnsafeGuaranteedRef { look(in: $0, pin) }
        }
    }

    private mutating func look(in reader: TableReader, _ pin: ReadEpoch.Pin) -> Step {
        // Safety: the key is the caller's; the epoch keeps the reader and the blocks that slots show.
        switch reader.filterKind {
        case .none: break
        case .row:
            if !isHashed {
                isHashed = true
                // Safety: the row prefix is a part of the key.
                rowHash = unsafe silt_hash64(key.baseAddress, rowPrefixByteCount, 0)
            }
            filters.asked &+= 1
            if !reader.mayContain(rowHash) {
                filters.excluded &+= 1
                return .done
            }
        case .rowAndColumn:
            filters.asked &+= 1
            if unsafe !reader.mayContain(silt_hash64(key.baseAddress, key.count, 0)) {
                filters.excluded &+= 1
                return .done
            }
        }
        reader.use()
        isMatched = false
        let step = search(reader, pin)
        if step == .done, !isMatched, reader.filterKind != .none { filters.wrong &+= 1 }
        return step
    }

    @inline(__always)
    private mutating func search(_ reader: TableReader, _ pin: ReadEpoch.Pin) -> Step {
        // Safety: as in `look`.
        var number = unsafe reader.index.find(key)
        while number < reader.blockCount {
            let isOver: Bool
            if let block = unsafe reader.slot(number).borrow() {
                pin.countHit()
                // Safety: the epoch keeps the block.
                isOver = unsafe block._withUnsafeGuaranteedRef { block in
                    block.use()
                    // The search waits for one line after the other; so they come together.
                    block.view.prefetchKeys()
                    return look(in: block.view).isOver
                }
            } else {
                guard mayReadDisk else { return .onDisk }
                // An error is met again, and reported, by the cursor.
                do { isOver = try read(number, of: reader) } catch { return .unclear }
            }
            if isOver { return .done }
            number &+= 1
        }
        return .done
    }

    /// Reads a block and looks into it; whether the column cannot go on in the next.
    private mutating func read(_ number: Int, of reader: TableReader) throws -> Bool {
        // Safety: what is passing is copied before the thread reads another block.
        if reader.shouldPass(number) {
            var block = try reader.readPassing(number)
            let result = look(in: block.view)
            if result.isTaken {
                try unsafe block.restore(through: value)
                copy = unsafe [UInt8](value)
            }
            return result.isOver
        }
        let block = try reader.read(number, fillsCache: true)
        let result = look(in: block.view)
        if result.isTaken { held = block }
        return result.isOver
    }

    /// Looks into a block: whether the column cannot go on in the next, and whether the cell found is here.
    private mutating func look(in view: BlockView) -> (isOver: Bool, isTaken: Bool) {
        // Safety: the caller keeps the block; entries are below its count.
        let place = unsafe view.find(key)
        if !place.isEqual { return (place.entry < view.count, false) }
        isMatched = true
        var entry = place.entry
        let number = view.keyNumber(entry)
        while entry < view.count, view.keyNumber(entry) == number {
            let cell = view.sequence(entry)
            if cell <= sequence {
                let value = unsafe view.value(entry)
                // The value's lines are fetched while the answer is made ready.
                if let start = value.baseAddress {
                    unsafe silt_prefetch(start)
                    unsafe silt_prefetch(start + min(64, value.count))
                    unsafe silt_prefetch(start + value.count)
                }
                let isTaken = unsafe offer(
                    timestamp: view.timestamp(entry), type: view.type(entry),
                    sequence: cell, flags: view.flags(entry), value: value)
                return (true, isTaken)
            }
            entry &+= 1
        }
        return (entry < view.count, false)
    }
}
