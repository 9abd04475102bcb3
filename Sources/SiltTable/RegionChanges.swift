import Synchronization

/// What splits and merges cost the writers.
package final class RegionChanges: Sendable {
    private struct State {
        var pauses: [UInt64] = []
        var count = 0
    }

    /// So many pauses are remembered.
    private static let pausesMax = 4_096

    private let state = Mutex(State())

    /// How many splits and merges there were since the directory was opened.
    package var count: Int { state.withLock { $0.count } }

    /// How long writers waited for each of the last ones, in nanoseconds.
    package var pauseNanoseconds: [UInt64] { state.withLock { $0.pauses } }

    func note(pauseNanoseconds: UInt64) {
        state.withLock { state in
            if state.pauses.count < Self.pausesMax {
                state.pauses.append(pauseNanoseconds)
            } else {
                state.pauses[state.count % Self.pausesMax] = pauseNanoseconds
            }
            state.count += 1
        }
    }
}
