internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

extension Engine {
    /// Runs the most useful compaction of a region, if there is one that nobody is at.
    ///
    /// - Parameter byteCountMax: larger ones are left to others.
    /// - Returns: whether one ran.
    func compactOnce(_ group: TreeGroup, byteCountMax: Int = .max) throws(SiltstoneError) -> Bool {
        guard let claim = claim(group, byteCountMax) else { return false }
        defer { release(claim, of: group) }
        // What is left may be for another thread.
        scheduleCompaction(group)
        return try runUnlessReplaced(claim, in: group)
    }

    /// Merges each tree of a region into its lowest level.
    func compactAll(_ group: TreeGroup) throws(SiltstoneError) {
        defer { scheduleCompaction(group) }
        try group.compactionLock.withLock { _ throws(SiltstoneError) in
            waitForCompactions(of: group)
            for tree in group.set.trees {
                if isReplaced(group) { return }
                guard let job = planner.planAll(tree) else { continue }
                _ = try runUnlessReplaced(
                    CompactionClaim(
                        job, of: tree, reach: reach(of: job, in: tree), isUrgent: true),
                    in: group)
            }
        }
    }

    /// Merges the runs of level 0 of each tree of a region.
    func compactRuns(_ group: TreeGroup) throws(SiltstoneError) {
        try group.compactionLock.withLock { _ throws(SiltstoneError) in
            waitForCompactions(of: group)
            for tree in group.set.trees where tree.runs.count > 1 && !isReplaced(group) {
                let job = CompactionJob(inputs: tree.runs, outputLevel: 0, reachesBottom: false)
                let claim = CompactionClaim(
                    job, of: tree, reach: reach(of: job, in: tree), isUrgent: true)
                _ = try runUnlessReplaced(claim, in: group)
            }
        }
    }

    /// Waits until no compaction of a region runs; with its compaction lock held none begins.
    func waitForCompactions(of group: TreeGroup) {
        while group.state.withLock({ !$0.compactions.isEmpty }) {
            environment.clock.sleep(nanoseconds: 1_000_000)
        }
    }

    /// Whether there is a compaction that nobody is at.
    func hasCompaction(_ group: TreeGroup) -> Bool {
        let (set, claims, isFixed) = group.state.withLock { ($0.set, $0.compactions, $0.isFixed) }
        return !isFixed && set.trees.contains { plan($0, claims) != nil }
    }

    private func plan(_ tree: TreeVersion, _ claims: [CompactionClaim]) -> CompactionJob? {
        planner.plan(
            tree, running: claims.filter { $0.options.family == tree.family }.map(\.job),
            nowMilliseconds: environment.clock.nowMilliseconds)
    }

    private func claim(_ group: TreeGroup, _ byteCountMax: Int) -> CompactionClaim? {
        // Who holds the lock for long wants no compaction now.
        let found = group.compactionLock.withLockIfAvailable { _ -> CompactionClaim? in
            if isReplaced(group) { return nil }
            let (set, claims) = group.state.withLock { ($0.set, $0.compactions) }
            for tree in set.trees.sorted(by: { $0.runs.count > $1.runs.count }) {
                guard let job = plan(tree, claims), job.byteCount <= byteCountMax else { continue }
                let claim = CompactionClaim(
                    job, of: tree, reach: reach(of: job, in: tree))
                group.state.withLock { $0.compactions.append(claim) }
                return claim
            }
            return nil
        }
        return found ?? nil
    }

    /// How far a merge reaches, given what lies above its inputs.
    func reach(of job: CompactionJob, in tree: TreeVersion) -> RetentionRule.Reach {
        planner.reach(of: job, in: tree) { hold in
            // Of a file that cannot be opened now nothing is assumed.
            guard let reader = try? tables.reader(hold.file) else { return true }
            return reader.properties.versionMarkerCount > 0
        }
    }

    private func release(_ claim: CompactionClaim, of group: TreeGroup) {
        group.state.withLock { $0.compactions.removeAll { $0 === claim } }
    }

