internal import SiltFormat
internal import SiltModel

/// Chooses compactions; pure: levels and running jobs in, job out.
///
/// 1. Files of which the time to live has passed altogether go, unread.
/// 2. Level 0 holds runs, newest first. From `runCountTrigger` on, neighbouring runs of similar size are merged into one (tiered),
///    so that writing costs little. When level 0 is large against level 1, all of it is merged into the overlapping files of level 1.
///    Runs that nothing older overlaps go down unread instead, as in a load in the order of keys.
///    With time windows, runs are merged by window instead, and nothing goes down.
/// 3. Below, level n+1 may be `sizeRatio` times level n; from a level beyond its size one file goes down into those it overlaps.
/// 4. Files that are mostly delete markers, or mostly past their time to live, are merged though no level is too large.
///
/// Jobs that run have their inputs for themselves, and one at a time writes to a level below 0.
struct CompactionPlanner: Sendable {
    /// Runs of level 0 from which merging begins.
    var runCountTrigger = 4
    /// How much larger a level may be than the one above.
    var sizeRatio = 10
    /// The size aimed at for level 1, in bytes.
    var baseBytes: Int
    /// The share of markers, or of cells past their time, from which a file is merged for their sake.
    var uselessShare = 0.25
    /// Fewer markers than this are no trouble.
    var markerCountMin = 1_000

    init(tableFileBytes: Int) { baseBytes = 4 * tableFileBytes }

    /// The most useful compaction now; `nil` when the tree is in shape, or all that is not is being worked on.
    ///
    /// - Parameters:
    ///   - running: the tree's jobs that run.
    ///   - nowMilliseconds: the time, for times to live and windows.
    func plan(_ tree: TreeVersion, running: [CompactionJob] = [], nowMilliseconds now: Int64)
        -> CompactionJob?
    {
        let busy = BusyFiles(running)
        if let job = planExpired(tree, busy, now) { return job }
        if let window = TimeWindow(tree.options.settings) {
            return planWindows(tree, busy, window, now) ?? planClipped(tree, busy)
        }
        if tree.runs.count >= runCountTrigger,
            let job = planMoves(tree, busy) ?? planRuns(tree, busy)
        {
            return job
        }
        return planLevels(tree, busy) ?? planUseless(tree, busy, now) ?? planClipped(tree, busy)
    }

    /// A file of which a region uses only a part, into one of its own.
    private func planClipped(_ tree: TreeVersion, _ busy: BusyFiles) -> CompactionJob? {
        for (level, files) in ([tree.runs] + tree.levels).enumerated() {
            if level > 0, busy.outputLevels.contains(level) { continue }
            if let file = files.first(where: { $0.file.clip != nil && !busy.contains($0) }) {
                return CompactionJob(inputs: [file], outputLevel: level, reachesBottom: false)
            }
        }
        return nil
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
        if let window = TimeWindow(tree.options.settings) {
            let windows = Dictionary(grouping: tree.runs) { window.number($0.file.maxTimestamp) }
            return windows.values.reduce(0) { sum, runs in
                sum + (runs.count >= runCountTrigger ? bytes(runs) : 0)
            }
        }
        var debt = tree.runs.count >= runCountTrigger ? bytes(tree.runs) : 0
        for (index, level) in tree.levels.enumerated().dropLast() {
            debt += max(0, bytes(level) - targetBytes(index))
        }
        return debt
    }

    /// How far the job's merge reaches, given what lies above its inputs.
    ///
    /// Of the markers above only those of one version can bring an older version back: one of a column or family that masks a version
    /// masks all that are older.
    ///
    /// - Parameter deletesVersions: whether a file with markers may have such.
    func reach(
        of job: CompactionJob, in tree: TreeVersion, deletesVersions: (TableHold) -> Bool
    ) -> RetentionRule.Reach {
        guard job.reachesBottom else { return .partial }
        let above = holds(above: job, in: tree)
        let keepsVersions =
            tree.sources.memtables.contains { $0.versionMarkerCount > 0 }
            || above.contains { $0.hasMarkers && deletesVersions($0) }
        return .bottom(
            markersBefore: oldestTimestamp(above, in: tree), dropsVersions: !keepsVersions)
    }

