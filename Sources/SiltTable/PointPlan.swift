import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Synchronization

/// A projection of one column's newest value, resolved: what the commonest read needs, in one place.
///
/// Safety: the layout keeps the regions.
@safe
final class PointPlan: Sendable {
    /// The projection.
    let projection: Projection
    /// The column.
    let column: PlannedColumn
    /// The number of its family.
    let family: UInt8
    /// The family's time to live.
    let timeToLiveMilliseconds: Int64?
    /// The table.
    private let layout: TableLayout
    /// Its regions, to be looked at without counting references to them.
    private let regions: [Unmanaged<TreeGroup>]

    /// `nil` when more than the newest value of one column may be wanted.
    init?(_ projection: Projection, _ plan: ReadPlan, _ layout: TableLayout) {
        guard let column = plan.onlyColumn, !plan.isRaw, plan.timeRange == .all,
            min(plan.families[0].maxVersions, plan.families[0].family.settings.maxVersions) == 1
        else { return nil }
        self.projection = projection
        self.column = column
        self.layout = layout
        unsafe regions = layout.regions.map { unsafe Unmanaged.passUnretained($0) }
        family = plan.families[0].family.id
        timeToLiveMilliseconds = plan.families[0].family.settings.timeToLiveMilliseconds
    }

    /// The region that a row lies in; good as long as the plan.
    @inline(__always)
    func region(of row: Bytes) -> Unmanaged<TreeGroup> {
        let place = unsafe regions.count == 1 ? 0 : layout.regionIndex(of: row)
        return unsafe regions[place]
    }
}

/// The point plan used last, found without a lock.
///
/// Safety: the word owns a reference, which the epoch takes over when another comes.
@safe
final class RecentPointPlan: Sendable {
    /// What readers are in while they use the plan.
    let epoch: ReadEpoch
    /// All time that reads see.
    let clock: any Clock
    private let latencies: EngineLatencies
    private let current = unsafe Atomic<Unmanaged<PointPlan>?>(nil)
    private let offers = Atomic<UInt>(0)

    init(_ shared: SharedParts) {
        epoch = shared.engine.readEpoch
        clock = shared.clock
        latencies = shared.engine.latencies
    }

    // Safety: nobody refers to this any more, so nobody uses the plan.
    deinit { unsafe current.load(ordering: .acquiring)?.release() }

    /// The moment at which a get begins, or 0 when it is not timed; then no reference is counted.
    @inline(__always)
    func begin() -> UInt64 { EngineLatencies.isNextTimed() ? latencies.now : 0 }

    /// Ends what `begin` gave.
    @inline(__always)
    func end(_ start: UInt64) { if start != 0 { latencies.end(.get, start) } }

    /// The plan; good until the caller leaves the epoch that it is in.
    @inline(__always)
    func borrow() -> Unmanaged<PointPlan>? {
        unsafe current.load(ordering: .sequentiallyConsistent)
    }

    /// Whether a plan that was not found should come in: a program that reads with several
    /// projections by turns does not replace it each time.
    func wantsOffer() -> Bool {
        offers.wrappingAdd(1, ordering: .relaxed).oldValue % 16 == 0
    }

    /// Puts another plan, or none, in the place of the last.
    func replace(_ plan: PointPlan?) {
        // Safety: see above.
        let old = unsafe current.exchange(
            plan.map { unsafe Unmanaged.passRetained($0) }, ordering: .sequentiallyConsistent)
        if plan == nil { offers.store(0, ordering: .relaxed) }
        if let old = unsafe old { unsafe epoch.retire(old.takeRetainedValue()) }
    }
}
