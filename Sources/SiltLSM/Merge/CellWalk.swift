internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
package import SiltModel

/// The visible cells of one family in order, batch by batch, where no marker of a whole family is
/// anywhere: most scans.
///
/// The order of evaluation is that of HBase: delete markers, the cell's own time to live, the time
/// range, then versions with the family's time to live. Not Sendable: one thread uses it. Pointers
/// are valid until the next move.
///
/// Safety: the state is allocated in init, freed in deinit, and used by the one thread that uses
/// the walk.
@safe
package final class CellWalk {
    private let state: UnsafeMutablePointer<WalkState>
    /// Whether it goes by a sorted view of the table runs.
    let isViewed: Bool
    /// Memtables that were empty when the walk was made.
    private let leftOut: [Memtable]
    /// The names of the columns by number, for whoever reads the walk to keep.
    package var names: [Column] = []
    /// The generation of the names.
    package var namesGeneration = -1

    /// A walk over the sources that `options` leave.
    ///
    /// - Parameter view: the order of all table runs, when none is left out.
    init(
        _ sources: TreeSources, tables: TableCache, sequence: UInt64, rule: WalkRule,
        options: CursorOptions, gaps: DeletedGaps? = nil, view: SortedView? = nil
    ) {
        var run = RunOptions()
        run.sequence = sequence
        run.fillsCache = options.fillsCache
        isViewed = view != nil
        let runs = view?.runs ?? sources.tableRuns(options)
        // A memtable that is empty now gains only cells newer than the sequence.
        // Each is asked once: one that gets its first cell meanwhile must be on one of the lists, or a
        // later reader of this walk would miss what is written there.
        var memtables: [Memtable] = []
        var leftOut: [Memtable] = []
        for memtable in sources.memtables {
            if memtable.cellCount > 0 {
                memtables.append(memtable)
            } else {
                leftOut.append(memtable)
            }
        }
        self.leftOut = leftOut
        let core = unsafe MergeCore(
            memtables, runCount: runs.count, sequence: sequence, view: view
        ) {
            unsafe TableRunCursor(runs[$0], tables: tables, options: run, base: $1, retains: true)
        }
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: WalkState(core, rule, sequence: sequence, gaps: gaps))
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Makes a walk that was used before another one over the same sources.
    ///
    /// - Returns: false when there is more to read than when it was made.
    func change(to rule: WalkRule, sequence: UInt64) -> Bool {
        for index in leftOut.indices where leftOut[index].cellCount > 0 { return false }
        unsafe state.pointee.change(to: rule, sequence: sequence)
        return true
    }

    /// Lets all blocks go; a seek must follow.
    func rest() {
        // Safety: the state lives as long as the walk.
        unsafe state.pointee.rest()
    }

    /// Goes to a key; the next `fill` begins there.
    package func seek(_ key: [UInt8]) throws(SiltstoneError) {
        // Safety: the state lives as long as the walk, the buffer for the closure.
        try unsafe key.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe state.pointee.seek(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Goes to where a few rows come before a row prefix (`nil`: before the end); the walk then ends
    /// before that prefix.
    ///
    /// - Parameters:
    ///   - lower: the least row prefix.
    ///   - steps: about so many cells of each source lie between.
    /// - Returns: the first of the rows, a row prefix; `nil` when there are none.
    package func seekBack(before bound: [UInt8]?, lower: [UInt8], steps: Int)
        throws(SiltstoneError) -> [UInt8]?
    {
        // Safety: the state is initialized until deinit, and only this walk touches it.
        try unsafe state.pointee.seekBack(before: bound, lower: lower, steps: steps)
    }

    /// Fetches the next cells.
    ///
    /// - Returns: how many; 0 at the end.
    package func fill() throws(SiltstoneError) -> Int { try unsafe state.pointee.fill() }

    // Safety: the state was initialized in init and lives as long as the walk.
    /// The cells fetched last.
    package var cells: UnsafePointer<WalkedCell> {
        unsafe UnsafePointer(state.pointee.batch.cells)
    }

    /// Changes when the numbers of columns begin anew.
    package var columnGeneration: Int { unsafe state.pointee.columns.generation }

    /// `escape(qualifier) 00` of a column that a cell of the last batch names, copied.
    package func suffix(_ column: Int) -> [UInt8] {
        unsafe [UInt8](state.pointee.columns[column])
    }
}