    /// The files of the tree that are newer than a job's inputs and may hold the same keys.
    private func holds(above job: CompactionJob, in tree: TreeVersion) -> [TableHold] {
        let inputs = Set(job.inputs.map(ObjectIdentifier.init))
        let above = tree.levels.prefix(max(0, job.outputLevel - 1)).map {
            overlapping($0, job.inputs)
        }
        return (tree.runs + above.joined()).filter { !inputs.contains(ObjectIdentifier($0)) }
    }

    private func oldestTimestamp(_ above: [TableHold], in tree: TreeVersion) -> Int64 {
        let memtables = tree.sources.memtables.map(\.minTimestamp)
        return (memtables + above.map(\.file.minTimestamp)).min() ?? .max
    }

    /// Runs that neither an older run nor level 1 overlaps, down as they are; `nil` when they are not half of the runs.
    private func planMoves(_ tree: TreeVersion, _ busy: BusyFiles) -> CompactionJob? {
        if busy.outputLevels.contains(1) { return nil }
        var moved: [TableHold] = []
        var below = tree.levels.first ?? []
        for run in tree.runs.reversed() {
            let isWorthAFile = run.byteCount * 16 >= baseBytes
            if isWorthAFile, !run.hasMarkers, run.file.clip == nil, !busy.contains(run),
                overlapping(below, [run]).isEmpty
            {
                moved.append(run)
            }
            // What stays is older than what follows, so it may not be passed.
            below.append(run)
        }
        if moved.count * 2 < tree.runs.count { return nil }
        return CompactionJob(
            kind: .move, inputs: moved.reversed(), outputLevel: 1, reachesBottom: false)
    }

    private func planRuns(_ tree: TreeVersion, _ busy: BusyFiles) -> CompactionJob? {
        let free = Array(tree.runs.prefix { !busy.contains($0) })
        guard free.count == tree.runs.count, !busy.outputLevels.contains(1) else {
            // The older runs are on their way down: what came since is kept few.
            return free.count >= runCountTrigger ? mergeSimilar(free) : nil
        }
        let total = bytes(free)
        let below = tree.levels.first.map(bytes) ?? 0
        // Deep enough to be worth rewriting what it overlaps, or merged so often that little is gained above.
        let isLargeEnough = total * 2 >= below || total >= baseBytes
        if !isLargeEnough, let job = mergeSimilar(free) { return job }
        return intoFirstLevel(tree, busy) ?? mergeSimilar(free)
    }

    /// All runs into the overlapping files of level 1; `nil` while some of those are busy.
    private func intoFirstLevel(_ tree: TreeVersion, _ busy: BusyFiles) -> CompactionJob? {
        let overlapped = tree.levels.first.map { overlapping($0, tree.runs) } ?? []
        let inputs = tree.runs + overlapped
        if busy.outputLevels.contains(1) || inputs.contains(where: busy.contains) { return nil }
        return .down(
            inputs, to: 1, reachesBottom: nothingOverlaps(tree.levels.dropFirst(), inputs))
    }

    /// The newest neighbouring runs of which none is larger than all before it together: at least three.
    private func mergeSimilar(_ runs: [TableHold]) -> CompactionJob? {
        var sum = 0
        var taken: [TableHold] = []
        for run in runs {
            if taken.count >= 2, run.byteCount > sum * 2 { break }
            taken.append(run)
            sum += run.byteCount
        }
        if taken.count < 3 { return nil }
        return CompactionJob(inputs: taken, outputLevel: 0, reachesBottom: false)
    }

