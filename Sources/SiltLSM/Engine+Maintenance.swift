internal import SiltBytes
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// When memory, log and runs are put in order.
extension Engine {
    /// How much an asynchronous commit may leave in memory, in bytes.
    static let bufferBytesMax = 8 << 20
    /// How long it may stay there, in nanoseconds.
    static let bufferNanosecondsMax: UInt64 = 1_000_000_000

    /// Whether records may stay in memory for now.
    func mayBuffer(_ log: borrowing LogWriter, nowNanoseconds now: UInt64) -> Bool {
        guard log.bufferedBytes <= Self.bufferBytesMax else { return false }
        return now &- (log.bufferedSince ?? now) < Self.bufferNanosecondsMax
    }

    /// Asks a worker to write the log's buffer.
    ///
    /// One thread is kept free for urgent jobs, so this happens soon.
    func scheduleLogWrite() {
        if logWriteIsQueued.exchange(true, ordering: .relaxed) { return }
        environment.workers.submit(.high) { [weak self] in
            guard let self else { return }
            logWriteIsQueued.store(false, ordering: .relaxed)
            // A failure poisons the log by itself; a full disk is met again by the next commit.
            try? writeLog()
        }
    }

    /// Whether the memtables take more memory than they should.
    var memoryIsFull: Bool { counters.memtableBytes.value > options.memtableBytesMax }

    /// Sets aside what has grown too large, and asks workers to flush it.
    func maintain(_ upkeep: CommitUpkeep) {
        for group in upkeep.groups {
            for tree in group.set.trees where tree.active.wantsMemory {
                tree.active.readyMemory(upTo: options.flushBytes, environment.workers)
            }
        }
        guard options.runsMaintenance else { return }
        for group in upkeep.groups {
            let isFull = { (tree: TreeVersion) in tree.active.byteCount >= self.options.flushBytes }
            let trees = group.set.trees
            if trees.contains(where: isFull) { freeze(group, isFull) }
            if trees.contains(where: { !$0.frozen.isEmpty }) || trees.contains(where: isFull) {
                scheduleFlush(group)
            }
        }
        noteReserve()
        if memoryIsFull { freezeLargest() }
        if upkeep.logIsLong { freezeOldest() }
    }

    /// Asks a worker to flush a region.
    func scheduleFlush(_ group: TreeGroup) {
        let (isQueued, isChanging) = group.state.withLock { state in
            // It would only wait for the change, which takes the memtables along unless it fails.
            if state.isChanging { return (false, true) }
            defer { state.flushIsQueued = true }
            return (state.flushIsQueued, false)
        }
        // A job that is queued sees whatever was frozen before it began.
        group.wantsFlush.store(isChanging, ordering: .relaxed)
        if isQueued || isChanging { return }
        environment.workers.submit(.high) { [weak self] in
            guard let self else { return }
            if isClosing.load(ordering: .relaxed) || failure != nil {
                group.state.withLock { $0.flushIsQueued = false }
                return
            }
            do throws(SiltstoneError) {
                // One job of a region at a time: a second would only wait for the first, on a thread that
                // merges need.
                defer { group.state.withLock { $0.flushIsQueued = false } }
                try flushFrozen(group)
            } catch {
                // A full disk: the memtables stay, and the next commit or flush tries again. Anything else is noted already.
                group.wantsFlush.store(true, ordering: .relaxed)
                return
            }
            // Who froze a memtable meanwhile found this job queued.
            if group.set.hasFrozen, !group.hasMoved.load(ordering: .relaxed) {
                scheduleFlush(group)
            }
            scheduleCompaction(group)
            noteFiles(of: group)
        }
    }

    /// Asks a worker to compact a region while there is something to do.
    func scheduleCompaction(_ group: TreeGroup) {
        guard options.runsMaintenance, hasCompaction(group) else { return }
        let isQueued = group.state.withLock { state in
            defer { state.compactionIsQueued = true }
            return state.compactionIsQueued
        }
        if isQueued { return }
        environment.workers.submit(.low) { [weak self] in
            guard let self else { return }
            group.state.withLock { $0.compactionIsQueued = false }
            if isClosing.load(ordering: .relaxed) || failure != nil { return }
            do throws(SiltstoneError) {
                if try compactOnce(group) { scheduleCompaction(group) }
                noteFiles(of: group)
                scheduleSweep()
            } catch {
                // Damage and full disks are met again, and reported, by the reads and writes that they concern.
            }
        }
    }

    private func freezeLargest() {
        let groups = groups
        let frozen = groups.flatMap(\.set.trees).reduce(0) { $0 + $1.frozenBytes }
        // What is on its way out already may be enough.
        guard counters.memtableBytes.value - frozen > options.memtableBytesMax / 2 else { return }
        guard let group = fullest(by: \.active.byteCount),
            let largest = group.set.trees.max(by: { $0.active.byteCount < $1.active.byteCount })
        else { return }
        freeze(group) { $0.family == largest.family }
        scheduleFlush(group)
    }

    /// Frees the oldest part of the log: flushes the trees that need it.
    private func freezeOldest() {
        let groups = groups
        let oldest = groups.flatMap(\.set.trees).map(\.oldestSegment).min() ?? .max
        if oldest == .max { return }
        for group in groups where group.set.trees.contains(where: { $0.oldestSegment == oldest }) {
            freeze(group) { $0.active.oldestSegment == oldest }
            scheduleFlush(group)
        }
    }

    func fullest(by bytes: KeyPath<TreeVersion, Int>) -> TreeGroup? {
        groups.max { left, right in
            left.set.trees.reduce(0) { $0 + $1[keyPath: bytes] }
                < right.set.trees.reduce(0) { $0 + $1[keyPath: bytes] }
        }
    }
}
