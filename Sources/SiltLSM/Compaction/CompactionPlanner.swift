internal import SiltFormat

/// What one compaction reads and where its output goes.
struct CompactionJob: Sendable {
    /// The files read, newest first.
    let inputs: [TableHold]
    /// 0 for a run of level 0, else the level (1 is the first below).
    let outputLevel: Int
    /// Whether no older data of the keys lies outside the inputs.
    let reachesBottom: Bool
    /// Whether the output is cut into files of the size aimed at; runs of level 0 are not.
    var isCut: Bool { outputLevel > 0 }
    /// Whether the file need only change its level.
    var isMove: Bool { inputs.count == 1 && outputLevel > 1 && !inputs[0].hasMarkers }
}

/// Chooses compactions; pure: levels in, job out.
///
/// 1. Level 0 holds runs, newest first. From `runCountTrigger` on, neighbouring runs of similar size are merged into one (tiered),
///    so that writing costs little.
/// 2. When level 0 is large against level 1 (or holds too many runs), all of it is merged into the overlapping files of level 1.
/// 3. Below, level n+1 may be `sizeRatio` times level n; from a level beyond its size one file goes down into those it overlaps.
struct CompactionPlanner: Sendable {
    /// Runs of level 0 from which merging begins.
    var runCountTrigger = 4
    /// How much larger a level may be than the one above.
    var sizeRatio = 10
    /// The size aimed at for level 1, in bytes.
    var baseBytes: Int

    init(tableFileBytes: Int) { baseBytes = 4 * tableFileBytes }

    /// The most useful compaction now; `nil` when the tree is in shape.
    func plan(_ tree: TreeVersion) -> CompactionJob? {
        if tree.runs.count >= runCountTrigger { return planRuns(tree) }
        return planLevels(tree)
    }

    /// Everything of the tree into its lowest level; `nil` when there is nothing to merge.
    func planAll(_ tree: TreeVersion) -> CompactionJob? {
        let inputs = tree.tables
        guard !inputs.isEmpty else { return nil }
        return CompactionJob(
            inputs: inputs, outputLevel: max(1, tree.levels.count), reachesBottom: true)
    }

    /// The bytes that wait to be moved down: what level 0 and each level hold beyond their size.
    func debtBytes(_ tree: TreeVersion) -> Int {
        var debt = tree.runs.count >= runCountTrigger ? bytes(tree.runs) : 0
        for (index, level) in tree.levels.enumerated().dropLast() {
            debt += max(0, bytes(level) - targetBytes(index, tree))
        }
        return debt
    }

    /// How far the job's merge reaches, given what lies above its inputs.
    func reach(of job: CompactionJob, in tree: TreeVersion) -> RetentionRule.Reach {
        guard job.reachesBottom else { return .partial }
        var oldest = Int64.max
        var hasMarkers = false
        for memtable in tree.sources.memtables {
            oldest = min(oldest, memtable.minTimestamp)
            hasMarkers = hasMarkers || memtable.markerCount > 0
        }
        let inputs = Set(job.inputs.map(ObjectIdentifier.init))
        let above = tree.levels.prefix(max(0, job.outputLevel - 1)).map {
            overlapping($0, job.inputs)
        }
        for hold in tree.runs + above.joined() where !inputs.contains(ObjectIdentifier(hold)) {
            oldest = min(oldest, hold.file.minTimestamp)
            hasMarkers = hasMarkers || hold.hasMarkers
        }
        return .bottom(markersBefore: oldest, dropsVersions: !hasMarkers)
    }

    private func planRuns(_ tree: TreeVersion) -> CompactionJob {
        let total = bytes(tree.runs)
        let below = tree.levels.first.map(bytes) ?? 0
        // Deep enough to be worth rewriting what it overlaps, or merged so often that little is gained above.
        let isLargeEnough = total * 2 >= below || total >= baseBytes
        if !isLargeEnough, let similar = similarRuns(tree.runs) {
            return CompactionJob(inputs: similar, outputLevel: 0, reachesBottom: false)
        }
        let overlapped = tree.levels.isEmpty ? [] : overlapping(tree.levels[0], tree.runs)
        return CompactionJob(
            inputs: tree.runs + overlapped, outputLevel: 1,
            reachesBottom: nothingOverlaps(tree.levels.dropFirst(), tree.runs + overlapped))
    }

