internal import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

extension Engine {
    /// Writes everything in memory to table files; durable on return.
    package func flushAll() throws(SiltstoneError) {
        for group in groups { try flush(group) }
    }

    /// Writes what a region's memtables hold now to table files; durable on return.
    func flush(_ group: TreeGroup) throws(SiltstoneError) {
        freeze(group) { _ in true }
        try flushFrozen(group)
    }

    /// Sets aside the memtables of a region that hold something and that `choose` picks.
    ///
    /// - Returns: whether there was any.
    @discardableResult
    func freeze(_ group: TreeGroup, _ choose: (TreeVersion) -> Bool) -> Bool {
        // Nobody is inserting meanwhile.
        withLead { commit in
            commit.forgetViews()
            return setAside(group, choose)
        }
    }

    /// Sets aside all memtables of several regions that hold something, at one moment.
    ///
    /// - Returns: what each region is then.
    func freezeTogether(_ groups: [TreeGroup]) -> [TreeSet] {
        withLead { commit in
            commit.forgetViews()
            for group in groups { setAside(group) { _ in true } }
            return groups.map(\.set)
        }
    }

    /// As `freeze`; the lead is held.
    @discardableResult
    private func setAside(_ group: TreeGroup, _ choose: (TreeVersion) -> Bool) -> Bool {
        let capacity = memtableCapacityBytes
        let lastSequence = group.lastSequence.load(ordering: .relaxed)
        return group.state.withLock { state in
            var isAny = false
            for tree in state.set.trees where tree.active.memtable.cellCount > 0 && choose(tree) {
                isAny = true
                // While the log is replayed, what comes later in it is not in memory yet.
                state.set = state.set.replacing(
                    tree.freezing(
                        lastSequence: state.replay?.sequence ?? lastSequence,
                        next: MemtableSlot(capacityBytes: capacity),
                        originsLeft: state.replay?.left(of: tree.origins) ?? []))
            }
            if isAny { group.wantsFlush.store(true, ordering: .relaxed) }
            return isAny
        }
    }

    /// Writes a region's frozen memtables to table files, one run for each tree, in one manifest.
    func flushFrozen(_ group: TreeGroup) throws(SiltstoneError) {
        try group.withoutFlushes { () throws(SiltstoneError) in
            try flushSetAside(group, group.set)
        }
        try trimLog()
    }

    /// As `flushFrozen`, of the memtables that were frozen in `set`, for who holds the region's flush lock; the log is not trimmed.
    func flushSetAside(_ group: TreeGroup, _ set: TreeSet) throws(SiltstoneError) {
        let trees = set.trees.filter { !$0.frozen.isEmpty }
        if trees.isEmpty || group.hasMoved.load(ordering: .relaxed) { return }
        // Its memory counts no longer, and its last manifest says that it is gone.
        if group.state.withLock({ $0.isDropped }) { return }
        runningMerges.add(1)
        runningFlushes.add(1)
        let start = environment.clock.monotonicNanoseconds
        defer {
            runningFlushes.add(-1)
            runningMerges.add(-1)
            let spent = environment.clock.monotonicNanoseconds &- start
            counters.flushNanoseconds.add(Int(clamping: spent))
        }
        // A batch over several trees or regions must not become half durable: first the log, then the tables.
        try syncLog()
        // Protected from the sweeper: they stand in a manifest in the end, or nobody will ever refer to them.
        var begun: [Identifier] = []
        defer { pending.remove(begun) }
        var outputs: [UInt8: [TableHold]] = [:]
        var byteCount = 0
        for tree in trees {
            let files = try write(tree, of: group, &begun)
            byteCount += files.reduce(0) { $0 + Int(clamping: $1.byteCount) }
            outputs[tree.family] = files.map { TableHold($0) }
        }
        try install(group) { set, _ in
            trees.reduce(set) { set, tree in
                guard let now = set.tree(tree.family), let last = tree.frozen.first else {
                    return set
                }
                return set.replacing(
                    now.flushing(
                        tree.frozen, into: outputs[tree.family] ?? [],
                        sequence: last.lastSequence))
            }
        }
        counters.memtableBytes.add(-trees.reduce(0) { $0 + $1.frozenBytes })
        noteReserve()
        counters.flushes.add(trees.count)
        counters.flushWrittenBytes.add(byteCount)
        pacer.noteFlush(byteCount, nowNanoseconds: environment.clock.monotonicNanoseconds)
    }

    /// Writes a tree's frozen memtables to table files; `begun` takes in all files that were begun.
    private func write(_ tree: TreeVersion, of group: TreeGroup, _ begun: inout [Identifier])
        throws(SiltstoneError) -> [TableFile]
    {
        let cursor = MergeCursor(memtables: tree.frozen.map(\.slot.memtable), tables: [])
        let rule = RetentionRule(
            tree.options.settings, reach: .partial,
            nowMilliseconds: environment.clock.nowMilliseconds)
        var merge = CellMerge(rule)
        var writer = RunWriter(
            target(group.table), region: group.id, options: tree.options, fileBytesMax: .max)
        do throws(SiltstoneError) {
            try merge.copy(from: cursor, to: &writer) { false }
            try writer.finish()
        } catch {
            begun += writer.begun
            writer.abandon()
            throw noted(error)
        }
        begun += writer.begun
        return writer.files
    }

    /// Poisons the engine by a failure of storage; a full disk and damaged bytes are not one.
    func noted(_ error: SiltstoneError) -> SiltstoneError {
        switch error.code {
        case .storageFull, .corrupted, .cancelled, .closed, .notFound, .invalidArgument: error
        default: poison(error)
        }
    }

