internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// A merge of memtables with runs whose order a `SortedView` knows: to the tree the runs are one source, the last.
extension MergeCore {
    private static let mismatch = SiltstoneError(
        .corrupted, "cells of table files do not follow the order that was found of them")

    /// Whether the runs are one source.
    var isViewed: Bool {
        // Safety: only whether there are codes is asked.
        @inline(__always) get { unsafe codes != nil }
    }

    /// The run of the current cell; only while the winner is no memtable.
    var winnerRun: Int {
        @inline(__always) get { isViewed ? viewRun : winner &- memtableCount }
    }

    /// The first place of the view that may be at or after a key; without a key, behind all.
    func placeLimit(_ key: [UInt8]?) -> Int {
        guard let view, let key else { return .max }
        // Safety: the array lends its bytes for the call.
        return unsafe key.withUnsafeBytes {
            unsafe view.segment(for: $0) &* SortedView.segmentCount
        }
    }

    /// The first place of the view that may be at or after the runner-up's cell.
    mutating func streakPlaceLimit() -> Int {
        if streakLimit >= 0 { return streakLimit }
        guard let view, runnerUp >= 0 else { return .max }
        // Safety: a valid cell's key has `keyCount` bytes while its source stands still.
        let cell = unsafe cells[runnerUp]
        streakLimit =
            unsafe view.segment(
                for: UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount))
            &* SortedView.segmentCount
        return streakLimit
    }

    /// Goes to the first cell of the runs at or after `key`.
    mutating func seekView(_ view: SortedView, _ key: UnsafeRawBufferPointer, _ bound: CellKeyBound)
        throws(SiltstoneError)
    {
        // Safety: the key is the caller's.
        let segment = unsafe view.segment(for: key)
        viewPlace = segment &* SortedView.segmentCount
        if segment < view.segments {
            view.prefetch(segment)
            prepareView(view, segment)
            // Safety: the array has an initialized element for each run.
            for number in 0..<runCount {
                let run = unsafe runs + number
                viewPlace &+= try unsafe run.pointee.seek(
                    from: view.place(of: number, in: segment),
                    to: view.place(of: number, in: segment &+ 1), bound)
                unsafe run.pointee.prefetchEntry()
            }
            for number in 0..<runCount { unsafe runs[number].prefetchRest() }
        }
        try settleView()
    }

    /// Goes to the next cell of the runs.
    @inline(__always)
    mutating func advanceView() throws(SiltstoneError) {
        // Safety: the view's run is one of the runs.
        unsafe (runs + viewRun).pointee.entry &+= 1
        viewPlace &+= 1
        try settleView()
    }

    /// Goes on from the view's place to the first cell that is visible and no duplicate.
    mutating func settleView() throws(SiltstoneError) {
        // Safety: after the last cell's code comes that of the end; codes name runs, and the source after the memtables has
        // a cell.
        guard let codes = unsafe codes else { return }
        let cell = unsafe cells + memtableCount
        unsafe cell.pointee.isValid = false
        while true {
            let code = unsafe codes[viewPlace]
            let number = Int(code & SortedView.runMask)
            guard number < runCount else {
                if code == SortedView.end {
                    unsafe cell.pointee.prefix = .max
                    return
                }
                viewPlace = (viewPlace | (SortedView.segmentCount &- 1)) &+ 1
                continue
            }
            let run = unsafe runs + number
            while unsafe run.pointee.entry >= run.pointee.entryCount {
                viewMoves &+= 1
                guard try unsafe run.pointee.openFollowing() else { throw Self.mismatch }
            }
            if unsafe code & SortedView.duplicate == 0 && run.pointee.isEntryVisible {
                viewRun = number
                return unsafe run.pointee.load(&cell.pointee)
            }
            unsafe run.pointee.entry &+= 1
            viewPlace &+= 1
        }
    }

    /// Has the processor fetch what a seek will look at in each run, all at the same time.
    private mutating func prepareView(_ view: SortedView, _ segment: Int) {
        // Safety: the runs are initialized; the blocks are looked at within the epoch.
        guard let epoch = unsafe runs[0].tables?.blocks.epoch else { return }
        let pin = epoch.enter()
        unsafe withUnsafeTemporaryAllocation(
            of: Unmanaged<CachedBlock>?.self, capacity: runCount
        ) { found in
            for number in 0..<runCount {
                unsafe (runs + number).pointee.prepareSeek(at: view.place(of: number, in: segment))
            }
            for number in 0..<runCount {
                unsafe found.initializeElement(at: number, to: runs[number].prefetchSought())
            }
            for number in 0..<runCount {
                let entry = view.place(of: number, in: segment).entry
                unsafe found[number]?._withUnsafeGuaranteedRef { $0.view.prefetchKeys(from: entry) }
            }
        }
        epoch.leave(pin)
    }
}

/// What the places of a view say.
extension TableRunCursor {
    /// Where the current entry is; `nil` when that is too far.
    var runPlace: RunPlace? { RunPlace(file: fileNumber, block: blockNumber, entry: entry) }

    /// Whether the sequence of interest shows the current entry.
    var isEntryVisible: Bool {
        // Safety: callers have a current entry.
        @inline(__always) get {
            unsafe !checksSequence || columns.pointee.sequences.load(entry) <= options.sequence
        }
    }

    /// Takes note of the block in which a seek will begin, and has the processor fetch its slot.
    fileprivate mutating func prepareSeek(at place: RunPlace) {
        soughtBlock = -1
        guard place != .end, place.file == fileNumber, let reader, blocks.contains(place.block)
        else { return }
        soughtBlock = place.block
        reader.slot(soughtBlock).prefetch()
    }

    /// Goes to the first entry at or after `bound`, of which it is known that it lies between two places; when the one lies
    /// in the first block of these, or the one that follows, else at the latter's end.
    ///
    /// - Returns: how many entries of the places were passed.
    fileprivate mutating func seek(
        from place: RunPlace, to next: RunPlace, _ bound: CellKeyBound
    ) throws(SiltstoneError) -> Int {
        soughtBlock = -1
        entry = 0
        entryCount = 0
        if place == .end { return 0 }
        guard try openFile(from: place.file), fileNumber == place.file,
            blocks.contains(place.block), try openBlock(place.block), place.entry < entryCount
        else { throw Self.mismatch }
        let isLast = place.sharesBlock(with: next)
        let end = isLast ? min(max(next.entry, place.entry), entryCount) : entryCount
        entry = block?.view.lowerBound(bound, in: place.entry..<end) ?? end
        let passed = entry &- place.entry
        if isLast || entry < end { return passed }
        repeat {
            guard try openFollowing() else { return passed }
        } while entry >= entryCount
        let start = entry
        var limit = entryCount
        if let here = runPlace, here.sharesBlock(with: next) {
            limit = min(max(next.entry, start), limit)
        }
        entry = block?.view.lowerBound(bound, in: start..<limit) ?? limit
        return passed &+ entry &- start
    }

    private static var mismatch: SiltstoneError {
        SiltstoneError(.corrupted, "table file is not as it was when its order was found")
    }

    /// Has the processor fetch the rest of the current entry's key, and of those after it.
    fileprivate func prefetchRest() {
        guard entry < entryCount else { return }
        // Safety: the entry is one of the block's; a prefetch reads nothing.
        let number = unsafe columns.pointee.keyNumber(entry)
        let start = unsafe columns.pointee.rests + columns.pointee.rest(number).start
        unsafe silt_prefetch(start)
        unsafe silt_prefetch(start + 64)
    }
}
