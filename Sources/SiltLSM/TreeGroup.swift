package import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

/// The trees of one region, one for each family.
///
/// Safe to use from any thread.
///
/// Lock order: `compactionLock`, `flushLock`, `manifestLock`, the lead of the engine's commit queue, `state`.
package final class TreeGroup: Sendable {
    struct State {
        var set: TreeSet { didSet { published?.publish(set) } }
        var manifestNumber: UInt64
        var epoch: UInt64
        /// Whether the files stay as they are: the region is part of a snapshot of its table.
        var isFixed = false
        var isDropped = false {
            didSet { published?.isOpen.store(!isDropped, ordering: .relaxed) }
        }
        /// The same for point reads, which take no lock.
        var published: PublishedSet?
        /// Whether the region waits to be replaced: long work on it ends early.
        var isChanging = false
        /// The regions that took this one's place; none while it lives.
        var successors: [TreeGroup] = []
        /// How often it was read, and the sequence from which its writes are counted.
        var readCount = 0
        var countedSequence: UInt64 = 0
        /// What it had been asked for when its load was looked at last, and when that was.
        var loadMark: (count: Int, nanoseconds: UInt64)?
        /// What recovery has replayed so far; `nil` once it ended.
        var replay: ReplayPlace?
        /// When the sweeper began with a dropped region.
        var droppedMilliseconds: Int64?
        var flushIsQueued = false
        var compactionIsQueued = false
        /// The compactions that run, those of one thread that waits for them apart.
        var compactions: [CompactionClaim] = []
        /// The bytes that wait to be merged down.
        var debtBytes = 0
        /// Files that are in no version any more, until the sweeper deletes them.
        var obsolete: [ObsoleteFile] = []
    }

    /// The region's identifier.
    package let id: Identifier
    /// The table it belongs to.
    package let table: Identifier
    /// Its rows.
    package let range: RowKeyRange
    weak let engine: Engine?
    /// How long calls take, of all regions.
    package let latencies: EngineLatencies
    let state: Mutex<State>
    /// What point reads see.
    let published: PublishedSet
    let tables: TableCache
    private let snapshots: SnapshotLedger
    /// The newest operation that readers see.
    ///
    /// Only who leads the commits raises it, when all cells up to it are in the memtables. Who reads it with `state` locked sees
    /// it together with memtables and files that hold all those cells.
    let visible: Atomic<UInt64>
    /// The last sequence given out; only who leads the commits changes it.
    let lastSequence: Atomic<UInt64>
    /// The last time stamp given out; only who leads the commits changes it.
    let lastTimestamp: Atomic<Int64>
    /// Whether a memtable waits for its flush and no worker was asked for it.
    let wantsFlush = Atomic(false)
    /// Where the region's view stands among those of `CommitState`; only a hint, for who leads.
    let viewPlace = Atomic(0)
    /// Whether other regions took this one's place; changes with the lead of the commit queue held.
    let hasMoved = Atomic(false)
    /// Held by the one thread that flushes.
    private let flushLock = ReadWriteLock()
    /// Held for a moment by who takes a compaction on, for longer by who wants none to begin.
    let compactionLock = Mutex(())
    /// Held while a manifest is written and its version installed.
    let manifestLock = Mutex(())

    init(
        id: Identifier, table: Identifier, range: RowKeyRange, engine: Engine,
        lastSequence: UInt64, lastTimestamp: Int64, state: consuming State
    ) {
        self.id = id
        self.table = table
        self.range = range
        self.engine = engine
        latencies = engine.latencies
        visible = Atomic(lastSequence)
        self.lastSequence = Atomic(lastSequence)
        self.lastTimestamp = Atomic(lastTimestamp)
        tables = engine.tables
        snapshots = engine.snapshots
        published = PublishedSet(state.set, epoch: engine.tables.blocks.epoch)
        var state = state
        state.published = published
        self.state = Mutex(state)
    }

    /// Waits until nobody flushes, and keeps flushes from beginning until `unlockFlushes`, which any thread may call.
    func lockFlushes() { flushLock.lockExclusive() }

    /// Lets flushes begin again.
    func unlockFlushes() { flushLock.unlockExclusive() }

    /// Runs `body` while no flush of the region can begin.
    func withoutFlushes<Result>(_ body: () throws(SiltstoneError) -> Result) throws(SiltstoneError)
        -> Result
    {
        lockFlushes()
        defer { unlockFlushes() }
        return try body()
    }

    /// Everything visible now, as a consistent whole.
    ///
    /// Takes one lock for a moment.
    ///
    /// - Parameter counts: whether this is a read already; otherwise `countRead` makes it one.
    package func snapshot(counts: Bool = true) throws(SiltstoneError) -> GroupSnapshot {
        try checkOpen()
        let (set, visible, isDropped) = state.withLock { state in
            if counts { state.readCount &+= 1 }
            return (state.set, self.visible.load(ordering: .acquiring), state.isDropped)
        }
        if isDropped { throw SiltstoneError(.notFound, "region was dropped region=\(id)") }
        if counts { tables.blocks.epoch.counting.countRead() }
        return GroupSnapshot(sequence: visible, set: set, tables: tables)
    }

    /// Counts a read of a snapshot that was not counted.
    package func countRead() {
        published.countRead()
        tables.blocks.epoch.counting.countRead()
    }

    /// As `snapshot`, for what lasts longer than a call: it is reported when it is held for long.
    package func snapshot(for purpose: StaticString) throws(SiltstoneError) -> GroupSnapshot {
        try checkOpen()
        let (set, visible, isDropped) = state.withLock {
            ($0.set, self.visible.load(ordering: .acquiring), $0.isDropped)
        }
        if isDropped { throw SiltstoneError(.notFound, "region was dropped region=\(id)") }
        tables.blocks.epoch.counting.countRead()
        return GroupSnapshot(
            sequence: visible, set: set, tables: tables, ledger: snapshots,
            place: snapshots.enter(purpose, region: id, table: table))
    }

    /// Writes all that the memtables hold now to table files; durable on return.
    ///
    /// A region that was replaced hands it on to those that took its place.
    package func flush() throws(SiltstoneError) {
        if successors.isEmpty { try owner().flush(self) }
        for next in successors { try next.flush() }
    }

    /// Flushes, then merges each tree into its lowest level: excess versions and delete markers disappear.
    package func compact() throws(SiltstoneError) {
        let engine = try owner()
        if successors.isEmpty {
            try engine.flush(self)
            try engine.compactAll(self)
        }
        for next in successors { try next.compact() }
    }

    /// Flushes, then merges the runs of level 0 of each tree into one, which drops neither markers nor what others still need.
    package func compactRuns() throws(SiltstoneError) {
        let engine = try owner()
        if successors.isEmpty {
            try engine.flush(self)
            try engine.compactRuns(self)
        }
        for next in successors { try next.compactRuns() }
    }

    /// Adds, removes or alters families.
    ///
    /// Added and removed ones are so durably on return; a removed family's cells are gone for good.
    package func update(trees options: [TreeOptions]) throws(SiltstoneError) {
        try owner().update(self, trees: options)
    }

    /// What the region holds.
    package var metrics: GroupMetrics {
        let (set, number) = state.withLock { ($0.set, $0.manifestNumber) }
        var metrics = GroupMetrics()
        (metrics.readCount, metrics.writeCount) = requestCounts
        metrics.sequence = visible.load(ordering: .relaxed)
        metrics.manifestNumber = number
        let planner = CompactionPlanner(tableFileBytes: engine?.options.tableFileBytes ?? 64 << 20)
        for tree in set.trees {
            var item = TreeMetrics(family: tree.family)
            for hold in tree.tables {
                item.tableBytes += hold.byteCount
                item.tableCells += Int(clamping: hold.file.entryCount)
            }
            item.fileCounts = [tree.runs.count] + tree.levels.map(\.count)
            item.memtableBytes = tree.memtableBytes
            item.memtableCells = tree.sources.memtables.reduce(0) { $0 + $1.cellCount }
            item.compactionDebtBytes = planner.debtBytes(tree)
            metrics.trees.append(item)
        }
        return metrics
    }

    /// Sets the numbers given out so far; only who leads the commits, or recovery, when nobody commits.
    func setLast(_ sequence: UInt64, timestamp: Int64) {
        lastSequence.store(sequence, ordering: .relaxed)
        lastTimestamp.store(timestamp, ordering: .relaxed)
        visible.store(sequence, ordering: .releasing)
    }

    /// Takes note of operations that recovery put into the memtables.
    func noteReplayed(_ sequence: UInt64, timestamp: Int64) {
        setLast(
            max(lastSequence.load(ordering: .relaxed), sequence),
            timestamp: max(lastTimestamp.load(ordering: .relaxed), timestamp))
    }

    /// The regions that took this one's place.
    package var successors: [TreeGroup] { state.withLock { $0.successors } }

    /// The trees now.
    var set: TreeSet { state.withLock { $0.set } }

    /// For readers, who need the engine's files only.
    private func checkOpen() throws(SiltstoneError) {
        if tables.isClosed.load(ordering: .relaxed) {
            throw SiltstoneError(.closed, "database is closed")
        }
    }

    private func owner() throws(SiltstoneError) -> Engine {
        guard let engine, !engine.isClosing.load(ordering: .relaxed) else {
            throw SiltstoneError(.closed, "database is closed")
        }
        return engine
    }
}

/// A table file or manifest that nothing refers to by name any more.
struct ObsoleteFile: Sendable {
    /// The file's identifier.
    let id: Identifier
    /// The object's key.
    let key: String
    /// When it became obsolete, in milliseconds since 1970.
    let sinceMilliseconds: Int64
    /// Gone once no version, snapshot or job of any region uses the file.
    weak let use: FileUse?
    /// The file's size in bytes.
    let byteCount: Int
}
