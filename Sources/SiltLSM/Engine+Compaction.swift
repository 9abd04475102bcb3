internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

extension Engine {
    /// Runs the most useful compaction of a region, if there is one.
    ///
    /// - Returns: whether one ran.
    func compactOnce(_ group: TreeGroup) throws(SiltstoneError) -> Bool {
        try group.compactionLock.withLock { _ throws(SiltstoneError) in
            if isReplaced(group) { return false }
            let trees = group.set.trees.sorted { $0.runs.count > $1.runs.count }
            for tree in trees {
                guard let job = planner.plan(tree) else { continue }
                return try runUnlessReplaced(job, of: tree, in: group)
            }
            return false
        }
    }

    /// Merges each tree of a region into its lowest level.
    func compactAll(_ group: TreeGroup) throws(SiltstoneError) {
        try group.compactionLock.withLock { _ throws(SiltstoneError) in
            for tree in group.set.trees {
                if isReplaced(group) { return }
                guard let job = planner.planAll(tree) else { continue }
                _ = try runUnlessReplaced(job, of: tree, in: group)
            }
        }
    }

    private func isReplaced(_ group: TreeGroup) -> Bool {
        group.state.withLock { $0.isChanging || !$0.successors.isEmpty }
    }

    /// Runs a job; false when it was given up because the region is being replaced.
    private func runUnlessReplaced(
        _ job: CompactionJob, of tree: TreeVersion, in group: TreeGroup
    ) throws(SiltstoneError) -> Bool {
        do throws(SiltstoneError) {
            try run(job, of: tree, in: group)
            return true
        } catch {
            if error.code == .cancelled, isReplaced(group) { return false }
            throw error
        }
    }

    private func run(_ job: CompactionJob, of tree: TreeVersion, in group: TreeGroup)
        throws(SiltstoneError)
    {
        runningMerges.add(1)
        defer { runningMerges.add(-1) }
        let writer = RunWriter(
            target(group.table), region: group.id, options: tree.options,
            fileBytesMax: job.isCut ? options.tableFileBytes : .max)
        defer { writer.release() }
        writer.flattensSequences = job.reachesBottom && job.inputs.allSatisfy { !$0.hasMarkers }
        var outputs = job.inputs
        if !job.isMove {
            try merge(job, of: tree, to: writer, group)
            outputs = writer.files.map { TableHold($0) }
            counters.compactionReadBytes.add(job.inputs.reduce(0) { $0 + $1.byteCount })
            counters.compactionWrittenBytes.add(writer.byteCount)
        }
        try install(group) { set, _ in
            guard let now = set.tree(tree.family) else { return set }
            return set.replacing(now.compacting(job, into: outputs))
        }
        counters.compactions.add(1)
    }

    private func merge(
        _ job: CompactionJob, of tree: TreeVersion, to writer: RunWriter, _ group: TreeGroup
    ) throws(SiltstoneError) {
        let inputs = Set(job.inputs.map(ObjectIdentifier.init))
        let chosen = { (files: [TableHold]) in
            files.filter { inputs.contains(ObjectIdentifier($0)) }.map(\.file)
        }
        let sources = TreeSources(
            memtables: [], runs: chosen(tree.runs),
            levels: tree.levels.map(chosen).filter { !$0.isEmpty })
        let cursor = MergeCursor(sources, tables: tables)
        let rule = RetentionRule(
            tree.options.settings, reach: planner.reach(of: job, in: tree),
            nowMilliseconds: environment.clock.nowMilliseconds)
        var merge = CellMerge(rule)
        do throws(SiltstoneError) {
            try merge.copy(from: cursor, to: writer) {
                isClosing.load(ordering: .relaxed)
                    || group.state.withLock { $0.isDropped || $0.isChanging }
            }
            try writer.finish()
        } catch {
            writer.abandon()
            throw noted(error)
        }
    }
}
