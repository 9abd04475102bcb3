internal import SiltFormat
internal import SiltIO
internal import Synchronization

/// Where the versions of a tree with the same table runs keep the sorted view of these, which is made when seeks have paid
/// for it.
///
/// A seek without the view costs more for each run beyond the first; making one costs so much for each cell, on a worker. The
/// first view is made when seeks have paid an eighth of that: somebody waits for them, nobody for the worker. A view that gives
/// way to other runs before seeks made up for its cost doubles what is asked for the next, up to eight times the cost; one that
/// paid halves it. So where much is written there are soon none. Safe to use from any thread.
final class SortedViewPlace: Sendable {
    /// How many cells a view passes, when it is made, in the time that it saves a seek for each run beyond the first.
    private static let cellsPerRun = 12
    /// Of so many parts of the cost one is paid beforehand at least, and the cost so many times at most.
    private static let discountMax = 8
    private static let surchargeMax = 8
    /// Fewer seeks are not worth a job.
    private static let seekCountMin = 256

    /// After so many seeks the view has cost no more than it saved.
    private let cost: Int
    /// After so many seeks the view is made.
    let price: Int
    /// How much of the cost is asked for, in parts of `discountMax`.
    private let share: Int
    private let seekCount = Atomic(0)
    private let filled = Atomic(false)
    private let state = Mutex<SortedView?>(nil)

    /// No view yet of some sources, which come after those of another place.
    init(_ sources: borrowing TreeSources, after last: SortedViewPlace? = nil) {
        share = last?.nextShare ?? 1
        let runCount = sources.runs.count + sources.levels.count
        if runCount < 2 || runCount > SortedView.runCountMax {
            cost = .max
            price = .max
            return
        }
        var cellCount = 0
        for file in sources.runs { cellCount &+= Int(clamping: file.entryCount) }
        for level in sources.levels {
            for file in level { cellCount &+= Int(clamping: file.entryCount) }
        }
        cost = cellCount / ((runCount - 1) * Self.cellsPerRun)
        price = max(Self.seekCountMin, cost / Self.discountMax * share)
    }

    /// What of their cost views of the runs that come after these have to be paid.
    private var nextShare: Int {
        guard isFilled else { return share }
        // Both counts include what was paid before the view was there.
        let isWorth = seekCount.load(ordering: .relaxed) >= max(cost, Self.seekCountMin)
        return isWorth
            ? max(1, share / 2) : min(share * 2, Self.discountMax * Self.surchargeMax)
    }

    /// Counts a seek.
    ///
    /// - Returns: true for the one that makes the view due.
    @inline(__always)
    func countSeek() -> Bool {
        if price == .max { return false }
        if isFilled {
            // A count that is lost costs less than a locked addition.
            seekCount.store(seekCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            return false
        }
        return seekCount.add(1, ordering: .relaxed).newValue == price
    }

    /// Whether there is a view.
    @inline(__always)
    var isFilled: Bool { filled.load(ordering: .acquiring) }

    /// The view, when there is one.
    var view: SortedView? { isFilled ? state.withLock { $0 } : nil }

    /// Keeps a view for walks that are made from now on.
    func fill(_ view: SortedView) {
        state.withLock { $0 = view }
        filled.store(true, ordering: .releasing)
    }
}

extension TableCache {
    /// Asks a worker for the sorted view of a version's runs; it stops when no version has these any more.
    func makeView(of tree: TreeVersion) {
        let runs = tree.sources.tableRuns(CursorOptions())
        let holds = tree.tables
        workers?.submit(.low) { [weak self, weak place = tree.viewPlace] in
            guard let self, place != nil else { return }
            // What cannot be read is reported by reads.
            let view = try? SortedView.make(of: runs, tables: self) {
                place == nil || self.isClosed.load(ordering: .relaxed)
            }
            if let view { place?.fill(view) }
            // The files may not be deleted meanwhile.
            withExtendedLifetime(holds) {}
        }
    }
}
