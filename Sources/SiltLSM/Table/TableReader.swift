internal import CSiltstone
internal import SiltBytes
internal import SiltCodec
package import SiltFormat
package import SiltIO
package import SiltModel
internal import Synchronization

/// An open table file: index and filter in memory, blocks through the cache, every checksum
/// verified when read.
package final class TableReader: Sendable {
    /// The whole file, whichever part of it a region uses: regions share readers.
    package let file: TableFile
    /// The same as a list of one, which cursors share.
    let fileList: [TableFile]
    /// What the file says of itself.
    let properties: TableProperties
    let index: IndexView
    private let filter: FilterView?
    private let indexMemory: RawBytes
    private let filterMemory: RawBytes?
    private let object: any ObjectReader
    private let blocks: BlockCache
    private let decompressor: Decompressor
    private let dataEnd: UInt64
    /// A slot for each block, by which it is found while it is cached.
    private let slots: BlockSlots
    private let wasUsed = Atomic(false)
    /// Where the file's blocks begin in the order by which they are spread over the cache.
    private let firstNumber: Int

    /// Opens a table, usually with one read of its tail.
    package init(_ file: TableFile, objects: any ObjectStore, blocks: BlockCache)
        throws(SiltstoneError)
    {
        let opening = try TableOpening(file, objects)
        self.blocks = blocks
        object = opening.object
        decompressor = opening.decompressor
        let footer = opening.footer
        dataEnd = footer.index.offset
        let indexMemory = try opening.payload(.index, footer.index)
        // Safety: the views live no longer than the memory, beside which they are stored.
        index = try opening.located(footer.index.offset) { () throws(DecodingError) in
            try unsafe IndexView(indexMemory.bytes)
        }
        self.indexMemory = indexMemory
        slots = BlockSlots(count: index.count)
        firstNumber = Int(truncatingIfNeeded: file.id.low & 0xffff)
        // Without its filter a file is read more often than need be, which is better than to be opened for each read.
        let indexBytes = unsafe index.count * 8 + indexMemory.bytes.count
        if footer.filter.byteCount > 0,
            blocks.hasRoomForIndex(indexBytes + Int(footer.filter.byteCount))
        {
            let memory = try opening.payload(.filter, footer.filter)
            filter = try opening.located(footer.filter.offset) { () throws(DecodingError) in
                try unsafe FilterView(memory.bytes)
            }
            filterMemory = memory
        } else {
            filter = nil
            filterMemory = nil
        }
        let stored = try opening.payload(.properties, footer.properties)
        let properties = try opening.located(footer.properties.offset) {
            () throws(DecodingError) in
            try unsafe TableProperties(decoding: Array(stored.bytes))
        }
        self.properties = properties
        var whole = file
        if file.clip != nil {
            whole.clip = nil
            whole.smallest = properties.smallest
            whole.largest = properties.largest
        }
        self.file = whole
        fileList = [whole]
        blocks.chargeIndex(memoryBytes)
    }

    deinit {
        // Nobody else uses the slots any more but the cache, with its locks.
        for number in 0..<index.count where slots[number].isFilled {
            blocks.remove(slots[number], number: firstNumber &+ number)
        }
        blocks.chargeIndex(-memoryBytes)
    }

    /// The bytes of memory that the index and filter take.
    package var memoryBytes: Int {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        unsafe indexMemory.bytes.count + (filterMemory?.bytes.count ?? 0) + index.count * 8
    }

    /// What the filter must be asked with; `none` without a filter, or where there was no room for it.
    package var filterKind: BloomFilterKind { filter?.kind ?? .none }

    /// Whether there is a filter in memory.
    var hasFilter: Bool { filter != nil }

    /// Whether the file may hold a row prefix or column key (as `filterKind` says) with this hash;
    /// `false` is certain.
    package func mayContain(_ hash: UInt64) -> Bool { filter?.mayContain(hash) ?? true }

    /// How many data blocks there are.
    package var blockCount: Int { index.count }

    /// A data block, from the cache or the file.
    ///
    /// - Throws: without `mayReadDisk`, also when it is not cached.
    func block(_ number: Int, _ options: RunOptions) throws(SiltstoneError)
        -> CachedBlock
    {
        let pin = blocks.epoch.enter()
        if let known = unsafe slots[number].borrow() {
            pin.countHit()
            // Safety: the epoch was entered before the block was looked for; it is held from here on.
            let held = unsafe known.retain()
            blocks.epoch.leave(pin)
            let block = unsafe held.takeRetainedValue()
            block.use()
            return block
        }
        blocks.epoch.leave(pin)
        guard options.mayReadDisk else { throw TableCache.needsDisk }
        return try read(
            number, fillsCache: options.fillsCache && options.readsValues,
            readsValues: options.readsValues)
    }

    /// Takes the blocks of a file that was replaced, or of a region's part of it, out of the cache: who
    /// reads an older version reads the file.
    ///
    /// Else the last reader of that version would have to free them all.
    func dropBlocks(of part: RowClip?) {
        blocks.drop(
            slots, part.map { ClipKeys($0).blocks(of: self) } ?? 0..<blockCount, first: firstNumber)
    }

    /// Takes note that the file is in use, for when one must be closed.
    @inline(__always)
    func use() {
        if !wasUsed.load(ordering: .relaxed) { wasUsed.store(true, ordering: .relaxed) }
    }

    /// Whether it was used since this was last asked.
    func takeUse() -> Bool { wasUsed.exchange(false, ordering: .relaxed) }

    /// The slot of a block.
    @inline(__always)
    func slot(_ number: Int) -> BlockSlot { slots[number] }

    /// Reads a block from the file, whether the cache has it or not.
    ///
    /// - Parameter readsValues: without them it does not fill the cache.
    func read(_ number: Int, fillsCache: Bool, readsValues: Bool = true) throws(SiltstoneError)
        -> CachedBlock
    {
        let entry = index.entry(number)
        blocks.countMiss(byteCount: entry.storedByteCount)
        let block = try read(entry, readsValues: readsValues)
        if !fillsCache { return block }
        return blocks.insert(block, at: slots[number], number: firstNumber &+ number)
    }

    /// Whether a block that is not cached should be looked at and not kept: the cache is full, and
    /// the block was not read lately, or else those that would make room for it were.
    ///
    /// So a cache far smaller than what is read at random keeps what is read again, and most reads pay
    /// neither for memory nor for the cache's upkeep.
    func shouldPass(_ number: Int) -> Bool {
        let now = blocks.window
        let before = slots.mark(number, now)
        let place = firstNumber &+ number
        guard blocks.isFull(number: place, byteCount: index.entry(number).rawByteCount) else {
            return false
        }
        let isRecent = before == now || before == (now == 1 ? 255 : now &- 1)
        return !isRecent || !blocks.hasCold(number: place)
    }

    /// Reads a block into memory of the calling thread, where it stays until the thread's next read.
    ///
    /// Its keys are there, its values not yet: most of the time would go into those that nobody wants.
    func readPassing(_ number: Int) throws(SiltstoneError) -> PassingBlock {
        // Safety: each scratch is this thread's until its next use, which comes after the block's.
        let entry = index.entry(number)
        blocks.countMiss(byteCount: entry.storedByteCount)
        let stored = try unsafe readStored(entry)
        do throws(DecodingError) {
            let contents = try unsafe BlockFrame.check(
                .data, stored, fileID: file.id, offset: entry.offset)
            let payload = unsafe UnsafeRawBufferPointer(
                rebasing: stored[..<contents.storedByteCount])
            var raw = try unsafe scratch(1, contents.rawByteCount)
            if contents.isPacked {
                try unsafe decompressor.decompress(contents.codec, payload, into: raw)
                let packed = UnsafeRawBufferPointer(raw)
                unsafe raw = try scratch(2, BlockUnpacker.byteCount(of: packed))
                try unsafe BlockUnpacker.unpack(packed, into: raw)
            }
            guard raw.count == entry.rawByteCount else {
                throw DecodingError(offset: 0, "block size differs from the index")
            }
            let block =
                try contents.isPacked
                ? unsafe PassingBlock(raw)
                : unsafe PassingBlock(contents.codec, payload, in: raw, decompressor)
            guard block.view.count == entry.entryCount, entry.entryCount > 0 else {
                throw DecodingError(offset: 0, "block entries differ from the index")
            }
            return block
        } catch {
            throw corrupted(error.message, at: entry.offset)
        }
    }

    private func scratch(_ slot: Int32, _ byteCount: Int) throws(DecodingError)
        -> UnsafeMutableRawBufferPointer
    {
        // Safety: there is room for as many bytes, which are this thread's until the slot's next use.
        guard let memory = unsafe silt_thread_scratch(slot, max(byteCount, 64)) else {
            throw DecodingError(offset: 0, "no memory for a block")
        }
        return unsafe UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    /// Reads a stored block into memory of the calling thread, where it stays until the next.
    private func readStored(_ entry: IndexEntry) throws(SiltstoneError) -> UnsafeRawBufferPointer {
        let (end, overflow) = entry.offset.addingReportingOverflow(UInt64(entry.storedByteCount))
        guard !overflow, end <= dataEnd else {
            throw corrupted("block lies outside the file's data end=\(end)", at: entry.offset)
        }
        // Safety: the scratch has room for the bytes asked for, and is this thread's until its next use.
        guard let scratch = unsafe silt_thread_scratch(0, max(entry.storedByteCount, 64)) else {
            throw SiltstoneError(.unavailable, "no memory for a block")
        }
        let stored = unsafe UnsafeMutableRawBufferPointer(
            start: scratch, count: entry.storedByteCount)
        try unsafe object.read(into: stored, at: Int(entry.offset))
        return UnsafeRawBufferPointer(stored)
    }

    private func read(_ entry: IndexEntry, readsValues: Bool) throws(SiltstoneError)
        -> CachedBlock
    {
        // Safety: the stored block is this thread's until its next read, which does not come before the end.
        let stored = try unsafe readStored(entry)
        do throws(DecodingError) {
            let block =
                try unsafe readsValues
                ? CachedBlock(
                    TableOpening.unpack(
                        .data, stored, file: file.id, offset: entry.offset, decompressor))
                : CachedBlock(
                    keysOf: stored, file: file.id, offset: entry.offset, decompressor)
            guard block.rawByteCount == entry.rawByteCount else {
                throw DecodingError(offset: 0, "block size differs from the index")
            }
            guard block.view.count == entry.entryCount, entry.entryCount > 0 else {
                throw DecodingError(offset: 0, "block entries differ from the index")
            }
            return block
        } catch {
            throw corrupted(error.message, at: entry.offset)
        }
    }

    private func corrupted(_ message: String, at offset: UInt64) -> SiltstoneError {
        SiltstoneError(
            .corrupted, message,
            at: .init(file: object.key, offset: Int(truncatingIfNeeded: offset)))
    }
}
