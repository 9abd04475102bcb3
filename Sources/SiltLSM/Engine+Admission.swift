internal import SiltBytes
internal import SiltIO
package import SiltModel
internal import Synchronization

/// How commits are held back while memory fills or merges fall behind: a little, then more, before they wait, and a wait has an
/// end.
///
/// Pressure is 0 at what memtables (or the bytes to merge) should come to, 1 at what they may. In between commits are let through
/// at `(1 - pressure)` squared of a rate that no load reaches, so there is a pressure at which what comes in is what flushes and
/// merges carry away, and the load settles there. Commits stand in line for that rate, however many threads bring them, and each sleeps
/// until it would be its turn, but never for long: what it owes beyond is slept off by the commits after it.
extension Engine {
    /// The rate at no pressure, in bytes a second.
    private static let fullRate = 128e6
    /// Sleeps shorter than this are put together, longer ones cut, in nanoseconds.
    private static let sleepMin = 1_000_000
    private static let sleepMax = 10_000_000
    /// More than this is never owed, in nanoseconds.
    private static let owedMax = 50_000_000
    /// How long workers have to begin before a waiting commit does the work itself, in nanoseconds.
    private static let patience: UInt64 = 50_000_000

    /// Holds a commit back as the pressure asks.
    ///
    /// - Throws: `unavailable` before recovery; `overloaded` when there was no room for as long as a commit may wait.
    @inline(__always)
    package func admit(byteCount: Int) throws(SiltstoneError) {
        guard isReady.load(ordering: .acquiring) else {
            throw SiltstoneError(.unavailable, "recovery has not ended")
        }
        if isUnhindered { return }
        try holdBack(byteCount)
    }

    /// Whether there is no pressure at all.
    @inline(__always)
    var isUnhindered: Bool {
        counters.memtableBytes.value <= options.memtableBytesMax
            && compactionDebt.value <= options.compactionDebtBytes
    }

    /// How full memory is, or how far merges are behind: the worse of both; see above.
    var pressure: Double { max(memoryPressure, debtPressure) }

    private var memoryPressure: Double {
        Self.share(
            counters.memtableBytes.value, from: options.memtableBytesMax,
            to: options.memtableBytesLimit)
    }

    private var debtPressure: Double {
        Self.share(
            compactionDebt.value, from: options.compactionDebtBytes,
            to: 4 * options.compactionDebtBytes)
    }

    /// Whether it is memory that holds commits back, and not merges.
    private var isMemoryShort: Bool { memoryPressure >= debtPressure }

    private static func share(_ bytes: Int, from low: Int, to high: Int) -> Double {
        Double(max(0, bytes - low)) / Double(max(1, high - low))
    }

    private func holdBack(_ byteCount: Int) throws(SiltstoneError) {
        let pressure = pressure
        if pressure >= 1 { return try waitForRoom() }
        guard options.runsMaintenance else { return }
        let rate = Self.fullRate * (1 - pressure) * (1 - pressure)
        let cost = Double(byteCount) / rate * 1e9
        let wait = takeTurn(UInt64(min(cost, Double(Self.owedMax))))
        if wait < Self.sleepMin { return }
        let slept = min(wait, Self.sleepMax)
        counters.slowed.add(1)
        if isMemoryShort { counters.memorySlowed.add(1) }
        counters.slowedNanoseconds.add(slept)
        counters.longestStall.raise(to: slept)
        environment.clock.sleep(nanoseconds: UInt64(slept))
    }

    /// Takes a commit's turn in the line of those that are held back.
    ///
    /// - Returns: how long it is until then, in nanoseconds.
    private func takeTurn(_ cost: UInt64) -> Int {
        let now = environment.clock.monotonicNanoseconds
        var last = turnsTakenUntil.load(ordering: .relaxed)
        while true {
            let next = min(max(last, now) + cost, now + UInt64(Self.owedMax))
            let (isTaken, seen) = turnsTakenUntil.weakCompareExchange(
                expected: last, desired: next, ordering: .relaxed)
            if isTaken { return Int(clamping: next - now) }
            last = seen
        }
    }

    private func waitForRoom() throws(SiltstoneError) {
        if failure != nil { return }
        let clock = environment.clock
        let start = clock.monotonicNanoseconds
        counters.stalls.add(1)
        if isMemoryShort { counters.memoryStalls.add(1) }
        defer {
            let waited = Int(clamping: clock.monotonicNanoseconds &- start)
            counters.stallNanoseconds.add(waited)
            counters.longestStall.raise(to: waited)
        }
        var begun = start
        while pressure >= 1 {
            let now = clock.monotonicNanoseconds
            if now &- start > UInt64(options.admissionWaitMilliseconds) * 1_000_000 {
                counters.refused.add(1)
                throw SiltstoneError(.overloaded, "memory is full, try again")
            }
            // Somebody is at it, or should be soon.
            if options.runsMaintenance, isBeingRelieved {
                // Another thread works: this is a wait for it, whatever the clock does meanwhile.
                _ = Signal().wait(milliseconds: 2)
                continue
            }
            if options.runsMaintenance, now &- begun < Self.patience {
                clock.sleep(nanoseconds: 2_000_000)
                continue
            }
            guard try makeRoom() else { return }
            begun = clock.monotonicNanoseconds
        }
    }

    private var isMemoryFull: Bool { counters.memtableBytes.value >= options.memtableBytesLimit }

    /// Whether a thread is at what commits wait for.
    private var isBeingRelieved: Bool {
        isMemoryFull ? runningFlushes.value > 0 : runningMerges.value > runningFlushes.value
    }

    /// Flushes or merges on the calling thread; false when there is nothing to do.
    private func makeRoom() throws(SiltstoneError) -> Bool {
        if isMemoryFull {
            guard let group = fullest(by: \.memtableBytes) else { return false }
            if !group.set.trees.contains(where: { !$0.frozen.isEmpty }) {
                freeze(group) { _ in true }
            }
            try flushFrozen(group)
            return true
        }
        for group in groups where try compactOnce(group) { return true }
        return false
    }

    /// Runs of one tree beyond this many count as debt however small they are: reads ask every one of them.
    private static let runsFree = 32
    /// So many more of them slow commits, and four times as many hold them up.
    private static let runsOwed = 64

    /// Counts the bytes that a region waits to merge.
    func noteDebt(of group: TreeGroup) {
        let runBytes = options.runsMaintenance ? options.compactionDebtBytes / Self.runsOwed : 0
        let change = group.state.withLock { state in
            let debt =
                state.isDropped || state.isFixed || !state.successors.isEmpty
                ? 0
                : state.set.trees.reduce(0) { sum, tree in
                    sum + planner.debtBytes(tree) + max(0, tree.runs.count - Self.runsFree)
                        * runBytes
                }
            defer { state.debtBytes = debt }
            return debt - state.debtBytes
        }
        compactionDebt.add(change)
    }

    /// Tells the cache what to leave to memtables and merges, when that changed much and all memory is one budget.
    func noteReserve() {
        guard options.memoryBudgetBytes != nil else { return }
        // The segment that is written is mapped, and often the one before it, too.
        let bytes =
            counters.memtableBytes.value + runningMerges.value * options.mergeBytes
            + 2 * options.logSegmentBytes
        let change = bytes - notedReserve.value
        if change < 1 << 20, change > -(1 << 20) { return }
        notedReserve.store(bytes, ordering: .relaxed)
        tables.blocks.reserve(bytes)
    }
}
