internal import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

/// Regions that take the place of others: split and merge.
///
/// No cell is rewritten. The new regions refer to the files of the old ones, clipped to their rows,
/// and get a copy of the few cells that are in memory only. What the log holds under the old
/// regions' identifiers they inherit, as their manifests say; so it does not matter whether it came there before or
/// after the change was durable, and writers do not wait for the disk.
extension Engine {
    /// Before the change memtables are flushed until they hold no more cells than this.
    private static let copiedCellsMax = 2_000
    /// Nor do they inherit from more regions than this.
    private static let originsMax = 8
    /// How often that is tried: writers may be faster than the flushes.
    private static let flushRoundsMax = 4
    /// Nor is a region replaced while it has more runs than this: a change gives its merges up, so that without this changes
    /// that follow one another would keep merges from ever coming to their end.
    private static let runsMax = 16
    private static let mergeRoundsMax = 8
    /// Cells are copied while writers go on until no more than this are left, which are copied while writers wait.
    private static let waitedCellsMax = 500
    /// How often that is tried: each round takes as long as the cells that were written during the one before.
    private static let copyRoundsMax = 6

    /// Replaces neighbouring regions, in row order, by others that cover the same rows.
    ///
    /// Readers go on all the time; writers wait while the last few cells in memory are copied.
    ///
    /// - Parameters:
    ///   - old: the regions; the caller sees to it that nobody else replaces or drops them.
    ///   - ranges: the rows of the new regions, ascending.
    ///   - commit: makes the change durable, wholly or not at all, and returns what makes it known to readers.
    /// - Returns: the new regions, and how long writers waited, in nanoseconds.
    package func replace(
        _ old: [TreeGroup], with ranges: [RowKeyRange],
        commit: ([TreeGroup]) throws(SiltstoneError) -> () -> Void
    ) throws(SiltstoneError) -> (groups: [TreeGroup], pauseNanoseconds: UInt64) {
        try checkOpen()
        guard isReady.load(ordering: .acquiring) else {
            throw SiltstoneError(.unavailable, "recovery has not ended")
        }
        for group in old {
            try mergeUntilFew(group)
            try flushUntilSmall(group)
        }
        setChanging(old, true)
        defer { setChanging(old, false) }
        var change = Replacement(old: old)
        defer { pending.remove(change.new.map(\.id)) }
        try withFixedFiles(of: old[...]) { () throws(SiltstoneError) in
            for range in ranges { try prepare(range, &change) }
            try checkChangeable()
            let publish: () -> Void
            do throws(SiltstoneError) { publish = try commit(change.new) } catch {
                throw noted(error)
            }
            do throws(SiltstoneError) {
                try takeOver(&change, publish)
            } catch {
                // A restart finds the new regions: the old ones must not go on to flush.
                throw poison(error)
            }
        }
        for group in change.new { scheduleCompaction(group) }
        return (change.new, change.pauseNanoseconds)
    }

    private struct Replacement {
        let old: [TreeGroup]
        var new: [TreeGroup] = []
        var pauseNanoseconds: UInt64 = 0
    }

    /// Throws when storage failed, or the engine is being closed.
    private func checkChangeable() throws(SiltstoneError) {
        try withLead { commit throws(SiltstoneError) in
            if let failure = commit.log.failure { throw failure }
            // `close` waits for this change, which holds locks of its regions, or this change sees that it began.
            if isClosing.load(ordering: .relaxed) {
                throw SiltstoneError(.closed, "database is closed")
            }
        }
    }

    private func setChanging(_ groups: [TreeGroup], _ isChanging: Bool) {
        for group in groups { group.state.withLock { $0.isChanging = isChanging } }
    }

    private func mergeUntilFew(_ group: TreeGroup) throws(SiltstoneError) {
        guard options.runsMaintenance else { return }
        for _ in 0..<Self.mergeRoundsMax {
            if group.set.trees.allSatisfy({ $0.runs.count <= Self.runsMax }) { return }
            // Nothing to take on: others are at it.
            if try !compactOnce(group) { waitForCompactions(of: group) }
        }
    }

    private func flushUntilSmall(_ group: TreeGroup) throws(SiltstoneError) {
        for _ in 0..<Self.flushRoundsMax {
            let trees = group.set.trees
            let count = trees.reduce(0) { sum, tree in
                tree.sources.memtables.reduce(sum) { $0 + $1.cellCount }
            }
            let hasFewOrigins = trees.allSatisfy { $0.origins.count <= Self.originsMax }
            if count <= Self.copiedCellsMax, count == 0 || hasFewOrigins { return }
            try flush(group)
        }
    }

    /// Runs `body` while neither flush nor compaction nor schema changes the regions' files.
    private func withFixedFiles(
        of groups: ArraySlice<TreeGroup>, _ body: () throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) {
        guard let group = groups.first else { return try body() }
        try group.compactionLock.withLock { _ throws(SiltstoneError) in
            waitForCompactions(of: group)
            try group.withoutFlushes { () throws(SiltstoneError) in
                try group.manifestLock.withLock { _ throws(SiltstoneError) in
                    try withFixedFiles(of: groups.dropFirst(), body)
                }
            }
        }
    }

