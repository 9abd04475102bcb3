internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// A `SortedView` in the making: the cells of a merge, one after the other.
struct SortedViewDraft: ~Copyable {
    /// The codes of all cells, each segment filled up.
    private(set) var codes: [UInt8] = []
    /// Where each run stood at the beginning of each segment.
    private(set) var places: [RunPlace] = []
    /// The segments as blocks.
    var index = IndexBuilder()

    private let runCount: Int
    /// The cells of the segment that is open.
    private var count = 0
    private var firstKey: [UInt8] = []
    /// The two blocks of each run that the segment may have cells of.
    private var firstBlocks: [RunPlace]
    private var secondBlocks: [RunPlace]
    /// The cell before; of the first array so many bytes count.
    private var column = [UInt8](repeating: 0, count: 64)
    private var columnCount = 0
    private var timestamp: Int64 = 0
    private var type: UInt8 = 0
    private var sequence: UInt64 = 0

    /// A draft without cells.
    init(runCount: Int) {
        self.runCount = runCount
        firstBlocks = [RunPlace](repeating: .end, count: runCount)
        secondBlocks = firstBlocks
    }

    /// About how many bytes the view would take now.
    var byteCount: Int { codes.count + places.count * 8 + index.estimatedByteCount }

    /// Adds the current cell of a merge of the runs.
    ///
    /// - Returns: false when it has no place: the run is too large.
    mutating func add(_ core: borrowing MergeCore) -> Bool {
        let run = core.winner
        let cell = core.cell
        // Safety: the winner is a run with a current cell, whose key has `keyCount` bytes until the merge moves.
        guard let place = unsafe core.runs[run].runPlace else { return false }
        let key = unsafe UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount)
        if count == SortedView.segmentCount || isInThirdBlock(run, place) { closeSegment() }
        if count == 0, !openSegment(core) { return false }
        if !place.sharesBlock(with: firstBlocks[run]) { secondBlocks[run] = place }
        var code = UInt8(truncatingIfNeeded: run)
        // No column is empty, so the first cell's is another.
        if unsafe columnCount == key.count && isColumn(key) {
            code |= SortedView.sameColumn
            if cell.timestamp == timestamp, cell.type == type, cell.sequence == sequence {
                code |= SortedView.duplicate
            }
        } else {
            unsafe setColumn(key)
        }
        codes.append(code)
        timestamp = cell.timestamp
        type = cell.type
        sequence = cell.sequence
        count += 1
        return true
    }

    /// Whether the column of the cell before, which is as long, is the same.
    private func isColumn(_ key: UnsafeRawBufferPointer) -> Bool {
        // Safety: the array has at least as many bytes as the column, and lends them for the call.
        unsafe column.withUnsafeBytes {
            unsafe silt_compare($0.baseAddress, key.baseAddress, key.count) == 0
        }
    }

    private mutating func setColumn(_ key: UnsafeRawBufferPointer) {
        columnCount = key.count
        if column.count < columnCount { column = [UInt8](repeating: 0, count: columnCount * 2) }
        // Safety: there is room for the key.
        unsafe column.withUnsafeMutableBytes { unsafe $0.copyMemory(from: key) }
    }

    /// Ends the last segment.
    mutating func finish() {
        if count > 0 { closeSegment() }
        places += [RunPlace](repeating: .end, count: runCount)
        codes.append(SortedView.end)
    }

    private func isInThirdBlock(_ run: Int, _ place: RunPlace) -> Bool {
        count > 0 && secondBlocks[run] != .end && !place.sharesBlock(with: firstBlocks[run])
            && !place.sharesBlock(with: secondBlocks[run])
    }

    private mutating func openSegment(_ core: borrowing MergeCore) -> Bool {
        for run in 0..<runCount {
            var place = RunPlace.end
            // Safety: each run has an initialized cursor and cell.
            if unsafe core.cells[run].isValid {
                guard let current = unsafe core.runs[run].runPlace else { return false }
                place = current
            }
            places.append(place)
            firstBlocks[run] = place
            secondBlocks[run] = .end
        }
        let cell = core.cell
        // Safety: as in `add`.
        firstKey = unsafe [UInt8](UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount))
        CellKey.appendTail(
            timestamp: cell.timestamp, type: cell.type, sequence: cell.sequence, to: &firstKey)
        return true
    }

    private mutating func closeSegment() {
        var last = Array(column[..<columnCount])
        CellKey.appendTail(timestamp: timestamp, type: type, sequence: sequence, to: &last)
        // Only the keys of the index are asked for.
        index.append(
            first: firstKey, last: last,
            IndexEntry(
                offset: 0, storedByteCount: BlockFrame.trailerByteCount, rawByteCount: 0,
                entryCount: count, markerCount: 0))
        while codes.count % SortedView.segmentCount != 0 { codes.append(SortedView.pad) }
        count = 0
    }
}

extension SortedView {
    /// Reads all cells of some runs; `nil` when they are one or too many, when the view would take more than a sixteenth of
    /// the cache, or when `isOver` says so.
    static func make(of runs: [[TableFile]], tables: TableCache, isOver: () -> Bool) throws
        -> SortedView?
    {
        guard runs.count >= 2, runs.count <= runCountMax else { return nil }
        var options = RunOptions()
        options.fillsCache = false
        options.readsValues = false
        // Safety: the merge keeps the base for as long as its cursors.
        var core = unsafe MergeCore([], runCount: runs.count, sequence: .max) {
            unsafe TableRunCursor(runs[$0], tables: tables, options: options, base: $1)
        }
        var draft = SortedViewDraft(runCount: runs.count)
        let byteCountMax = tables.blocks.capacityBytes / 16
        var count = 0
        try core.seekFirst()
        while core.cell.isValid {
            if count & 0xfff == 0, isOver() || draft.byteCount > byteCountMax { return nil }
            count &+= 1
            if !draft.add(core) { return nil }
            try core.nextOfAll()
        }
        if count == 0 || draft.byteCount > byteCountMax { return nil }
        guard tables.blocks.hasRoomForIndex(draft.byteCount) else { return nil }
        return try SortedView(draft, of: runs, blocks: tables.blocks)
    }
}
