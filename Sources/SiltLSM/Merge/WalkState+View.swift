internal import SiltModel

/// Walks over runs whose order a `SortedView` knows.
extension WalkState {
    /// Whether many of the view's cells can be taken: no memtable and not the end of the range has a say for some time.
    var prefersView: Bool {
        if core.runnerUp == -1 { return core.viewPlace < upperPlace }
        return core.runnerUp >= 0 && core.streak >= Self.streakMin
            && core.viewPlace < min(upperPlace, core.streakLimit < 0 ? .max : core.streakLimit)
    }

    /// Takes cells like those of a stretch, of whatever runs the view says, without a look at any other.
    ///
    /// - Returns: whether there was one; the merge stands behind the last.
    mutating func takeViewed() throws(SiltstoneError) -> Bool {
        // Safety: the batch has room for `wanted` cells and is asked for that of each row; codes name runs or end the loop, and
        // the entry of a run that has a code is one of its block's while it is below the count.
        guard core.winner >= core.memtableCount, prefersView, let codes = unsafe core.codes else {
            return false
        }
        let limit =
            core.runnerUp == -1 ? upperPlace : min(upperPlace, core.streakPlaceLimit())
        noteStretchColumn()
        let rule = stretch
        let cells = unsafe batch.cells
        let end = unsafe batch.rows + CellBatch.rowBytesMax
        let first = batch.count
        var row = unsafe batch.rows + batch.rowBytes
        var count = first
        var place = core.viewPlace
        while count < batch.wanted, place < limit {
            let code = unsafe codes[place]
            let number = Int(code & SortedView.runMask)
            if number >= core.runCount {
                if code == SortedView.end { break }
                place = (place | (SortedView.segmentCount &- 1)) &+ 1
                continue
            }
            let run = unsafe core.runs + number
            guard unsafe run.pointee.entry < run.pointee.entryCount else { break }
            // The first is known to be of another column than what came before it.
            if code != UInt8(truncatingIfNeeded: number), count > first {
                guard rule.skipsOlder || code & SortedView.duplicate != 0 else { break }
            } else {
                guard unsafe run.pointee.isPlainBlock(),
                    unsafe run.pointee.takePlain(rule, into: cells + count, row: &row, end: end)
                else { break }
                count &+= 1
            }
            unsafe run.pointee.entry &+= 1
            place &+= 1
        }
        if count == first { return false }
        unsafe batch.noteRows(end: row, count: count &- first)
        core.viewPlace = place
        let time = unsafe cells[count &- 1].timestamp
        setKeyOfLastRow()
        noteTaken(time)
        try core.settleView()
        core.settleWinner()
        return true
    }
}