    private func planLevels(_ tree: TreeVersion, _ busy: BusyFiles) -> CompactionJob? {
        // The level furthest beyond its size; the lowest may grow as it likes.
        var best: (index: Int, score: Double)?
        for (index, level) in tree.levels.enumerated() {
            let score = Double(bytes(level)) / Double(max(1, targetBytes(index)))
            let isFree = !busy.outputLevels.contains(index + 2)
            if isFree, score > 1, score > best?.score ?? 0 { best = (index, score) }
        }
        guard let index = best?.index else { return nil }
        let isLowest = index == tree.levels.count - 1
        // A lowest level gets another below it only once that would be worth a level of its own.
        if isLowest, bytes(tree.levels[index]) < targetBytes(index) * 2 { return nil }
        return intoNextLevel(tree, busy, index) { _ in true }
    }

    /// The cheapest file of a level that `isWanted` into those it overlaps in the level below.
    private func intoNextLevel(
        _ tree: TreeVersion, _ busy: BusyFiles, _ index: Int, _ isWanted: (TableHold) -> Bool
    ) -> CompactionJob? {
        let below = index + 1 < tree.levels.count ? tree.levels[index + 1] : []
        var best: (inputs: [TableHold], cost: Double)?
        for file in tree.levels[index] where !busy.contains(file) && isWanted(file) {
            let inputs = [file] + overlapping(below, [file])
            let cost = cost(inputs)
            if cost >= best?.cost ?? .infinity || inputs.contains(where: busy.contains) { continue }
            best = (inputs, cost)
        }
        guard let inputs = best?.inputs else { return nil }
        return .down(
            inputs, to: index + 2,
            reachesBottom: nothingOverlaps(tree.levels.dropFirst(index + 2), inputs))
    }

    /// Bytes rewritten below for each byte moved; files with many markers count as cheaper, since merging them frees space.
    private func cost(_ inputs: [TableHold]) -> Double {
        let rewritten = Double(bytes(Array(inputs.dropFirst())))
        return rewritten / Double(max(1, inputs[0].byteCount)) * (1 - markerShare(inputs[0]))
    }

    private func markerShare(_ hold: TableHold) -> Double {
        Double(hold.file.markerCount) / Double(max(1, hold.file.entryCount))
    }

