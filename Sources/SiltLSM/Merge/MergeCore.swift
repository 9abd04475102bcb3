internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// A loser tree over memtables and runs of tables, newest source first.
///
/// 1. Each source's current cell is a plain struct in one array; the tree holds, for each inner
///    node, the source that lost there. Comparisons look at 8-byte prefixes first.
/// 2. Prefixes are taken after what all current keys begin with (`base`): long shared beginnings
///    are the normal case. A key that does not begin with it makes the merge find a new one.
/// 3. When a source wins twice in a row, the source with the second smallest cell is looked up:
///    while the winner's next cell stays below it, the tree need not be touched. One long stretch
///    from one source costs one comparison a cell, a single source none.
/// 4. Cells above the sequence of interest are passed over inside each source, before they are
///    compared.
/// 5. Equal cell keys, sequence included, happen only when a log was replayed over cells already in
///    a table: the newest source's cell is given and the others are dropped. Two equal cells meet
///    in a match before the first of them is given; the match leaves word in `losers[0]`, which no
///    node uses.
///
/// Safety: the arrays are this value's own, sized in init; indices are numbers of sources.
/// Elements are changed through the `pointee` of a sum or of a copy of the pointer: the thread
/// sanitizer's build of Swift 6.3 breaks on a mutating call through a pointer's subscript, or
/// through a field itself.
@safe
struct MergeCore: ~Copyable {
    /// The runner-up is not looked up.
    private static let unknown = -2
    /// A base is looked for again after so many matches of a path.
    private static let rebaseInterval = 1024

    let memtableCount: Int
    let runCount: Int
    /// The sources: memtables, then the runs, or one for all of these when there is a view of them.
    let count: Int
    private let width: Int
    let memtables: UnsafeMutablePointer<MemtableCursor>
    let runs: UnsafeMutablePointer<TableRunCursor>
    let cells: UnsafeMutablePointer<SourceCell>
    private let losers: UnsafeMutablePointer<Int32>
    let base: UnsafeMutablePointer<PrefixBase>
    /// Changes with the base.
    private(set) var baseGeneration = 0
    private var sequence: UInt64
    private(set) var winner = 0
    /// The source of the second smallest cell; -1 when no other source has a cell; or `unknown`.
    private(set) var runnerUp = -1
    /// How often the winner won in a row, while there is a runner-up.
    private(set) var streak = 0
    /// The order of the runs' cells, and its codes; `nil` when the tree finds it.
    let view: SortedView?
    let codes: UnsafePointer<UInt8>?
    /// The place in the view of the runs' current cell, and the run that has it.
    var viewPlace = 0
    var viewRun = 0
    /// How often a run came to another block.
    var viewMoves = 0
    /// During a streak, the first place of the view that may be at or after the runner-up's cell; -1 when it is not known.
    var streakLimit = -1
    private var replayCount = 0

    /// A merge of `memtables`, then runs that the closure makes, at no cell.
    ///
    /// - Parameter view: the order of just these runs.
    init(
        _ memtables: [Memtable], runCount: Int, sequence: UInt64, view: SortedView? = nil,
        makeRun: (Int, UnsafeMutablePointer<PrefixBase>) -> TableRunCursor
    ) {
        memtableCount = memtables.count
        self.runCount = runCount
        count = memtables.count + (view == nil ? runCount : 1)
        self.view = view
        unsafe codes = view?.codes
        var width = 1
        while width < count { width *= 2 }
        self.width = width
        self.sequence = sequence
        // Safety: each element is initialized here and deinitialized in deinit.
        unsafe self.memtables = .allocate(capacity: memtables.count)
        unsafe runs = .allocate(capacity: runCount)
        unsafe cells = .allocate(capacity: width)
        unsafe losers = .allocate(capacity: width)
        for (index, memtable) in memtables.enumerated() {
            unsafe (self.memtables + index).initialize(to: MemtableCursor(memtable))
        }
        unsafe base = .allocate(capacity: 1)
        unsafe base.initialize(to: PrefixBase())
        for index in 0..<runCount { unsafe (runs + index).initialize(to: makeRun(index, base)) }
        unsafe cells.initialize(repeating: SourceCell(), count: width)
        unsafe losers.initialize(repeating: 0, count: width)
    }

    deinit {
        // Safety: each array was allocated and filled for its sources in init; nobody else has them.
        unsafe memtables.deinitialize(count: memtableCount)
        unsafe memtables.deallocate()
        unsafe runs.deinitialize(count: runCount)
        unsafe runs.deallocate()
        unsafe cells.deallocate()
        unsafe losers.deallocate()
        unsafe base.deinitialize(count: 1)
        unsafe base.deallocate()
    }

    /// Shows cells up to another sequence; a seek must follow.
    mutating func setSequence(_ sequence: UInt64) {
        self.sequence = sequence
        // Safety: the array has an initialized element for each run.
        for index in 0..<runCount { unsafe (runs + index).pointee.setSequence(sequence) }
    }

    /// The current cell.
    var cell: SourceCell {
        // Safety: the winner is the number of a source, for each of which there is a cell.
        @inline(__always) get { unsafe cells[winner] }
    }

