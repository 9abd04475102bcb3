internal import SiltFormat
internal import SiltModel

/// What walks need beside `next`.
extension MergeCore {
    /// The bytes of blocks that were left and are kept for the batch.
    var retiredBytes: Int {
        var sum = 0
        // Safety: the array has an initialized element for each run.
        for index in 0..<runCount { sum &+= unsafe runs[index].retiredBytes }
        return sum
    }

    /// Lets the blocks go that were kept.
    mutating func releaseBlocks() {
        // Safety: as above.
        for index in 0..<runCount { unsafe (runs + index).pointee.release() }
    }

    /// The row prefix from which on a few rows come before a row prefix; `nil` when none does.
    ///
    /// No source has more than some `steps` cells between. A seek must follow.
    mutating func rowBack(before key: UnsafeRawBufferPointer?, steps: Int)
        throws(SiltstoneError) -> [UInt8]?
    {
        clear()
        var last: [UInt8] = []
        // Safety: the arrays have an initialized element for each source; keys are copied before
        // the sources move.
        let bound = unsafe key.map { unsafe CellKeyBound($0) }
        var cell = SourceCell()
        for index in 0..<(memtableCount &+ runCount) {
            var column: [UInt8] = []
            if index < memtableCount {
                unsafe (memtables + index).pointee.seekLast(before: key, stepsBack: steps)
                if unsafe memtables[index].isValid {
                    column = unsafe [UInt8](memtables[index].key.dropLast(CellKey.tailByteCount))
                }
            } else {
                let run = unsafe runs + (index &- memtableCount)
                try unsafe run.pointee.seekLast(before: key, bound, &cell)
                if cell.isValid {
                    column = unsafe [UInt8](run.pointee.keyBack(steps: steps))
                }
            }
            if last.lexicographicallyPrecedes(column) { last = column }
        }
        clear()
        if last.isEmpty { return nil }
        return Array(last[..<CellKey.rowPrefixByteCount(of: last)])
    }

    /// Lets all blocks go: a seek must follow.
    mutating func rest() {
        // Safety: as above.
        for index in 0..<runCount { unsafe (runs + index).pointee.rest() }
    }

    /// The first entry of a run's block that may not be taken without a look at the other sources
    /// or at the end of the range.
    func stretchLimit(_ run: Int, upper: [UInt8]?) -> Int {
        // Safety: the run has an initialized cursor; cells' keys are valid while sources stand.
        guard let view = unsafe runs[run].block?.view else { return 0 }
        var limit = unsafe runs[run].entryCount
        if let upper { limit = min(limit, view.lowerBound(upper)) }
        if runnerUp >= 0 {
            let cell = unsafe cells[runnerUp]
            let key = unsafe UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount)
            limit = unsafe min(
                limit,
                view.lowerBound(
                    columnKey: key, timestamp: cell.timestamp, type: cell.type,
                    sequence: cell.sequence))
        }
        return limit
    }
}