    private func targetBytes(_ index: Int) -> Int {
        var target = baseBytes
        for _ in 0..<index {
            let (product, overflow) = target.multipliedReportingOverflow(by: sizeRatio)
            target = overflow ? .max : product
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

/// What makes files worth a merge beside their size: times to live, windows, markers.
extension CompactionPlanner {
    /// The time stamp below which no cell of the family can be read any more; `nil` when cells stay, whatever their age.
    private func oldestReadable(_ settings: Family, _ now: Int64) -> Int64? {
        guard let timeToLive = settings.timeToLiveMilliseconds, settings.minVersions == 0,
            settings.keepDeletedCells != .yes
        else { return nil }
        let (oldest, overflow) = now.subtractingReportingOverflow(timeToLive)
        return overflow ? nil : oldest
    }

    /// Files of which every cell is past its time, markers included: what those mask is older still.
    private func planExpired(_ tree: TreeVersion, _ busy: BusyFiles, _ now: Int64)
        -> CompactionJob?
    {
        guard let oldest = oldestReadable(tree.options.settings, now) else { return nil }
        let inputs = tree.tables.filter {
            $0.file.entryCount > 0 && $0.file.maxTimestamp < oldest && !busy.contains($0)
        }
        if inputs.isEmpty { return nil }
        return CompactionJob(kind: .drop, inputs: inputs, outputLevel: 0, reachesBottom: false)
    }

    /// Runs by the window of their latest cell: those of the newest window as they come, those of a window that is over once more, into one.
    private func planWindows(
        _ tree: TreeVersion, _ busy: BusyFiles, _ window: TimeWindow, _ now: Int64
    ) -> CompactionJob? {
        let free = tree.runs.filter { !busy.contains($0) }
        let windows = Dictionary(grouping: free) { window.number($0.file.maxTimestamp) }
        for (number, runs) in windows.sorted(by: { $0.key > $1.key }) {
            if number >= window.number(now) {
                if runs.count >= runCountTrigger, let job = mergeSimilar(runs) { return job }
            } else if runs.count > 1 {
                return CompactionJob(inputs: runs, outputLevel: 0, reachesBottom: false)
            }
        }
        return nil
    }

    private func planUseless(_ tree: TreeVersion, _ busy: BusyFiles, _ now: Int64)
        -> CompactionJob?
    {
        let markers = tree.runs.reduce(0) { $0 + Int(clamping: $1.file.markerCount) }
        let cells = tree.runs.reduce(0) { $0 + Int(clamping: $1.file.entryCount) }
        if markers >= markerCountMin, Double(markers) >= uselessShare * Double(cells),
            tree.options.settings.keepDeletedCells == .no,
            let job = intoFirstLevel(tree, busy)
        {
            return job
        }
        for index in tree.levels.indices {
            let isLowest = index == tree.levels.count - 1
            if !isLowest, !busy.outputLevels.contains(index + 2),
                let job = intoNextLevel(tree, busy, index, isMostlyMarkers)
            {
                return job
            }
            for file in tree.levels[index]
            where !busy.contains(file) && !busy.outputLevels.contains(index + 1) {
                let job = CompactionJob(
                    inputs: [file], outputLevel: index + 1, reachesBottom: isLowest)
                if isMostlyExpired(file, tree, now)
                    || isLowest && isMostlyMarkers(file) && canLoseMarkers(job, file, tree)
                {
                    return job
                }
            }
        }
        return nil
    }

    private func isMostlyMarkers(_ hold: TableHold) -> Bool {
        hold.file.markerCount >= UInt64(markerCountMin) && markerShare(hold) >= uselessShare
    }

    /// Whether a merge of the file alone would drop all of its markers: otherwise it would be merged again and again.
    private func canLoseMarkers(_ job: CompactionJob, _ hold: TableHold, _ tree: TreeVersion)
        -> Bool
    {
        tree.options.settings.keepDeletedCells == .no
            && hold.file.maxTimestamp < oldestTimestamp(holds(above: job, in: tree), in: tree)
    }

    /// Whether half of the file's span of time is past; once merged it has no such cells.
    private func isMostlyExpired(_ hold: TableHold, _ tree: TreeVersion, _ now: Int64) -> Bool {
        guard let oldest = oldestReadable(tree.options.settings, now), !hold.hasMarkers,
            hold.file.entryCount > 0
        else { return false }
        let span = Double(hold.file.maxTimestamp) - Double(hold.file.minTimestamp)
        let past = Double(oldest) - Double(hold.file.minTimestamp)
        return past > 0 && span > 0 && past / span >= 0.5
    }
}

/// What running jobs have for themselves.
struct BusyFiles {
    private let inputs: Set<ObjectIdentifier>
    /// The levels below 0 that they write to.
    let outputLevels: Set<Int>

    init(_ jobs: [CompactionJob]) {
        inputs = Set(jobs.flatMap { $0.inputs.map(ObjectIdentifier.init) })
        outputLevels = Set(jobs.map(\.outputLevel).filter { $0 > 0 })
    }

    /// Whether a job reads the file.
    func contains(_ hold: TableHold) -> Bool { inputs.contains(ObjectIdentifier(hold)) }
}

/// The windows of time by which the runs of a family are kept apart.
struct TimeWindow {
    /// The family's attribute that asks for them: how long a window is, in milliseconds.
    static let attribute = "COMPACTION_WINDOW_MILLISECONDS"

    private let milliseconds: Int64

    /// The windows of a family; `nil` when it asks for none.
    init?(_ settings: Family) {
        guard let text = settings.attributes[Self.attribute], let value = Int64(text), value > 0
        else { return nil }
        milliseconds = value
    }

    /// The window in which a moment lies.
    func number(_ timestamp: Int64) -> Int64 {
        let (quotient, remainder) = timestamp.quotientAndRemainder(dividingBy: milliseconds)
        return remainder < 0 ? quotient - 1 : quotient
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
