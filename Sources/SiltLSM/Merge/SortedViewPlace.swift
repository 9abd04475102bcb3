internal import SiltFormat
internal import SiltIO
internal import Synchronization

/// Where a version of a tree keeps the sorted view of its table runs, which is made when seeks have paid for it.
///
/// A seek without the view costs more for each run beyond the first; making one costs so much for each cell. When seeks have
/// paid as much as the view costs, it is made: a version that soon gives way to another, as where much is written, has none,
/// and no workload pays more than twice. Safe to use from any thread.
final class SortedViewPlace: Sendable {
    /// How many cells a view passes, when it is made, in the time that it saves a seek for each run beyond the first.
    private static let cellsPerRun = 8
    /// Fewer seeks are not worth a job.
    private static let seekCountMin = 256

    /// After so many seeks the view is made.
    let price: Int
    private let seekCount = Atomic(0)
    private let filled = Atomic(false)
    private let state = Mutex<SortedView?>(nil)

    /// No view yet of some sources.
    init(_ sources: borrowing TreeSources) {
        let runCount = sources.runs.count + sources.levels.count
        if runCount < 2 || runCount > SortedView.runCountMax {
            price = .max
            return
        }
        var cellCount = 0
        for file in sources.runs { cellCount &+= Int(clamping: file.entryCount) }
        for level in sources.levels {
            for file in level { cellCount &+= Int(clamping: file.entryCount) }
        }
        price = max(Self.seekCountMin, cellCount / ((runCount - 1) * Self.cellsPerRun))
    }

    /// Counts a seek.
    ///
    /// - Returns: true for the one that makes the view due.
    @inline(__always)
    func countSeek() -> Bool {
        if price == .max || isFilled { return false }
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
    /// Asks a worker for the sorted view of a version's runs; it stops when the version is gone.
    func makeView(of tree: TreeVersion) {
        workers?.submit(.low) { [weak self, weak tree] in
            guard let self, let job = tree.map(ViewJob.init) else { return }
            // What cannot be read is reported by reads.
            let view = try? SortedView.make(of: job.runs, tables: self) {
                tree == nil || self.isClosed.load(ordering: .relaxed)
            }
            if let view { job.place.fill(view) }
            // The files may not be deleted meanwhile.
            withExtendedLifetime(job.holds) {}
        }
    }
}

/// What of a version is needed to make its view, without keeping it.
private struct ViewJob {
    let runs: [[TableFile]]
    let holds: [TableHold]
    let place: SortedViewPlace

    init(_ tree: TreeVersion) {
        runs = tree.sources.tableRuns(CursorOptions())
        holds = tree.tables
        place = tree.viewPlace
    }
}
