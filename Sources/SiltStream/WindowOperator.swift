public import SiltModel

/// Event-time windows over keyed events, as a pure state machine: events and watermarks in, rows
/// out.
///
/// It knows no clock, disk or thread. Equal events in equal order give equal rows, however they are
/// split into batches and wherever the state is encoded and restored between.
///
/// How it works:
/// 1. Time is cut into panes that no window boundary divides; windows of equal or coarser grids
///    share panes. A key's events in a pane go to one slot, an index into arrays of accumulators.
/// 2. A chunk of events that can complete no window gets its slots in one loop; then each aggregate
///    runs over the chunk once. Other chunks are walked event by event.
/// 3. When the watermark reaches a window's last millisecond, the slots of its panes are merged by
///    key into rows. Panes go when no window over them takes events any more.
public struct WindowOperator: Sendable {
    /// The windows, all fed by one pass.
    public let windows: [WindowSpec]
    /// What is computed for each window.
    public let aggregates: [AggregateSpec]
    /// The rules of completeness.
    public let watermarkSpec: WatermarkSpec
    /// The keys of the events; `EventBatch.keyIDs` are ids of these.
    public var keys = KeyInterner()
    /// Whether rows carry their mergeable state.
    public var givesStates = false
    /// Whether events that only some of their windows refused are given as partial late events.
    public var givesPartialLateEvents = false

    var tracker = WatermarkTracker()
    var grids: [PaneGrid] = []
    var sessionStores: [SessionStore] = []
    var countStores: [CountStore] = []
    var allocator = SlotAllocator()
    /// What is accumulated: one for each aggregate, but for those that share one.
    var columns: [AccumulatorColumn]
    /// The column of each aggregate.
    let columnPlaces: [Int]
    /// How often late events made rows be given again, by window and key.
    var revisions: [WindowIdentity: [UInt32: UInt32]] = [:]
    /// The least watermark at which something fires or closes.
    var nextEvent = Int64.max
    /// Slots of the events since the last flush: one list a grid, then one a session window and
    /// one a count window.
    var buffers: [[UInt32]]
    /// Whether events may fall between all windows of a grid.
    let hasGaps: Bool
    /// The rank of each window's name, which orders rows.
    let nameRanks: [Int]
    /// Slots by key while panes are merged; all 0 in between.
    var mergeMap: [UInt32] = []

    /// An operator without events.
    ///
    /// - Throws: `invalidArgument` when a window or aggregate makes no sense, or a name occurs
    ///   twice.
    public init(windows: [WindowSpec], aggregates: [AggregateSpec], watermark: WatermarkSpec)
        throws(SiltstoneError)
    {
        try WindowOperator.check(
            windows, aggregates, lateness: watermark.allowedLatenessMilliseconds)
        self.windows = windows
        self.aggregates = aggregates
        self.watermarkSpec = watermark
        let accumulators = WindowOperator.accumulators(aggregates)
        columns = accumulators.columns
        columnPlaces = accumulators.places
        hasGaps = windows.contains { window in
            if case .hopping(let size, let slide, _) = window.shape { slide > size } else { false }
        }
        let sorted = windows.indices.sorted { windows[$0].name < windows[$1].name }
        var ranks = Array(repeating: 0, count: windows.count)
        for (rank, index) in sorted.enumerated() { ranks[index] = rank }
        nameRanks = ranks
        buffers = []
        makeStores()
        buffers = Array(repeating: [], count: grids.count + sessionStores.count + countStores.count)
        for index in columns.indices { columns[index].grow(to: 1) }
    }

    private static func check(
        _ windows: [WindowSpec], _ aggregates: [AggregateSpec], lateness: Int64
    ) throws(SiltstoneError) {
        for window in windows { try window.validate() }
        guard Set(windows.map(\.name)).count == windows.count else {
            throw SiltstoneError(.invalidArgument, "two windows have the same name")
        }
        guard Set(aggregates.map(\.name)).count == aggregates.count else {
            throw SiltstoneError(.invalidArgument, "two aggregates have the same name")
        }
        for aggregate in aggregates { try aggregate.validate() }
        for window in windows {
            guard let rank = window.rank else { continue }
            guard aggregates.contains(where: { $0.name == rank.aggregate }) else {
                throw SiltstoneError(
                    .invalidArgument,
                    "rank names no aggregate window=\(window.name) aggregate=\(rank.aggregate)")
            }
            guard lateness == 0 else {
                throw SiltstoneError(
                    .invalidArgument,
                    "ranked windows take no late events window=\(window.name)")
            }
        }
    }