    /// Where the current cell is; good until the merge moves.
    var current: UnsafePointer<SourceCell> {
        // Safety: as for `cell`.
        @inline(__always) get { unsafe UnsafePointer(cells + winner) }
    }

    /// Changes when a source leaves a block.
    @inline(__always)
    func blockMark(of source: Int) -> Int {
        // Safety: callers name a source; from `memtableCount` on they are runs, or the view.
        if source < memtableCount { return 0 }
        return unsafe isViewed ? viewMoves : runs[source &- memtableCount].retiredBytes
    }

    /// The current cell's value.
    @inline(__always)
    var value: UnsafeRawBufferPointer {
        // Safety: as for `cell`; below `memtableCount` a source is a memtable, else a run.
        guard unsafe cells[winner].isValid else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe winner < memtableCount
            ? memtables[winner].value : runs[winnerRun].value
    }

    /// Goes to the first cell.
    mutating func seekFirst() throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        clear()
        for index in 0..<count {
            if index < memtableCount {
                unsafe (memtables + index).pointee.seek(
                    UnsafeRawBufferPointer(start: nil, count: 0))
                load(index)
            } else {
                try unsafe (runs + (index - memtableCount)).pointee.seekFirst(
                    &(cells + index).pointee)
            }
        }
        build()
    }

    /// Goes to the first cell at or after `key`.
    mutating func seek(_ key: UnsafeRawBufferPointer) throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        clear()
        if !isViewed { unsafe prepareSeek(key) }
        let bound = unsafe CellKeyBound(key)
        for index in 0..<memtableCount {
            unsafe (memtables + index).pointee.seek(key)
            load(index)
        }
        if let view {
            try unsafe seekView(view, key, bound)
        } else if runCount == 1 {
            let run = unsafe runs
            try unsafe run.pointee.seek(key, bound, &(cells + memtableCount).pointee)
        } else {
            try unsafe seekRuns(key, bound)
        }
        build()
    }

    /// Goes to the last cell before `key`, or the very last.
    mutating func seekLast(before key: UnsafeRawBufferPointer?) throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        clear()
        let bound = unsafe key.map { unsafe CellKeyBound($0) }
        for index in 0..<count {
            if index < memtableCount {
                unsafe seekLast(index, before: key)
            } else {
                try unsafe (runs + (index - memtableCount)).pointee.seekLast(
                    before: key, bound, &(cells + index).pointee)
            }
        }
        runnerUp = -1
        for index in 0..<count where unsafe cells[index].isValid {
            // Of equal cells the newest source's stays.
            if unsafe !cells[winner].isValid
                || SourceCell.compare(cells + winner, cells + index) < 0
            {
                winner = index
            }
        }
    }

    /// Goes to the next cell, from one reached by `seek`; without a current cell it does nothing.
    @inline(__always)
    mutating func next() throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        guard unsafe cells[winner].isValid else { return }
        if runnerUp == -1 { return try advance(winner) }
        if unsafe losers[0] != 0 { try dropDuplicates() }
        try advance(winner)
        if runnerUp == -1 { return }
        if runnerUp >= 0, precedes(winner, runnerUp) {
            streak &+= 1
            return
        }
        replay()
    }

    /// Goes to the next cell, also when it is the same again of an older source.
    mutating func nextOfAll() throws(SiltstoneError) {
        // Safety: as in `next`.
        guard unsafe cells[winner].isValid else { return }
        try advance(winner)
        if runnerUp == -1 || runnerUp >= 0 && precedes(winner, runnerUp) { return }
        replay()
    }

    /// Plays on after the winner's source was moved, and its cell with it.
    mutating func settleWinner() {
        // Safety: as in `next`.
        if unsafe cells[winner].isOff { rebase() }
        if runnerUp == -1 || runnerUp >= 0 && precedes(winner, runnerUp) { return }
        replay()
    }

    /// No source has a cell, in case an error ends a seek half-way.
    mutating func clear() {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        for index in 0..<count {
            unsafe cells[index].isValid = false
            unsafe cells[index].prefix = .max
            unsafe cells[index].isOff = false
        }
        unsafe losers[0] = 0
        unsafe setBase(nil, count: 0)
        winner = 0
        runnerUp = -1
        streak = 0
        streakLimit = -1
    }

    @inline(__always)
    private mutating func advance(_ index: Int) throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        if index < memtableCount {
            unsafe (memtables + index).pointee.advance()
            load(index)
        } else if isViewed {
            try advanceView()
        } else {
            try unsafe (runs + (index &- memtableCount)).pointee.advance(&(cells + index).pointee)
        }
        if unsafe cells[index].isOff { rebase() }
    }

    /// Reads a memtable's current cell, or the first visible one after it.
    @inline(__always)
    private mutating func load(_ index: Int) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        while unsafe memtables[index].isValid {
            let key = unsafe memtables[index].key
            let count = key.count &- CellKey.tailByteCount
            guard let start = key.baseAddress else { break }
            // Safety: a record's key ends with the 17 bytes of the tail.
            let tail = unsafe start + count
            let number = unsafe ~UInt64(
                bigEndian: tail.loadUnaligned(fromByteOffset: 9, as: UInt64.self))
            if number <= sequence {
                let time = unsafe ~UInt64(bigEndian: tail.loadUnaligned(as: UInt64.self)) ^ 1 << 63
                unsafe cells[index] = SourceCell(
                    prefix: 0, key: start, keyCount: count,
                    timestamp: Int64(bitPattern: time), sequence: number,
                    type: ~tail.load(fromByteOffset: 8, as: UInt8.self),
                    flags: memtables[index].flags,
                    isValid: true)
                unsafe base.pointee.setPrefix(of: &(cells + index).pointee)
                return
            }
            unsafe (memtables + index).pointee.advance()
        }
        unsafe cells[index].isValid = false
        unsafe cells[index].prefix = .max
    }

    private mutating func seekLast(_ index: Int, before key: UnsafeRawBufferPointer?) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        unsafe (memtables + index).pointee.seekLast(before: key)
        while unsafe memtables[index].isValid {
            // Safety: a record's key stays where it is, also while the cursor moves.
            let own = unsafe memtables[index].key
            let tail = unsafe own.loadUnaligned(
                fromByteOffset: own.count - CellKey.tailByteCount + 9, as: UInt64.self)
            if ~UInt64(bigEndian: tail) <= sequence { break }
            unsafe (memtables + index).pointee.seekLast(before: own)
        }
        load(index)
    }
}