    /// Gives what waits in memory to the log device.
    func writeLog() throws(SiltstoneError) {
        try withLead { commit throws(SiltstoneError) in
            queue.setSlow(true)
            defer { queue.setSlow(false) }
            try commit.log.write(durably: false)
        }
    }

    /// Makes the log durable up to its end of now; others commit meanwhile.
    func syncLog() throws(SiltstoneError) {
        let (segments, reach) = try withLead { commit throws(SiltstoneError) in
            try commit.log.write(durably: false)
            return commit.log.unsynced
        }
        if segments.isEmpty { return }
        do throws(SiltstoneError) {
            for segment in segments { try segment.sync() }
        } catch {
            // The kernel may have dropped what it could not write: no later sync could be believed.
            throw poison(error)
        }
        withLead { $0.log.noteDurable(reach) }
    }

    /// Deletes the log segments that no memtable needs any more; others commit meanwhile.
    func trimLog() throws(SiltstoneError) {
        do throws(SiltstoneError) {
            let limit = try withLead { commit throws(SiltstoneError) -> UInt64? in
                if commit.log.failure != nil { return nil }
                // Asked for here: no region comes or goes while the lock is held.
                let oldest = groups.flatMap(\.set.trees).map(\.oldestSegment).min() ?? .max
                return try commit.log.trim(below: oldest)
            }
            guard let limit else { return }
            try logTrim.withLock { _ throws(SiltstoneError) in
                try environment.log.trim(incarnation, below: limit)
            }
        } catch {
            throw noted(error)
        }
    }

    /// Writes the next manifest of a region and makes its version the current one.
    ///
    /// - Parameters:
    ///   - changesFamilies: whether commits must be held off for the moment in which the version changes; for the disk they never
    ///     wait.
    ///   - edit: the change; called twice, with what is current, and must give the same files both times.
    /// - Returns: what was current before.
    @discardableResult
    func install(
        _ group: TreeGroup, isDropped: Bool = false, changesFamilies: Bool = false,
        _ edit: (TreeSet, _ lastSequence: UInt64) -> TreeSet
    ) throws(SiltstoneError) -> TreeSet {
        let (old, gone) = try group.manifestLock.withLock { _ throws(SiltstoneError) in
            try checkHasNotMoved(group)
            let lastSequence = group.lastSequence.load(ordering: .relaxed)
            let number: UInt64
            do throws(SiltstoneError) {
                number = try writeManifest(group, lastSequence, isDropped: isDropped, edit)
            } catch {
                throw noted(error)
            }
            guard changesFamilies else {
                return makeCurrent(group, manifest: number) { edit($0, lastSequence) }
            }
            return withLead { commit in
                commit.forgetViews()
                return makeCurrent(group, manifest: number) { edit($0, lastSequence) }
            }
        }
        // Nobody waits for this.
        noteDebt(of: group)
        for hold in gone { tables.forget(hold.file) }
        tables.blocks.epoch.reclaim(attempts: 200)
        return old
    }

    /// Throws when other regions took this one's place; its `manifestLock` is held.
    func checkHasNotMoved(_ group: TreeGroup) throws(SiltstoneError) {
        if group.hasMoved.load(ordering: .relaxed) {
            throw SiltstoneError(.notFound, "region was replaced region=\(group.id)")
        }
    }

    /// Makes the manifest durable that a region will have after `edit`, and returns its number.
    private func writeManifest(
        _ group: TreeGroup, _ lastSequence: UInt64, isDropped: Bool,
        _ edit: (TreeSet, _ lastSequence: UInt64) -> TreeSet
    ) throws(SiltstoneError) -> UInt64 {
        let manifest = group.state.withLock { state in
            RegionManifest(
                number: state.manifestNumber + 1, region: group.id, table: group.table,
                epoch: state.epoch, incarnation: incarnation,
                rows: RowClip(start: group.range.start, end: group.range.end),
                state: isDropped ? .dropped : .open,
                maxTimestamp: group.lastTimestamp.load(ordering: .relaxed),
                lastSequence: lastSequence,
                trees: edit(state.set, lastSequence).trees.map(\.manifestTree))
        }
        let key = RegionManifest.key(region: group.id, number: manifest.number)
        guard try environment.objects.putIfAbsent(key, manifest.encoded()) else {
            throw SiltstoneError(
                .conflict, "another owner wrote the region's manifest number=\(manifest.number)",
                at: .init(file: key))
        }
        return manifest.number
    }

    /// Makes a version current whose manifest is durable.
    ///
    /// - Returns: the one before, and the files that the region does not use any more.
    private func makeCurrent(
        _ group: TreeGroup, manifest number: UInt64, _ edit: (TreeSet) -> TreeSet
    ) -> (old: TreeSet, gone: [TableHold]) {
        let now = environment.clock.nowMilliseconds
        return group.state.withLock { state in
            let old = state.set
            state.set = edit(old)
            state.manifestNumber = number
            let gone = Self.removed(old, state.set)
            state.obsolete += gone.map {
                ObsoleteFile(
                    id: $0.file.id, key: $0.file.key, sinceMilliseconds: now, use: $0.use,
                    byteCount: $0.byteCount)
            }
            return (old, gone)
        }
    }

    private static func removed(_ old: TreeSet, _ new: TreeSet) -> [TableHold] {
        let kept = Set(new.trees.flatMap(\.tables).map(ObjectIdentifier.init))
        return old.trees.flatMap(\.tables).filter { !kept.contains(ObjectIdentifier($0)) }
    }
}
