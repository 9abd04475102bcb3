internal import Synchronization

/// A span of keys in which a walk found many cells and nothing to show.
struct DeletedGap: Sendable {
    /// The first column key.
    var start: [UInt8]
    /// The first column key after it; `nil` when nothing follows.
    var end: [UInt8]?
    /// The end of the only column that was looked at, `escape(qualifier) 00`; `nil` when all were.
    var column: [UInt8]?
    /// The sequence at which nothing was visible.
    var sequence: UInt64
    /// The moment at which nothing was visible, in milliseconds since 1970: cells expire, and stay so.
    var nowMilliseconds: Int64
}

/// What walks over one version of a tree found to be deleted, so that the next need not look again.
///
/// A gap holds for later sequences too, as long as nothing was written into it: what is written
/// after the version was made is in its active memtable. Safe to use from any thread.
final class DeletedGaps: Sendable {
    /// So many cells that show nothing are worth a note.
    static let cellCountMin = 1024
    private static let countMax = 16

    private let active: Memtable
    private let gaps = Mutex<[DeletedGap]>([])

    /// No gaps yet in a version whose memtable for new cells is `active`.
    init(active: Memtable) { self.active = active }

    /// Takes note of a gap.
    func add(_ gap: DeletedGap) {
        gaps.withLock { gaps in
            gaps.removeAll {
                $0.end == gap.end && $0.column == gap.column
                    && !Self.precedes($0.start, gap.start)
            }
            if gaps.count == Self.countMax { gaps.removeFirst() }
            gaps.append(gap)
        }
    }

    /// The gap that a column key lies in, when it holds for a sequence at a moment, and for a walk that looks at one column
    /// or at all.
    func find(
        _ key: UnsafeRawBufferPointer, column wanted: [UInt8]?, sequence: UInt64,
        nowMilliseconds: Int64
    ) -> DeletedGap? {
        // Safety: the buffer is the caller's, for this call.
        let column = unsafe [UInt8](key)
        let gap = gaps.withLock { gaps in
            gaps.last { gap in
                gap.sequence <= sequence && gap.nowMilliseconds <= nowMilliseconds
                    && (gap.column == nil || gap.column == wanted)
                    && !Self.precedes(column, gap.start)
                    && gap.end.map { Self.precedes(column, $0) } ?? true
            }
        }
        guard let gap, sequence == gap.sequence || isUntouched(gap) else { return nil }
        return gap
    }

    /// Whether nothing was written into a gap since.
    private func isUntouched(_ gap: DeletedGap) -> Bool {
        if active.maxSequence <= gap.sequence { return true }
        var cursor = MemtableCursor(active)
        // Safety: the cursor's key is compared before it moves.
        unsafe gap.start.withUnsafeBytes { unsafe cursor.seek($0) }
        guard cursor.isValid else { return true }
        guard let end = gap.end else { return false }
        return unsafe !Self.precedes([UInt8](cursor.key), end)
    }

    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.lexicographicallyPrecedes(right)
    }
}
