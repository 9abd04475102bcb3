internal import SiltIO
internal import Synchronization

/// Batches that are committed and whose completions are still to be called.
///
/// Completions are called in the order of the batches, one at a time, and never with the lead held: they may commit and flush.
final class CommitCompletions: Sendable {
    private struct State {
        var requests: [CommitRequest] = []
        /// Whether a thread is calling them.
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Adds a batch whose result is there; only who leads adds, so the order is that of the commits.
    func add(_ request: CommitRequest) { state.withLock { $0.requests.append(request) } }

    /// Calls what is due, unless a thread is at it: that one calls these, too.
    func run() {
        var isFirst = true
        while true {
            let requests = state.withLock { state in
                if isFirst, state.isRunning { return [CommitRequest]() }
                defer { state.requests = [] }
                state.isRunning = !state.requests.isEmpty
                return state.requests
            }
            if requests.isEmpty { return }
            isFirst = false
            for request in requests { request.complete() }
        }
    }

    /// Whether all were called.
    var isIdle: Bool { state.withLock { !$0.isRunning && $0.requests.isEmpty } }
}
