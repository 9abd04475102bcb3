package import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

/// Regions that hold what others held at one moment: snapshots of tables, and what is made of them.
///
/// No cell is rewritten. The new regions refer to the same files, which the sweeper keeps for as long as any
/// region does.
extension Engine {
    /// Makes regions that hold what others hold at one moment, the same for all of them.
    ///
    /// 1. What is in memory is flushed, so that little is left.
    /// 2. No flush may begin any more; the memtables of all regions are set aside at one moment, with the commit
    ///    lock held: that is the cut.
    /// 3. They are flushed. Each region's files now hold all that was visible at the cut and nothing later:
    ///    merges change files, but never what they hold.
    /// 4. The new regions get manifests that name those files. Until a schema names the regions they are nobody's.
    ///
    /// Readers and writers go on all the time. The caller sees to it that nobody replaces or drops the regions.
    ///
    /// - Parameters:
    ///   - groups: the regions.
    ///   - table: whose the new regions are.
    ///   - isFixed: whether the new regions stay as they are: they are neither written nor merged.
    package func copies(of groups: [TreeGroup], for table: Identifier, isFixed: Bool)
        throws(SiltstoneError) -> [TreeGroup]
    {
        try checkOpen()
        for group in groups { try flush(group) }
        var sets: [TreeSet] = []
        try withoutFlushes(of: groups) { () throws(SiltstoneError) in
            // What others set aside from here on waits: it is later than the cut.
            let cut = freezeTogether(groups)
            for (group, set) in zip(groups, cut) {
                try flushSetAside(group, set)
                sets.append(group.set)
            }
        }
        try trimLog()
        var made: [TreeGroup] = []
        do throws(SiltstoneError) {
            for (group, set) in zip(groups, sets) {
                made.append(try copy(group, set, for: table, isFixed: isFixed))
            }
        } catch {
            // No schema names them; the first failure is what counts.
            for group in made { try? dropGroup(group) }
            throw error
        }
        return made
    }

    /// Runs `body` while no flush of the regions can begin.
    private func withoutFlushes(
        of groups: [TreeGroup], _ body: () throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) {
        // One after the other, not one in the other: a table may have thousands.
        for group in groups { group.lockFlushes() }
        defer { for group in groups { group.unlockFlushes() } }
        try body()
    }

    /// Makes a region of another's files; its first manifest is durable on return.
    private func copy(_ group: TreeGroup, _ set: TreeSet, for table: Identifier, isFixed: Bool)
        throws(SiltstoneError) -> TreeGroup
    {
        let id = environment.makeIdentifier()
        let epoch = try environment.coordinator.claim(region: id, above: 0)
        let trees = set.trees.map { tree in
            TreeVersion(
                options: tree.options, active: MemtableSlot(capacityBytes: memtableCapacityBytes),
                runs: tree.runs.map { TableHold($0.file, use: $0.use) },
                levels: tree.levels.map { $0.map { TableHold($0.file, use: $0.use) } },
                flushedSequence: tree.flushedSequence)
        }
        let files = trees.flatMap(\.tables).map(\.file)
        let sequence = trees.reduce(files.reduce(0) { max($0, $1.maxSequence) }) {
            max($0, $1.flushedSequence)
        }
        let made = TreeGroup(
            id: id, table: table, range: group.range, engine: self, lastSequence: sequence,
            lastTimestamp: group.lastTimestamp.load(ordering: .relaxed),
            state: TreeGroup.State(
                set: TreeSet(trees), manifestNumber: 0, epoch: epoch, isFixed: isFixed))
        // The sweeper leaves the manifest alone until the region is known.
        pending.insert(id)
        defer { pending.remove([id]) }
        try install(made) { set, _ in set }
        try register(made)
        return made
    }
}
