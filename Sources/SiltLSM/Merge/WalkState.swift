internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// Where a `CellWalk` stands.
///
/// Safety: the key buffer is this value's own; pointers into sources are used before they move.
@safe
struct WalkState: ~Copyable {
    /// This many cells are passed one by one before seeking: a seek costs about as much.
    private static let passedCountMax = 8
    /// So many wins in a row let a source be taken for one that goes on.
    static let streakMin = 4
    /// Blocks that were left but are pointed at: more bytes than this end a batch.
    private static let retiredBytesMax = 1 << 20

    var core: MergeCore
    var batch = CellBatch()
    var columns = WalkColumns()
    var rule: WalkRule
    var versionCountMax = 0
    var stretch = StretchRule()
    var canStretch = false
    /// The first place of the merge's view that may lie behind the range.
    var upperPlace = Int.max

    var deletes = DeleteTracker()
    var versions: VersionTracker
    /// The column key that the walk is in, its length, and that of its row prefix.
    var key: UnsafeMutableRawBufferPointer
    var keyCount = 0
    /// What the rows of all current keys begin with, of a generation of the merge's base.
    let baseRow: UnsafeMutableRawPointer
    var baseRowEscaped = -1
    var baseRowCount = 0
    var baseGeneration = -1
    var rowCount = 0
    var isRowPending = false
    var isColumnDone = false
    var isRowDone = false
    var versionCount = 0
    var passedCount = 0
    private var isAtEnd = false
    /// Where gaps are noted, and where the one that the walk is in began; see `DeletedGaps`.
    private let gaps: DeletedGaps?
    private var gapStart: [UInt8] = []
    var isInGap = false
    var hiddenCount = 0
    private var sequence: UInt64
    private var failure: SiltstoneError?

    init(_ core: consuming MergeCore, _ rule: WalkRule, sequence: UInt64, gaps: DeletedGaps?) {
        self.core = core
        self.sequence = sequence
        self.gaps = gaps
        self.rule = rule
        versions = VersionTracker(rule.settings, nowMilliseconds: rule.nowMilliseconds)
        unsafe key = .allocate(byteCount: 128, alignment: 8)
        unsafe baseRow = .allocate(byteCount: PrefixBase.countMax + 16, alignment: 8)
        if let column = rule.column { unsafe column.withUnsafeBytes { unsafe columns.add($0) } }
        obey(rule)
    }

    deinit {
        unsafe key.deallocate()
        unsafe baseRow.deallocate()
    }

    /// Takes another rule and another sequence; a seek must follow.
    mutating func change(to rule: WalkRule, sequence: UInt64) {
        if rule.terms !== self.rule.terms, rule.column != self.rule.column {
            columns.clear()
            // Safety: the array lends its bytes for the call, which copies them.
            if let column = rule.column { unsafe column.withUnsafeBytes { unsafe columns.add($0) } }
        }
        core.setSequence(sequence)
        self.sequence = sequence
        obey(rule)
    }