    /// Makes a new region with the files of the old ones; its first manifest is durable on return.
    private func prepare(_ range: RowKeyRange, _ change: inout Replacement) throws(SiltstoneError) {
        guard let first = change.old.first else { return }
        let id = environment.makeIdentifier()
        let epoch = try environment.coordinator.claim(region: id, above: 0)
        let parents = change.old.filter { $0.range.overlaps(range) }
        let states = parents.map { group in
            group.state.withLock {
                ParentState(
                    id: group.id, range: group.range, set: $0.set,
                    lastSequence: group.lastSequence.load(ordering: .relaxed),
                    lastTimestamp: group.lastTimestamp.load(ordering: .relaxed))
            }
        }
        let trees = first.set.trees.map { tree in
            TreeVersion(
                options: tree.options, range: range, parents: states,
                active: MemtableSlot(capacityBytes: memtableCapacityBytes))
        }
        let sequence = states.reduce(0) { max($0, $1.lastSequence) }
        let group = TreeGroup(
            id: id, table: first.table, range: range, engine: self,
            lastSequence: sequence, lastTimestamp: states.reduce(0) { max($0, $1.lastTimestamp) },
            state: TreeGroup.State(set: TreeSet(trees), manifestNumber: 0, epoch: epoch))
        pending.insert(id)
        change.new.append(group)
        try install(group) { set, _ in set }
    }

    /// Gives the new regions what is in memory of their rows, and puts them in the old ones' place; the change is durable.
    private func takeOver(_ change: inout Replacement, _ publish: () -> Void) throws(SiltstoneError)
    {
        var copies = change.new.map { group in
            let parents = change.old.filter { $0.range.overlaps(group.range) }
            return group.set.trees.map {
                InheritedCells(
                    of: $0, rows: group.range, from: parents, capacityBytes: memtableCapacityBytes)
            }
        }
        for _ in 0..<Self.copyRoundsMax {
            let left = copies.joined().reduce(0) { $0 + $1.uncopiedCount }
            if left <= Self.waitedCellsMax { break }
            for group in change.old { freeze(group) { _ in true } }
            for place in copies.indices {
                for tree in copies[place].indices { try copies[place][tree].copyFrozen() }
            }
        }
        try withLead { commitState throws(SiltstoneError) in
            queue.setSlow(true)
            defer { queue.setSlow(false) }
            let start = environment.clock.monotonicNanoseconds
            commitState.forgetViews()
            for place in copies.indices {
                for tree in copies[place].indices { try copies[place][tree].copyAll() }
                fill(change.new[place], with: copies[place], from: change.old)
            }
            publish()
            finish(change)
            change.pauseNanoseconds = environment.clock.monotonicNanoseconds &- start
        }
    }

    /// Gives a new region the cells that were copied for it, and its numbers; the lead is held.
    private func fill(_ group: TreeGroup, with copies: [InheritedCells], from old: [TreeGroup]) {
        let filled = copies.reduce(group.set) { set, copy in
            set.tree(copy.family).map { set.replacing($0.inheriting(copy.slot)) } ?? set
        }
        var lastSequence: UInt64 = 0
        var lastTimestamp: Int64 = 0
        for parent in old where parent.range.overlaps(group.range) {
            lastSequence = max(lastSequence, parent.lastSequence.load(ordering: .relaxed))
            lastTimestamp = max(lastTimestamp, parent.lastTimestamp.load(ordering: .relaxed))
        }
        group.state.withLock { [lastSequence] state in
            state.set = filled
            state.countedSequence = lastSequence
        }
        group.setLast(lastSequence, timestamp: lastTimestamp)
    }

    /// Puts the new regions in the old ones' place; the lead is held.
    private func finish(_ change: Replacement) {
        for group in change.old {
            let successors = change.new.filter { $0.range.overlaps(group.range) }
            let (obsolete, bytes) = group.state.withLock { state in
                state.successors = successors
                let bytes = state.set.trees.reduce(0) { $0 + $1.memtableBytes }
                // They stay here, too: a sweep that runs may have asked for the regions already.
                return (state.obsolete, bytes)
            }
            group.hasMoved.store(true, ordering: .relaxed)
            noteDebt(of: group)
            counters.memtableBytes.add(-bytes)
            successors.first?.state.withLock { $0.obsolete += obsolete }
        }
        for group in change.new {
            counters.memtableBytes.add(group.set.trees.reduce(0) { $0 + $1.memtableBytes })
        }
        state.withLock { state in
            for group in change.old { state.groups[group.id] = nil }
            for group in change.new { state.groups[group.id] = group }
        }
    }
}

/// What new regions take over of an old one.
struct ParentState: Sendable {
    let id: Identifier
    let range: RowKeyRange
    let set: TreeSet
    let lastSequence: UInt64
    let lastTimestamp: Int64
}

extension RowKeyRange {
    /// Whether the ranges have rows in common.
    func overlaps(_ other: RowKeyRange) -> Bool {
        (end.isEmpty || other.start < end) && (other.end.isEmpty || start < other.end)
    }
}
