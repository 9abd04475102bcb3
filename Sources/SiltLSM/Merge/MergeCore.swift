internal import CSiltstone
internal import SiltFormat
internal import SiltModel

/// A loser tree over memtables and runs of tables, newest source first.
///
/// 1. Each source's current cell is a plain struct in one array; the tree holds, for each inner
///    node, the source that lost there. Comparisons look at 8-byte prefixes first.
/// 2. The source with the second smallest cell is known too: while the winner's next cell stays
///    below it, the tree need not be touched. One long stretch from one source costs one comparison
///    a cell, a single source none.
/// 3. Cells above the sequence of interest are passed over inside each source, before they are
///    compared.
/// 4. Equal cell keys, sequence included, happen only when a log was replayed over cells already in
///    a table: the newest source's cell is given and the others are dropped.
///
/// Safety: the arrays are this value's own, sized in init; indices are numbers of sources.
/// Elements are changed through `pointee`: the thread sanitizer's build of Swift 6.3 breaks on a
/// mutating call through a pointer's subscript.
@safe
struct MergeCore: ~Copyable {
    private let memtableCount: Int
    private let count: Int
    private let width: Int
    private let memtables: UnsafeMutablePointer<MemtableCursor>
    private let runs: UnsafeMutablePointer<TableRunCursor>
    private let cells: UnsafeMutablePointer<SourceCell>
    private let losers: UnsafeMutablePointer<Int32>
    private let sequence: UInt64
    private var winner = 0
    /// The source of the second smallest cell; -1 when no other source has a cell.
    private var runnerUp = -1

    /// A merge of `memtables`, then runs that the closure makes, at no cell.
    init(
        _ memtables: [Memtable], runCount: Int, sequence: UInt64, makeRun: (Int) -> TableRunCursor
    ) {
        memtableCount = memtables.count
        count = memtables.count + runCount
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
        for index in 0..<runCount { unsafe (runs + index).initialize(to: makeRun(index)) }
        unsafe cells.initialize(repeating: SourceCell(), count: width)
        unsafe losers.initialize(repeating: 0, count: width)
    }

    deinit {
        unsafe memtables.deinitialize(count: memtableCount)
        unsafe memtables.deallocate()
        unsafe runs.deinitialize(count: count - memtableCount)
        unsafe runs.deallocate()
        unsafe cells.deallocate()
        unsafe losers.deallocate()
    }

    /// The current cell.
    var cell: SourceCell { @inline(__always) get { unsafe cells[winner] } }

    /// The current cell's value.
    var value: UnsafeRawBufferPointer {
        guard unsafe cells[winner].isValid else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe winner < memtableCount
            ? memtables[winner].value : runs[winner &- memtableCount].value
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
        let bound = unsafe CellKeyBound(key)
        for index in 0..<count {
            if index < memtableCount {
                unsafe (memtables + index).pointee.seek(key)
                load(index)
            } else {
                try unsafe (runs + (index &- memtableCount)).pointee.seek(
                    key, bound, &(cells + index).pointee)
            }
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
        let other = runnerUp
        if other < 0 { return try advance(winner) }
        if unsafe cells[other].sequence == cells[winner].sequence
            && SourceCell.compare(cells + winner, cells + other) == 0
        {
            try dropDuplicates()
        }
        try advance(winner)
        if runnerUp < 0 || precedes(winner, runnerUp) { return }
        replay()
    }

    /// No source has a cell, in case an error ends a seek half-way.
    private mutating func clear() {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        for index in 0..<count {
            unsafe cells[index].isValid = false
            unsafe cells[index].prefix = .max
        }
        winner = 0
        runnerUp = -1
    }

    @inline(__always)
    private mutating func advance(_ index: Int) throws(SiltstoneError) {
        // Safety: indices are numbers of sources, for each of which the arrays have an initialized
        // element.
        if index < memtableCount {
            unsafe (memtables + index).pointee.advance()
            load(index)
        } else {
            try unsafe (runs + (index &- memtableCount)).pointee.advance(&(cells + index).pointee)
        }
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
                    prefix: silt_prefix(start, count), key: start, keyCount: count,
                    timestamp: Int64(bitPattern: time), sequence: number,
                    type: ~tail.load(fromByteOffset: 8, as: UInt8.self),
                    flags: memtables[index].flags,
                    isValid: true)
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
        return order < 0 || order == 0 && left < right
    }

    private mutating func build() {
        if width == 1 {
            winner = 0
            runnerUp = -1
            return
        }
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
        winner = current
        findRunnerUp()
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
        for index in 0..<count where index != winner {
            while unsafe cells[index].isValid
                && SourceCell.compare(cells + winner, cells + index) == 0
            {
                try advance(index)
            }
        }
        build()
    }
}