    /// Goes to where a few rows come before a row prefix (`nil`: before the end), and shows no others.
    ///
    /// - Parameter lower: the least row prefix.
    /// - Returns: the first of them, a row prefix; `nil` when there are none.
    mutating func seekBack(before bound: [UInt8]?, lower: [UInt8], steps: Int)
        throws(SiltstoneError) -> [UInt8]?
    {
        batch.clear()
        core.releaseBlocks()
        var found: [UInt8]?
        // Safety: arrays lend their bytes for the calls.
        if let bound {
            found = try unsafe bound.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
                try unsafe core.rowBack(before: UnsafeRawBufferPointer(buffer), steps: steps)
            }
        } else {
            found = try unsafe core.rowBack(before: nil, steps: steps)
        }
        guard var start = found else { return nil }
        if start.lexicographicallyPrecedes(lower) { start = lower }
        if let bound, !start.lexicographicallyPrecedes(bound) { return nil }
        rule.upper = bound
        try unsafe start.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe seek(UnsafeRawBufferPointer(buffer))
        }
        batch.wanted = CellBatch.capacity
        return start
    }

    /// Lets all blocks go; a seek must follow.
    mutating func rest() { core.rest() }

    private mutating func obey(_ rule: WalkRule) {
        self.rule = rule
        versionCountMax = rule.versionCountMax
        versions = VersionTracker(
            rule.settings, maxVersions: rule.terms.maxVersions,
            nowMilliseconds: rule.nowMilliseconds)
        var low = rule.timeRange.min
        if let life = rule.settings.timeToLiveMilliseconds {
            let (oldest, overflow) = rule.nowMilliseconds.subtractingReportingOverflow(life)
            if !overflow { low = max(low, oldest) }
        }
        let high = rule.timeRange.max == .max ? Int64.max : rule.timeRange.max &- 1
        canStretch =
            versionCountMax >= 1 && low <= high
            && (rule.settings.minVersions == 0 || rule.settings.timeToLiveMilliseconds == nil)
        stretch.least = low
        stretch.greatest = high
        stretch.skipsOlder = versionCountMax == 1
    }

    /// Goes to the first cell at or after a key.
    mutating func seek(_ target: UnsafeRawBufferPointer) throws(SiltstoneError) {
        batch.clear()
        batch.wanted = 16
        core.releaseBlocks()
        keyCount = 0
        rowCount = 0
        isAtEnd = false
        failure = nil
        hiddenCount = 0
        isInGap = false
        if core.isViewed { upperPlace = core.placeLimit(rule.upper) }
        // Safety: the target is lent for the call.
        try unsafe core.seek(target)
    }

    /// Fetches the next cells.
    ///
    /// An error is kept back until the cells before it were given.
    mutating func fill() throws(SiltstoneError) -> Int {
        if batch.count == batch.wanted { batch.wanted = min(batch.wanted * 2, CellBatch.capacity) }
        batch.clear()
        core.releaseBlocks()
        if let failure { throw failure }
        if columns.isFull { forgetColumns() }
        do throws(SiltstoneError) {
            while !batch.isFull, !isAtEnd, try step() {}
        } catch {
            failure = error
            if batch.count == 0 { throw error }
        }
        return batch.count
    }

    /// Looks at the current cell, or takes a stretch of them.
    ///
    /// - Returns: false when the batch has to end.
    private mutating func step() throws(SiltstoneError) -> Bool {
        let cell = core.cell
        guard cell.isValid else {
            isAtEnd = true
            // Safety: no key is handed over.
            if isInGap { unsafe closeGap(nil) }
            return false
        }
        if core.retiredBytes > Self.retiredBytesMax {
            if batch.count > 0 { return false }
            core.releaseBlocks()
        }
        if batch.count > 0, !batch.hasRoom(cell.keyCount) { return false }
        if !isCurrent(cell) {
            if canStretch, columns.tailBits != 0,
                !isInGap || hiddenCount < DeletedGaps.cellCountMin
            {
                if try takeStretch() { return true }
                if try takeSome() { return true }
            }
            guard let isEntered = try enterColumn(cell) else { return false }
            if !isEntered {
                isAtEnd = true
                return false
            }
        }
        if !isColumnDone, shows(cell) {
            // Safety: the key has `keyCount` bytes.
            if isInGap { unsafe closeGap(UnsafeRawBufferPointer(rebasing: key[..<keyCount])) }
            try emit(cell)
        } else {
            if !isInGap, versionCount == 0, gaps != nil { openGap() }
            hiddenCount &+= 1
            if hiddenCount & 0x3f == 0, try passGap() { return true }
        }
        if isColumnDone { try pass() } else { try core.next() }
        return true
    }

    /// Jumps over a gap that is known.
    private mutating func passGap() throws(SiltstoneError) -> Bool {
        guard let gaps, rule.settings.keepDeletedCells == .no,
            // Safety: the key has `keyCount` bytes.
            let gap = unsafe gaps.find(
                UnsafeRawBufferPointer(rebasing: key[..<keyCount]), column: rule.column,
                sequence: sequence, nowMilliseconds: rule.nowMilliseconds)
        else { return false }
        hiddenCount += DeletedGaps.cellCountMin
        guard let end = gap.end else {
            isAtEnd = true
            return true
        }
        // Safety: the array lends its bytes for the call.
        try unsafe end.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe core.seek(UnsafeRawBufferPointer(buffer))
        }
        return true
    }

    /// Begins a gap at the current column, of which nothing was shown.
    private mutating func openGap() {
        isInGap = true
        hiddenCount = 0
        gapStart.removeAll(keepingCapacity: true)
        // Safety: the key has `keyCount` bytes.
        unsafe gapStart.append(contentsOf: UnsafeRawBufferPointer(rebasing: key[..<keyCount]))
    }

    /// Ends the gap before a column key, and notes it when the walk sees everything and it is large.
    private mutating func closeGap(_ end: UnsafeRawBufferPointer?) {
        isInGap = false
        let hiddenCount = hiddenCount
        self.hiddenCount = 0
        guard hiddenCount >= DeletedGaps.cellCountMin, let gaps, rule.seesEverything else { return }
        var last: [UInt8]?
        // Safety: the end is copied.
        if let end = unsafe end { last = unsafe [UInt8](end) }
        // A column of which some cells were passed before one is shown is not deleted.
        if let last, !gapStart.lexicographicallyPrecedes(last) { return }
        gaps.add(
            DeletedGap(
                start: gapStart, end: last, column: rule.column, sequence: sequence,
                nowMilliseconds: rule.nowMilliseconds))
    }

    @inline(__always)
    private func isCurrent(_ cell: SourceCell) -> Bool {
        guard cell.keyCount == keyCount, let other = unsafe cell.key,
            let own = unsafe key.baseAddress
        else { return false }
        // Safety: both keys have `keyCount` bytes.
        return unsafe silt_compare(own, other, keyCount) == 0
    }

    /// Sees to it that the buffer has room for a key; what is in it may be lost.
    @inline(__always)
    mutating func makeRoom(forKey byteCount: Int) {
        // Safety: nobody refers to the old buffer.
        if unsafe byteCount &+ 8 > key.count {
            unsafe key.deallocate()
            unsafe key = .allocate(byteCount: byteCount * 2 + 8, alignment: 8)
        }
    }

    mutating func setKey(_ source: UnsafeRawPointer, _ count: Int) {
        // Safety: the source has `count` bytes, after which 8 can be read: a table's key is followed
        // by room, a memtable's by a tail. The buffer is made larger by as many.
        makeRoom(forKey: count)
        keyCount = count
        guard let target = unsafe key.baseAddress else { return }
        if count >= 16, count <= 32 {
            let head = unsafe source.loadUnaligned(as: SIMD2<UInt64>.self)
            let tail = unsafe (source + (count &- 16)).loadUnaligned(as: SIMD2<UInt64>.self)
            unsafe target.storeBytes(of: head, as: SIMD2<UInt64>.self)
            unsafe target.storeBytes(
                of: tail, toByteOffset: count &- 16, as: SIMD2<UInt64>.self)
            return
        }
        var place = 0
        while place < count {
            unsafe target.storeBytes(
                of: source.loadUnaligned(fromByteOffset: place, as: UInt64.self),
                toByteOffset: place, as: UInt64.self)
            place &+= 8
        }
    }

    /// Takes note of the column that the merge came to.
    ///
    /// - Returns: false when it lies behind the range; `nil` when the batch must end first.
    private mutating func enterColumn(_ cell: SourceCell) throws(SiltstoneError) -> Bool? {
        // Safety: a valid cell's key has `keyCount` bytes until its source moves.
        guard let source = unsafe cell.key else { return false }
        let whole = unsafe UnsafeRawBufferPointer(start: source, count: cell.keyCount)
        if unsafe endsAlike(whole) {
            let count = cell.keyCount &- columns.currentByteCount
            // Safety: the row prefix is a part of the key.
            if let upper = rule.upper,
                unsafe Self.order(UnsafeRawBufferPointer(rebasing: whole[..<count]), upper) >= 0
            {
                return false
            }
            isRowDone = rule.isOneColumn
            unsafe enter(
                source, cell.keyCount, rowCount: count, isSameRow: false, isWanted: true)
            return true
        }
        let count = unsafe CellKey.rowPrefixByteCount(of: whole)
        // Safety: a row prefix is a part of its column key; all are used before the merge moves.
        let prefix = unsafe UnsafeRawBufferPointer(rebasing: whole[..<count])
        let end = unsafe UnsafeRawBufferPointer(rebasing: whole[count...])
        let isSameRow =
            unsafe count == rowCount && keyCount >= count
            && silt_compare(key.baseAddress, source, count) == 0
        if !isSameRow, let upper = rule.upper, unsafe Self.order(prefix, upper) >= 0 {
            return false
        }
        var isWanted = true
        if let wanted = rule.column {
            let order = unsafe Self.order(end, wanted)
            // Nothing that follows the wanted column in its row is of interest.
            isRowDone = order >= 0
            isWanted = order == 0
        } else {
            if unsafe !columns.find(end) {
                if columns.isFull {
                    if batch.count > 0 { return nil }
                    forgetColumns()
                }
                guard unsafe CellKey.isComponent(end) else {
                    throw SiltstoneError(
                        .corrupted,
                        "column key is damaged key=\(Hex.encode(unsafe [UInt8](whole)))")
                }
                unsafe columns.add(end)
            }
            isRowDone = false
        }
        unsafe enter(
            source, cell.keyCount, rowCount: count, isSameRow: isSameRow, isWanted: isWanted)
        return true
    }

    /// Whether a key that is not the current one is of the current column, and so of another row: it ends with
    /// `00 escape(qualifier) 00` of that.
    @inline(__always)
    private func endsAlike(_ whole: UnsafeRawBufferPointer) -> Bool {
        guard columns.tailBits != 0, whole.count >= 8, whole.count > columns.currentByteCount &+ 1
        else { return false }
        // Safety: the key has at least 8 bytes.
        let word = unsafe whole.loadUnaligned(fromByteOffset: whole.count &- 8, as: UInt64.self)
        return word &>> (64 &- columns.tailBits) == columns.tailWord
    }

    /// Begins a column key, of the row before or another.
    @inline(__always)
    private mutating func enter(
        _ source: UnsafeRawPointer, _ count: Int, rowCount: Int, isSameRow: Bool, isWanted: Bool
    ) {
        // Safety: the source has `count` bytes.
        unsafe setKey(source, count)
        if !isSameRow {
            self.rowCount = rowCount
            isRowPending = true
            unsafe batch.lastRow = nil
            deletes.startRow()
        }
        deletes.startColumn()
        versions.startColumn()
        versionCount = 0
        passedCount = 0
        isColumnDone = !isWanted
    }

    /// Adds the current cell to the batch, which has room for its row.
    private mutating func emit(_ cell: SourceCell) throws(SiltstoneError) {
        // Safety: only whether there is a row is asked.
        if unsafe batch.lastRow == nil {
            guard batch.hasRoom(rowCount) else {
                throw SiltstoneError(.corrupted, "row key is too long bytes=\(rowCount)")
            }
            // Safety: the batch has room for the escaped row; the key begins with the row prefix.
            let target = unsafe batch.rows + batch.rowBytes
            let prefix = unsafe UnsafeRawBufferPointer(rebasing: key[..<rowCount])
            let count = unsafe CellKey.unescape(rowPrefix: prefix, into: target)
            guard count >= 0 else {
                throw SiltstoneError(
                    .corrupted, "row key is damaged key=\(Hex.encode(unsafe [UInt8](prefix)))")
            }
            unsafe batch.lastRow = UnsafeRawPointer(target)
            batch.lastRowCount = Int32(truncatingIfNeeded: count)
            batch.rowBytes += (count + 7) & ~7
        }
        var value = unsafe core.value
        // Safety: the flag says that 8 bytes of a time to live come first; checked against the count.
        if cell.flags & CellFlags.hasTimeToLive != 0, value.count >= 8 {
            unsafe value = UnsafeRawBufferPointer(rebasing: value[8...])
        }
        unsafe batch.append(
            value: value, empty: UnsafeRawPointer(batch.rows), timestamp: cell.timestamp,
            column: Int32(truncatingIfNeeded: columns.current), startsRow: isRowPending)
        isRowPending = false
    }

    /// Whether a cell of the current column is visible; may find that the rest of the column is not.
    private mutating func shows(_ cell: SourceCell) -> Bool {
        if versionCount >= versionCountMax {
            isColumnDone = true
            return false
        }
        let timestamp = cell.timestamp
        if cell.type != CellType.put.rawValue {
            if let type = CellType(rawValue: cell.type),
                !rule.ignoresMarkersOutside || rule.timeRange.contains(timestamp)
            {
                deletes.add(
                    type, timestamp: timestamp, flags: cell.flags, sequence: cell.sequence)
            }
            return false
        }
        if versions.isDuplicate(timestamp: timestamp) { return false }
        if timestamp < rule.timeRange.min {
            isColumnDone = true
            return false
        }
        if deletes.masks(timestamp: timestamp, flags: cell.flags, sequence: cell.sequence) {
            isColumnDone = deletes.masksColumn(below: timestamp)
            return false
        }
        if cell.flags & CellFlags.hasTimeToLive != 0,
            // Safety: the value is looked at before the merge moves.
            unsafe versions.isExpired(
                timestamp: timestamp, flags: cell.flags, value: core.value)
        {
            return false
        }
        if !rule.timeRange.contains(timestamp) { return false }
        guard versions.admit(timestamp: timestamp) == .include else {
            isColumnDone = true
            return false
        }
        versionCount += 1
        return true
    }

    /// Leaves a cell that is of no interest, as all of its column that follows.
    private mutating func pass() throws(SiltstoneError) {
        passedCount += 1
        if passedCount <= Self.passedCountMax { return try core.next() }
        passedCount = 0
        // Safety: the key has `keyCount` bytes, and `rowCount` is at most as many.
        var target = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: key[..<keyCount]))
        if isRowDone {
            target.removeLast(target.count - rowCount)
            target[rowCount - 1] = 1
        } else if let wanted = rule.column {
            target.removeLast(target.count - rowCount)
            target += wanted
        } else {
            target[target.count - 1] = 1
        }
        try unsafe target.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe core.seek(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Begins the numbers of columns anew, with the current one.
    private mutating func forgetColumns() {
        columns.clear()
        // Safety: the current key is longer than its row prefix.
        if keyCount > rowCount, rowCount > 0 {
            unsafe columns.add(UnsafeRawBufferPointer(rebasing: key[rowCount..<keyCount]))
        }
    }

    static func order(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Int {
        // Safety: both are valid for their counts.
        unsafe right.withUnsafeBytes { right in
            guard let a = left.baseAddress, let b = right.baseAddress else {
                return left.count - right.count
            }
            return unsafe Int(silt_order(a, left.count, b, right.count))
        }
    }
}
