internal import SiltFormat
internal import SiltModel

/// One tree at one moment; never changes.
///
/// A change makes another version, which shares what stayed.
final class TreeVersion: Sendable {
    /// The family and its settings.
    let options: TreeOptions
    /// The memtable that takes new cells.
    let active: MemtableSlot
    /// The memtables that wait for their flush, newest first.
    let frozen: [FrozenMemtable]
    /// Level 0: runs newest first, which may overlap.
    let runs: [TableHold]
    /// The levels below, from the top: disjoint files in key order.
    let levels: [[TableHold]]
    /// Every operation up to this sequence is in a table.
    let flushedSequence: UInt64
    /// The regions that are gone whose operations in the log may belong to this tree.
    let origins: [RegionManifest.Origin]
    /// The same without the bookkeeping, for cursors.
    let sources: TreeSources
    /// Walks that scans of this version left behind.
    let idleWalks = IdleWalks()
    /// The order of its table runs, once there is one; versions of the same runs share it.
    let viewPlace: SortedViewPlace
    /// What they found to be deleted.
    let gaps: DeletedGaps
    /// Whether a table holds a marker of a whole family.
    let familyMarkersInTables: Bool
    /// The same for point reads.
    let points: PointTree

    init(
        options: TreeOptions, active: MemtableSlot, frozen: [FrozenMemtable] = [],
        runs: [TableHold] = [],
        levels: [[TableHold]] = [], flushedSequence: UInt64 = 0,
        origins: [RegionManifest.Origin] = [], view: ViewOrigin = .none
    ) {
        self.options = options
        self.active = active
        self.frozen = frozen
        self.runs = runs
        self.levels = levels
        self.flushedSequence = flushedSequence
        self.origins = origins
        gaps = DeletedGaps(active: active.memtable)
        sources = TreeSources(
            memtables: [active.memtable] + frozen.map(\.slot.memtable), runs: runs.map(\.file),
            levels: levels.map { $0.map(\.file) })
        viewPlace =
            switch view {
            case .none: SortedViewPlace(sources)
            case .same(let place): place
            case .other(let place): SortedViewPlace(sources, after: place)
            }
        points = PointTree(
            memtables: [active.memtable] + frozen.map(\.slot.memtable), runs: runs, levels: levels)
        familyMarkersInTables = (runs + levels.joined()).contains { $0.file.familyMarkerCount > 0 }
    }

    /// The family's number.
    var family: UInt8 { options.family }

    /// Whether a marker of a whole family may be anywhere.
    var mayHaveFamilyMarkers: Bool { familyMarkersInTables || points.hasFamilyMarkersInMemory }

    /// All table files.
    var tables: [TableHold] { runs + levels.joined() }

    /// The bytes of all table files.
    var tableBytes: Int { tables.reduce(0) { $0 + $1.byteCount } }

    /// The bytes of memory of all memtables.
    var memtableBytes: Int {
        frozen.reduce(active.byteCount) { $0 + $1.slot.byteCount }
    }

    /// The oldest log segment that a crash would still need for this tree; `UInt64.max` for none.
    var oldestSegment: UInt64 {
        frozen.reduce(active.oldestSegment) { min($0, $1.slot.oldestSegment) }
    }

    /// The bytes of memory of the memtables that wait for their flush.
    var frozenBytes: Int { frozen.reduce(0) { $0 + $1.slot.byteCount } }

    /// This version with other settings.
    func with(options: TreeOptions) -> TreeVersion {
        TreeVersion(
            options: options, active: active, frozen: frozen, runs: runs, levels: levels,
            flushedSequence: flushedSequence, origins: origins, view: .same(viewPlace))
    }

