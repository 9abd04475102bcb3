internal import SiltFormat
internal import Synchronization

/// A region as commits see it: whether it takes writes, and where they go.
///
/// Made when it is needed and kept by who leads, so that a commit takes no lock of the region. Everything here changes only with the
/// lead held, and whoever changes it forgets the views.
// Safety: the places are written once, in init, and led to by nobody else.
@safe final class CommitView {
    let group: TreeGroup
    let isDropped: Bool
    let families: FamilySet
    /// The active memtables.
    private let slots: [MemtableSlot]
    /// Where the cells of each family go: in memory of the view's own, so that looking counts no references.
    private let places: UnsafeMutableBufferPointer<CommitPlace>
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
        slots = set.trees.map(\.active)
        // Safety: one place is made for each tree; freed in deinit.
        unsafe places = .allocate(capacity: set.trees.count)
        for (index, tree) in set.trees.enumerated() {
            unsafe places.initializeElement(at: index, to: CommitPlace(tree))
        }
    }

    // Safety: the view made the memory, whose places need no clearing away.
    deinit { unsafe places.deallocate() }

    /// The place of a family; good for as long as the view is.
    @inline(__always)
    func place(of family: UInt8) -> CommitPlace? {
        // Safety: the index is one of the places'.
        for index in unsafe places.indices where unsafe places[index].family == family {
            return unsafe places[index]
        }
        return nil
    }

    /// Whether the memtables hold so many more operations of `byteCount` bytes together.
    @inline(__always)
    func hasRoom(forBytes byteCount: Int, count: Int) -> Bool {
        for index in unsafe places.indices {
            // Safety: the index is one of the places', and the view holds their memtables.
            let hasRoom = unsafe places[index].memtable._withUnsafeGuaranteedRef {
                $0.hasRoom(forBytes: byteCount, count: count)
            }
            if !hasRoom { return false }
        }
        return true
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
        for index in unsafe places.indices {
            // Safety: the index is one of the places', and the view holds their memtables.
            let needsUpkeep = unsafe places[index].slot._withUnsafeGuaranteedRef {
                $0.wantsMemory || $0.byteCount >= flushBytes
            }
            if needsUpkeep { return true }
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