    private func isReplaced(_ group: TreeGroup) -> Bool {
        group.state.withLock {
            $0.isDropped || $0.isChanging || $0.isFixed || !$0.successors.isEmpty
        }
    }

    /// Runs a job; false when it was given up because the region is being replaced.
    private func runUnlessReplaced(_ claim: CompactionClaim, in group: TreeGroup)
        throws(SiltstoneError) -> Bool
    {
        do throws(SiltstoneError) {
            try run(claim, in: group)
            return true
        } catch {
            if error.code == .cancelled, isReplaced(group) { return false }
            throw error
        }
    }

    /// Runs a job and makes what came of it current.
    func run(_ claim: CompactionClaim, in group: TreeGroup) throws(SiltstoneError) {
        runningMerges.add(1)
        noteReserve()
        let start = environment.clock.monotonicNanoseconds
        defer {
            runningMerges.add(-1)
            let spent = environment.clock.monotonicNanoseconds &- start
            counters.compactionNanoseconds.add(Int(clamping: spent))
        }
        let job = claim.job
        var outputs: [TableHold] = []
        var begun: [Identifier] = []
        defer { pending.remove(begun) }
        switch job.kind {
        case .drop: break
        case .move: outputs = job.inputs
        case .merge:
            let parts = CompactionParts(cuts: try cuts(of: job))
            merge(parts, claim, group)
            let (made, failure) = parts.result
            begun = made.flatMap(\.begun)
            if let failure { throw failure }
            outputs = made.flatMap(\.files)
            counters.compactionReadBytes.add(job.byteCount)
            counters.compactionWrittenBytes.add(outputs.reduce(0) { $0 + $1.byteCount })
        }
        try install(group) { set, _ in
            guard let now = set.tree(claim.options.family) else { return set }
            return set.replacing(now.compacting(job, into: outputs))
        }
        counters.compactions.add(1)
    }

    /// The row prefixes at which a large merge is cut, so that several threads can work on it.
    private func cuts(of job: CompactionJob) throws(SiltstoneError) -> [[UInt8]] {
        let partCount = min(4, job.byteCount / (2 * options.tableFileBytes))
        guard job.isCut, partCount > 1 else { return [] }
        let step = max(1, job.byteCount / (1 << 20) / 256)
        var places: [(key: [UInt8], byteCount: Int)] = []
        for hold in job.inputs {
            let reader = try tables.reader(hold.file)
            var byteCount = 0
            for block in 0..<reader.blockCount {
                byteCount += reader.index.entry(block).storedByteCount
                if block % (64 * step) != 63 { continue }
                places.append(
                    (Array(RowBound.prefix(of: reader.index.separator(block))), byteCount))
                byteCount = 0
            }
        }
        places.sort { $0.key.lexicographicallyPrecedes($1.key) }
        let total = places.reduce(0) { $0 + $1.byteCount }
        var cuts: [[UInt8]] = []
        var passed = 0
        for place in places {
            passed += place.byteCount
            if cuts.count + 1 < partCount, passed * partCount >= total * (cuts.count + 1),
                place.key.last == 0, cuts.last != place.key
            {
                cuts.append(place.key)
            }
        }
        return cuts
    }

    private func merge(_ parts: CompactionParts, _ claim: CompactionClaim, _ group: TreeGroup) {
        // One moment, so that all parts follow the same rule.
        let now = environment.clock.nowMilliseconds
        let body: @Sendable ([UInt8]?, [UInt8]?) -> (CompactionParts.Output, SiltstoneError?) = {
            start, end in
            let rule = RetentionRule(
                claim.options.settings, reach: claim.reach, nowMilliseconds: now)
            return self.mergePart(claim, group, rule, from: start, upTo: end)
        }
        for _ in parts.cuts.prefix(1) { environment.workers.submit(.low) { parts.work(body) } }
        parts.work(body)
        parts.end()
        while parts.isRunning { environment.clock.sleep(nanoseconds: 1_000_000) }
    }