    /// The newest neighbouring runs of which none is larger than all before it together: at least three.
    private func similarRuns(_ runs: [TableHold]) -> [TableHold]? {
        var sum = 0
        var taken: [TableHold] = []
        for run in runs {
            if taken.count >= 2, run.byteCount > sum * 2 { break }
            taken.append(run)
            sum += run.byteCount
        }
        return taken.count >= 3 ? taken : nil
    }

    private func planLevels(_ tree: TreeVersion) -> CompactionJob? {
        // The level furthest beyond its size; the lowest may grow as it likes.
        var best: (index: Int, score: Double)?
        for (index, level) in tree.levels.enumerated() {
            let score = Double(bytes(level)) / Double(max(1, targetBytes(index, tree)))
            if score > 1, score > best?.score ?? 0 { best = (index, score) }
        }
        guard let index = best?.index else { return nil }
        let isLowest = index == tree.levels.count - 1
        // A lowest level gets another below it only once that would be worth a level of its own.
        if isLowest, bytes(tree.levels[index]) < targetBytes(index, tree) * 2 { return nil }
        let below = isLowest ? [] : tree.levels[index + 1]
        let file = tree.levels[index].min { left, right in
            cost(left, below) < cost(right, below)
        }
        guard let file else { return nil }
        let inputs = [file] + overlapping(below, [file])
        return CompactionJob(
            inputs: inputs, outputLevel: index + 2,
            reachesBottom: nothingOverlaps(tree.levels.dropFirst(index + 2), inputs))
    }

    /// Bytes rewritten below for each byte moved; files with many markers count as cheaper, since merging them frees space.
    private func cost(_ file: TableHold, _ below: [TableHold]) -> Double {
        let rewritten = Double(bytes(overlapping(below, [file])))
        let markers = Double(file.file.markerCount) / Double(max(1, file.file.entryCount))
        return rewritten / Double(max(1, file.byteCount)) * (1 - markers)
    }

    private func targetBytes(_ index: Int, _ tree: TreeVersion) -> Int {
        var target = baseBytes
        for _ in 0..<index {
            target = target.multipliedReportingOverflow(by: sizeRatio).partialValue
        }
        return target
    }

    private func bytes(_ files: [TableHold]) -> Int { files.reduce(0) { $0 + $1.byteCount } }

    private func nothingOverlaps(_ levels: ArraySlice<[TableHold]>, _ files: [TableHold]) -> Bool {
        levels.allSatisfy { overlapping($0, files).isEmpty }
    }

    /// The files of `level` whose key range, widened to whole rows, meets that of `files` together.
    private func overlapping(_ level: [TableHold], _ files: [TableHold]) -> [TableHold] {
        guard let first = files.map(\.file.smallest).min(by: { $0.lexicographicallyPrecedes($1) }),
            let last = files.map(\.file.largest).max(by: { $0.lexicographicallyPrecedes($1) })
        else { return [] }
        // Family markers mask a whole row, so rows decide, not cells.
        let low = RowBound.prefix(of: first)
        let high = RowBound.prefix(of: last)
        return level.filter { hold in
            !high.lexicographicallyPrecedes(RowBound.prefix(of: hold.file.smallest))
                && !RowBound.prefix(of: hold.file.largest).lexicographicallyPrecedes(low)
        }
    }
}

/// Where rows end within cell keys.
enum RowBound {
    /// The row prefix of a cell key: up to and with its first 00.
    static func prefix(of key: [UInt8]) -> ArraySlice<UInt8> {
        guard let end = key.firstIndex(of: 0) else { return key[...] }
        return key[...end]
    }
}
