internal import Synchronization

/// Walks over one version of a tree that nobody uses now: making one costs more than a seek.
///
/// Safe to use from any thread.
final class IdleWalks: Sendable {
    /// More are not kept.
    private static let countMax = 4

    // Safety: whoever takes the walk out is the only one to use it.
    private struct Idle: @unchecked Sendable {
        let walk: CellWalk
    }

    private struct State {
        var walks: [Idle] = []
        /// Whether `IdleVersions` knows of them.
        var isListed = false
    }

    private let state = Mutex(State())

    /// A walk, which is then the caller's alone.
    func take() -> CellWalk? { state.withLock { $0.walks.popLast() }?.walk }

    /// Takes a walk back that the caller will not use again.
    ///
    /// - Parameters:
    ///   - fileCount: how many files such a walk keeps open.
    ///   - versions: those that have idle walks, of which this is one now.
    func put(_ walk: CellWalk, fileCount: Int, among versions: IdleVersions) {
        walk.rest()
        let idle = Idle(walk: walk)
        let isListed = state.withLock { state in
            if state.walks.count < Self.countMax { state.walks.append(idle) }
            defer { state.isListed = true }
            return state.isListed
        }
        if !isListed { versions.add(self, fileCount: fileCount) }
    }

    /// Lets all of them go.
    fileprivate func drop() {
        // They are released after the lock.
        _ = state.withLock { state in
            defer { state = State() }
            return state.walks
        }
    }
}

/// The versions of trees that have idle walks: walks keep files open, so only those of the versions that
/// came last are kept.
final class IdleVersions: Sendable {
    private struct Entry {
        weak let walks: IdleWalks?
        let fileCount: Int
    }

    private struct State {
        /// In the order in which they came; those before `first` are gone.
        var entries: [Entry] = []
        var first = 0
        var fileCount = 0
    }

    private let fileCountMax: Int
    private let state = Mutex(State())

    /// None; the walks of one version may keep more than `fileCountMax` files open, those of several may not.
    init(fileCountMax: Int) { self.fileCountMax = fileCountMax }

    /// Takes note of a version's first idle walk, and lets the walks of others go for it.
    func add(_ walks: IdleWalks, fileCount: Int) {
        let gone = state.withLock { state in
            state.entries.append(Entry(walks: walks, fileCount: fileCount))
            state.fileCount += fileCount
            let before = state.first
            while state.fileCount > fileCountMax, state.first < state.entries.count - 1 {
                state.fileCount -= state.entries[state.first].fileCount
                state.first += 1
            }
            let gone = state.entries[before..<state.first]
            if state.first > 64, state.first > state.entries.count / 2 {
                state.entries.removeFirst(state.first)
                state.first = 0
            }
            return gone
        }
        for entry in gone { entry.walks?.drop() }
    }
}