/// The tree.
extension MergeCore {
    /// Whether source `left` comes before source `right`; of equal cells the newer source's does.
    @inline(__always)
    private func precedes(_ left: Int, _ right: Int) -> Bool {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        let order = unsafe SourceCell.compare(cells + left, cells + right)
        if order != 0 { return order < 0 }
        if unsafe cells[left].isValid { unsafe losers[0] = 1 }
        return left < right
    }

    /// Finds what all current keys begin with, and takes the prefixes after it.
    private mutating func rebase() {
        replayCount = 0
        var first = -1
        var shared = 0
        // Safety: indices are numbers of sources; a valid cell's key is valid for its count.
        for index in 0..<count where unsafe cells[index].isValid {
            guard let key = unsafe cells[index].key else { continue }
            if first < 0 {
                first = index
                shared = unsafe min(cells[index].keyCount, PrefixBase.countMax)
            } else if let other = unsafe cells[first].key {
                shared = unsafe Int(silt_shared(other, key, min(shared, cells[index].keyCount)))
            }
        }
        if first < 0 { return }
        unsafe setBase(cells[first].key, count: shared)
        for index in 0..<count where unsafe cells[index].isValid {
            unsafe base.pointee.setPrefix(of: &(cells + index).pointee)
        }
    }

    private mutating func setBase(_ key: UnsafeRawPointer?, count: Int) {
        // Safety: the key has `count` bytes.
        baseGeneration &+= 1
        let base = unsafe base
        unsafe base.pointee.set(key, count: count)
        for index in 0..<runCount { unsafe (runs + index).pointee.findBase() }
    }

    private mutating func build() {
        streakLimit = -1
        if width == 1 {
            winner = 0
            runnerUp = -1
            return
        }
        rebase()
        // Safety: node numbers are below 2 * width.
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * width) { winners in
            for index in 0..<width { unsafe winners[width + index] = Int32(index) }
            for node in stride(from: width - 1, through: 1, by: -1) {
                let left = unsafe winners[2 * node]
                let right = unsafe winners[2 * node + 1]
                let isRight = precedes(Int(right), Int(left))
                unsafe winners[node] = isRight ? right : left
                unsafe losers[node] = isRight ? left : right
            }
            winner = unsafe Int(winners[1])
        }
        findRunnerUp()
    }

    /// Plays the matches of the winner's path again after its cell changed.
    private mutating func replay() {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        var current = winner
        var node = (width + current) >> 1
        while node >= 1 {
            let other = unsafe Int(losers[node])
            if precedes(other, current) {
                unsafe losers[node] = Int32(truncatingIfNeeded: current)
                current = other
            }
            node >>= 1
        }
        streakLimit = -1
        if current == winner {
            findRunnerUp()
            streak &+= 1
        } else {
            winner = current
            runnerUp = Self.unknown
            streak = 0
            replayCount &+= 1
            if replayCount >= Self.rebaseInterval { rebase() }
        }
    }

    /// The second smallest lost to the winner: it is on the winner's path.
    private mutating func findRunnerUp() {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        var node = (width + winner) >> 1
        var best = -1
        while node >= 1 {
            let other = unsafe Int(losers[node])
            if best < 0 || precedes(other, best) { best = other }
            node >>= 1
        }
        runnerUp = unsafe best >= 0 && cells[best].isValid ? best : -1
    }

    /// Moves every other source off the winner's cell key.
    private mutating func dropDuplicates() throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        var isAny = false
        for index in 0..<count where index != winner {
            while unsafe cells[index].isValid
                && SourceCell.compare(cells + winner, cells + index) == 0
            {
                isAny = true
                try advance(index)
            }
        }
        if !isAny { return }
        unsafe losers[0] = 0
        build()
    }
}