    /// This version with its active memtable frozen and another one in its place.
    ///
    /// - Parameter originsLeft: what the log may still hold of other regions once it is flushed.
    func freezing(
        lastSequence: UInt64, next: MemtableSlot, originsLeft: [RegionManifest.Origin]
    ) -> TreeVersion {
        let memtable = FrozenMemtable(
            slot: active, lastSequence: lastSequence, originsLeft: originsLeft)
        return TreeVersion(
            options: options, active: next, frozen: [memtable] + frozen, runs: runs,
            levels: levels, flushedSequence: flushedSequence, origins: origins,
            view: .same(viewPlace))
    }

    /// This version after the frozen memtables in `flushed` became `runs` of level 0 (none when every cell was dropped).
    func flushing(_ flushed: [FrozenMemtable], into newRuns: [TableHold], sequence: UInt64)
        -> TreeVersion
    {
        TreeVersion(
            options: options, active: active,
            frozen: frozen.filter { item in !flushed.contains { $0.slot === item.slot } },
            runs: newRuns + runs, levels: levels, flushedSequence: max(flushedSequence, sequence),
            origins: flushed.first?.originsLeft ?? origins,
            view: newRuns.isEmpty ? .same(viewPlace) : .other(viewPlace))
    }

    /// This version after a compaction: its inputs are gone, its outputs stand where the job says.
    func compacting(_ job: CompactionJob, into outputs: [TableHold]) -> TreeVersion {
        var newRuns: [TableHold] = []
        var isPlaced = false
        for run in runs {
            guard job.inputs.contains(where: { $0 === run }) else {
                newRuns.append(run)
                continue
            }
            // A merge within level 0 takes neighbours; its output stands in their place.
            if job.outputLevel == 0, !isPlaced { newRuns += outputs }
            isPlaced = true
        }
        var newLevels = levels.map { level in
            level.filter { file in !job.inputs.contains { $0 === file } }
        }
        if job.outputLevel > 0 {
            while newLevels.count < job.outputLevel { newLevels.append([]) }
            let level = newLevels[job.outputLevel - 1] + outputs
            newLevels[job.outputLevel - 1] = level.sorted {
                $0.file.smallest.lexicographicallyPrecedes($1.file.smallest)
            }
        }
        while newLevels.last?.isEmpty == true { newLevels.removeLast() }
        return TreeVersion(
            options: options, active: active, frozen: frozen, runs: newRuns, levels: newLevels,
            flushedSequence: flushedSequence, origins: origins, view: .other(viewPlace))
    }
}

/// What a version of a tree has to do with a sorted view that was made or paid for before.
enum ViewOrigin {
    /// Nothing.
    case none
    /// It has the same runs.
    case same(SortedViewPlace)
    /// It comes after a version with other runs.
    case other(SortedViewPlace)
}

/// The trees of a region at one moment, by family.
final class TreeSet: Sendable {
    /// The trees, ascending by family.
    let trees: [TreeVersion]

    /// Their families.
    let families: FamilySet
    /// Whether a memtable waits for its flush.
    let hasFrozen: Bool
    /// The trees for point reads, which count no references.
    let points: PointTrees

    init(_ trees: [TreeVersion]) {
        self.trees = trees.sorted { $0.family < $1.family }
        var families = FamilySet()
        for tree in trees { families.insert(tree.family) }
        self.families = families
        points = PointTrees(self.trees)
        hasFrozen = trees.contains { !$0.frozen.isEmpty }
    }

    /// Whether a memtable is full or waits for its flush.
    func needsUpkeep(flushBytes: Int) -> Bool {
        if hasFrozen { return true }
        for index in trees.indices where trees[index].active.byteCount >= flushBytes {
            return true
        }
        return false
    }

    /// The tree of a family.
    func tree(_ family: UInt8) -> TreeVersion? { points.tree(family) }

    /// The place of a family's tree.
    func index(of family: UInt8) -> Int? {
        for index in trees.indices where trees[index].family == family { return index }
        return nil
    }

    /// The set with one tree replaced; unchanged when the family is gone.
    func replacing(_ tree: TreeVersion) -> TreeSet {
        TreeSet(trees.map { $0.family == tree.family ? tree : $0 })
    }
}
