internal import SiltFormat
internal import Synchronization

/// A region as commits see it: whether it takes writes, and where they go.
///
/// Made when it is needed and kept by who leads, so that a commit takes no lock of the region. Everything here changes only with the
/// lead held, and whoever changes it forgets the views.
final class CommitView {
    let group: TreeGroup
    let isDropped: Bool
    /// The families, and for each the number, the active memtable, and up to where its cells are in tables.
    let families: FamilySet
    let numbers: [UInt8]
    let slots: [MemtableSlot]
    let flushedSequences: [UInt64]
    /// Where the region stands in the round that runs; only a hint.
    var target = 0

    /// A region now.
    convenience init(_ group: TreeGroup) {
        let (set, isDropped) = group.state.withLock { ($0.set, $0.isDropped) }
        self.init(
            group, set, isDropped: isDropped || group.hasMoved.load(ordering: .relaxed))
    }

    private init(_ group: TreeGroup, _ set: TreeSet, isDropped: Bool) {
        self.group = group
        self.isDropped = isDropped
        families = set.families
        numbers = set.trees.map(\.family)
        slots = set.trees.map(\.active)
        flushedSequences = set.trees.map(\.flushedSequence)
    }

    /// The place of a family in the lists.
    @inline(__always)
    func place(of family: UInt8) -> Int? {
        for index in numbers.indices where numbers[index] == family { return index }
        return nil
    }

    /// Why operations on some families cannot be applied; `nil` when they can.
    @inline(__always)
    func refuses(_ families: FamilySet) -> Bool {
        isDropped || families.firstMissing(in: self.families) != nil
    }

    /// Whether a memtable is full or needs memory, or one waits for its flush that nobody was asked for.
    @inline(__always)
    func needsUpkeep(flushBytes: Int) -> Bool {
        if group.wantsFlush.load(ordering: .relaxed) { return true }
        for index in slots.indices
        where slots[index].wantsMemory || slots[index].byteCount >= flushBytes {
            return true
        }
        return false
    }
}

/// What the lead of the commit queue guards.
struct CommitState: ~Copyable {
    /// The log.
    var log: LogWriter
    /// Empty between rounds; kept for its room.
    var round = CommitRound()
    private var views: [CommitView] = []

    init(log: consuming LogWriter) { self.log = log }

    /// A region as commits see it.
    @inline(__always)
    mutating func view(of group: TreeGroup) -> CommitView {
        let noted = group.viewPlace.load(ordering: .relaxed)
        if noted < views.count, views[noted].group === group { return views[noted] }
        return makeView(of: group)
    }

    private mutating func makeView(of group: TreeGroup) -> CommitView {
        let view = CommitView(group)
        group.viewPlace.store(views.count, ordering: .relaxed)
        views.append(view)
        return view
    }

    /// Forgets how regions look, since one changes.
    mutating func forgetViews() { views.removeAll() }
}
