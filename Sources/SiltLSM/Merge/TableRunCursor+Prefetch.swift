internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// What is fetched before it is needed: a seek in several runs waits for memory once, not once a run.
extension TableRunCursor {
    /// Finds the block in which a seek will begin, and has the processor fetch its slot.
    mutating func prepareSeek(_ key: UnsafeRawBufferPointer) {
        soughtBlock = -1
        // Safety: the key is the caller's.
        soughtFile = unsafe file(for: key)
        guard soughtFile == fileNumber, let reader else { return }
        soughtBlock = unsafe reader.index.find(key)
        let number = max(soughtBlock, blocks.lowerBound)
        if number < blocks.upperBound { reader.slot(number).prefetch() }
    }

    /// Has the processor fetch what describes the block that `prepareSeek` found.
    ///
    /// - Returns: the block when it is cached and not the current one; good within the epoch.
    func prefetchSought() -> Unmanaged<CachedBlock>? {
        let number = max(soughtBlock, blocks.lowerBound)
        // Safety: a block that a slot shows is kept by the epoch that the caller is in, and is not
        // touched here.
        guard soughtBlock >= 0, number < blocks.upperBound, number != blockNumber,
            let known = unsafe reader?.slot(number).borrow()
        else { return nil }
        unsafe CachedBlock.prefetch(known)
        return unsafe known
    }

    /// Has the processor fetch what `load` reads of the entry found and of some after it.
    func prefetchEntry() {
        guard entry < entryCount else { return }
        // Safety: the entry is one of the block's; a prefetch reads nothing.
        let columns = unsafe self.columns.pointee
        let number = columns.keyNumber(entry)
        unsafe silt_prefetch(columns.timestamps.start + entry &* columns.timestamps.width)
        unsafe silt_prefetch(columns.timestamps.start + entry &* columns.timestamps.width + 64)
        unsafe silt_prefetch(columns.sequences.start + entry &* columns.sequences.width)
        unsafe silt_prefetch(columns.sequences.start + entry &* columns.sequences.width + 64)
        unsafe silt_prefetch(columns.types.start + entry &* columns.types.width)
        unsafe silt_prefetch(columns.valueOffsets.start + entry &* columns.valueOffsets.width)
        if columns.restOffsets.width == 0 {
            unsafe silt_prefetch(columns.rests + number &* columns.fixedRestByteCount)
        } else {
            unsafe silt_prefetch(columns.restOffsets.start + number &* columns.restOffsets.width)
        }
        unsafe silt_prefetch(columns.prefixLengths.start + number &* columns.prefixLengths.width)
    }

    /// Has the processor fetch what describes the block after a block, if it is cached.
    @inline(__always)
    func prefetchBlock(after number: Int, of reader: TableReader) {
        guard number + 1 < blocks.upperBound else { return }
        // Safety: the block is not touched; a prefetch reads nothing.
        if let next = unsafe reader.slot(number + 1).borrow() { unsafe CachedBlock.prefetch(next) }
    }
}

extension MergeCore {
    /// Seeks in all runs: the entries first, then what is read of them, so that one need not wait for
    /// the memory of another.
    mutating func seekRuns(_ key: UnsafeRawBufferPointer, _ bound: CellKeyBound)
        throws(SiltstoneError)
    {
        // Safety: the arrays have an initialized element for each source.
        for index in 0..<runCount {
            let run = unsafe runs + index
            let cell = unsafe cells + (memtableCount &+ index)
            unsafe run.pointee.isPlaced = false
            if try unsafe run.pointee.place(key, bound, &cell.pointee) {
                unsafe run.pointee.isPlaced = true
                unsafe run.pointee.prefetchEntry()
            }
        }
        for index in 0..<runCount where unsafe runs[index].isPlaced {
            try unsafe (runs + index).pointee.settle(&(cells + (memtableCount &+ index)).pointee)
        }
    }

    /// Has the processor fetch what a seek will look at in each run, all at the same time.
    mutating func prepareSeek(_ key: UnsafeRawBufferPointer) {
        if runCount == 0 { return }
        // Safety: the runs are initialized; the blocks are looked at within the epoch.
        guard let epoch = unsafe runs[0].tables?.blocks.epoch else { return }
        let pin = epoch.enter()
        unsafe withUnsafeTemporaryAllocation(
            of: Unmanaged<CachedBlock>?.self, capacity: runCount
        ) { found in
            for index in 0..<runCount { unsafe (runs + index).pointee.prepareSeek(key) }
            for index in 0..<runCount {
                unsafe found.initializeElement(at: index, to: runs[index].prefetchSought())
            }
            for index in 0..<runCount {
                unsafe found[index]?._withUnsafeGuaranteedRef { $0.view.prefetchKeys() }
            }
        }
        epoch.leave(pin)
    }
}