    private func mergePart(
        _ claim: CompactionClaim, _ group: TreeGroup, _ rule: consuming RetentionRule,
        from start: [UInt8]?, upTo end: [UInt8]?
    ) -> (CompactionParts.Output, SiltstoneError?) {
        var writer = RunWriter(
            target(group.table), region: group.id, options: claim.options,
            fileBytesMax: claim.job.isCut ? options.tableFileBytes : .max)
        writer.flattensSequences =
            claim.job.reachesBottom && claim.job.inputs.allSatisfy { !$0.hasMarkers }
        let cursor = MergeCursor(claim.sources, tables: tables)
        var merge = CellMerge(rule)
        do throws(SiltstoneError) {
            try merge.copy(from: cursor, to: &writer, start: start, end: end) {
                mustStop(claim, group)
            }
            try writer.finish()
            return (
                CompactionParts.Output(
                    files: writer.files.map { TableHold($0) }, begun: writer.begun), nil
            )
        } catch {
            writer.abandon()
            return (CompactionParts.Output(begun: writer.begun), noted(error))
        }
    }

    /// Asked after every few thousand cells of a merge: lets others go first, and says whether to give up.
    private func mustStop(_ claim: CompactionClaim, _ group: TreeGroup) -> Bool {
        if isClosing.load(ordering: .relaxed) { return true }
        let (isGone, isWaiting) = group.state.withLock { state in
            (
                state.isDropped || state.isChanging || !state.successors.isEmpty,
                state.compactionIsQueued && state.set.trees.contains { $0.runs.count >= 8 }
            )
        }
        if isGone { return true }
        guard options.runsMaintenance, !claim.isUrgent else { return false }
        if isWaiting, claim.takesOthers {
            // No thread is free, and runs pile up: a small job in between keeps reads and writes going.
            claim.takesOthers(false)
            _ = try? compactOnce(group, byteCountMax: claim.job.byteCount / 4)
            claim.takesOthers(true)
        }
        pause(claim)
        return false
    }

    /// Waits as long as flushes, and the rate of merges, ask for.
    private func pause(_ claim: CompactionClaim) {
        let clock = environment.clock
        if runningFlushes.value > 0, counters.memtableBytes.value > options.memtableBytesMax {
            clock.sleep(nanoseconds: 2_000_000)
        }
        let debt = Double(compactionDebt.value) / Double(max(1, options.compactionDebtBytes))
        let nanoseconds = pacer.pause(
            after: claim.sliceBytes, debt: debt, nowNanoseconds: clock.monotonicNanoseconds)
        // Shorter ones are made up for by the next.
        if nanoseconds > 500_000 { clock.sleep(nanoseconds: min(nanoseconds, 20_000_000)) }
    }
}

/// A compaction that a thread has taken on.
final class CompactionClaim: Sendable {
    let options: TreeOptions
    let job: CompactionJob
    /// How far it reaches, as of its beginning: what is written later is newer than everything.
    let reach: RetentionRule.Reach
    /// What it reads.
    ///
    /// The tree itself is not kept: its memtables would be, too, for as long as the merge takes.
    let sources: TreeSources
    /// Whether somebody waits for it: then it does not wait for others.
    let isUrgent: Bool
    /// What it writes between two questions whether to stop, about, in bytes.
    let sliceBytes: Int
    private let takes = Atomic(true)

    init(
        _ job: CompactionJob, of tree: TreeVersion, reach: RetentionRule.Reach,
        isUrgent: Bool = false
    ) {
        options = tree.options
        self.job = job
        self.reach = reach
        let inputs = Set(job.inputs.map(ObjectIdentifier.init))
        let chosen = { (files: [TableHold]) in
            files.filter { inputs.contains(ObjectIdentifier($0)) }.map(\.file)
        }
        sources = TreeSources(
            memtables: [], runs: chosen(tree.runs),
            levels: tree.levels.map(chosen).filter { !$0.isEmpty })
        self.isUrgent = isUrgent
        sliceBytes = job.byteCount / max(1, job.cellCount / CellMerge.sliceCellCount)
    }

    /// Whether it may run a smaller compaction in between; one at a time does.
    var takesOthers: Bool { takes.load(ordering: .relaxed) }

    func takesOthers(_ value: Bool) { takes.store(value, ordering: .relaxed) }
}