    /// The accumulators, and which is whose: averages of what is summed, too, need none of their own.
    private static func accumulators(
        _ aggregates: [AggregateSpec]
    ) -> (columns: [AccumulatorColumn], places: [Int]) {
        var columns: [AccumulatorColumn] = []
        var places: [Int] = []
        for aggregate in aggregates {
            let shared =
                aggregate.function.isSum
                ? columns.firstIndex {
                    $0.spec.function.isSum && $0.spec.column == aggregate.column
                        && $0.spec.mask == aggregate.mask
                } : nil
            if shared == nil { columns.append(AccumulatorColumn(aggregate)) }
            places.append(shared ?? columns.count - 1)
        }
        return (columns, places)
    }

    /// Makes the grids, finest first: a window joins a grid that divides it into few enough panes.
    private mutating func makeStores() {
        let lateness = watermarkSpec.allowedLatenessMilliseconds
        var members: [PaneGrid.Member] = []
        for (index, window) in windows.enumerated() {
            if let geometry = WindowGeometry(window.shape) {
                members.append(PaneGrid.Member(windowIndex: index, geometry: geometry))
            } else if case .session(let gap, let maximum, let joins) = window.shape {
                sessionStores.append(
                    SessionStore(
                        windowIndex: index, gap: gap, maximum: maximum, joinsTouching: joins,
                        allowedLateness: lateness))
            } else if case .count(let size, let slide) = window.shape {
                countStores.append(CountStore(windowIndex: index, size: size, slide: slide))
            }
        }
        members.sort {
            ($0.geometry.paneSize, $0.windowIndex) < ($1.geometry.paneSize, $1.windowIndex)
        }
        for member in members {
            let fitting = grids.lastIndex { grid in
                grid.calendar == nil && member.geometry.calendar == nil
                    && member.geometry.fits(paneSize: grid.paneSize, offset: grid.paneOffset)
                    && (member.geometry.paneSize == grid.paneSize
                        || member.geometry.paneCount(paneSize: grid.paneSize) <= 64)
            }
            if let fitting {
                grids[fitting].members.append(member)
            } else {
                var grid = PaneGrid(
                    paneSize: member.geometry.paneSize, paneOffset: member.geometry.paneOffset,
                    calendar: member.geometry.calendar, allowedLateness: lateness)
                grid.members = [member]
                grids.append(grid)
            }
        }
    }

    /// The watermark: windows that end at or before it have fired.
    public var watermark: Int64 { tracker.watermark }

    /// The number of slots in use: one for each key in each pane, one for each session.
    public var openSlotCount: Int { allocator.liveCount }

    /// Announces a partition, so that its missing events hold the watermark back.
    public mutating func addPartition(_ partition: UInt32) { _ = tracker.place(of: partition) }

    /// Takes a partition out of the watermark's minimum until its next event or watermark.
    public mutating func setIdle(_ partition: UInt32, into output: inout WindowOutput) {
        let old = tracker.watermark
        tracker.setIdle(tracker.place(of: partition))
        fireIfDue(from: old, into: &output)
    }

    /// Forgets a partition: it holds the watermark back no longer, nor does the operator know where it was.
    public mutating func removePartition(_ partition: UInt32, into output: inout WindowOutput) {
        let old = tracker.watermark
        tracker.remove(partition)
        fireIfDue(from: old, into: &output)
    }

    /// Ends a partition: its watermark becomes infinite.
    public mutating func finishPartition(_ partition: UInt32, into output: inout WindowOutput) {
        advance(partition, to: .max, into: &output)
    }

    /// Moves the watermark of a partition up to an explicit one.
    public mutating func advance(
        _ partition: UInt32, to watermark: Int64, into output: inout WindowOutput
    ) {
        let old = tracker.watermark
        let place = tracker.place(of: partition)
        tracker.activate(place)
        tracker.raise(place, to: watermark)
        fireIfDue(from: old, into: &output)
    }

    /// Ends bounded input: all windows fire.
    public mutating func finish(into output: inout WindowOutput) {
        let old = tracker.watermark
        tracker.finish()
        fireIfDue(from: old, into: &output)
    }
}

/// A window of fixed bounds.
struct WindowIdentity: Hashable, Sendable {
    let windowIndex: Int
    let bounds: WindowGeometry.Bounds
}
