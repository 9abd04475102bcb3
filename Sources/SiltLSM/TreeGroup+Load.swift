internal import SiltFormat
internal import Synchronization

/// How much a region is asked for, and how large it is.
extension TreeGroup {
    /// Reads (gets, and scans that came to the region) and operations written since it was opened.
    package var requestCounts: (reads: Int, writes: Int) {
        state.withLock { state in
            let last = lastSequence.load(ordering: .relaxed)
            let writes = last - min(state.countedSequence, last)
            return (state.readCount + published.readCount, Int(clamping: writes))
        }
    }

    /// Reads and written operations in a second, since this was asked last; `nil` the first time.
    package func takeLoad(nowNanoseconds now: UInt64) -> Double? {
        let counts = requestCounts
        let total = counts.reads + counts.writes
        let mark = state.withLock { state in
            defer { state.loadMark = (total, now) }
            return state.loadMark
        }
        guard let mark, now > mark.nanoseconds else { return nil }
        return Double(total - mark.count) * 1e9 / Double(now - mark.nanoseconds)
    }

    /// The bytes of its table files; `nil` while it still uses parts of files that other regions use, too.
    package var ownFileBytes: Int? {
        let tables = set.trees.flatMap(\.tables)
        if tables.contains(where: { $0.file.clip != nil }) { return nil }
        return tables.reduce(0) { $0 + $1.byteCount }
    }
}
