import Synchronization

/// Background work that runs only when told to, on the caller's thread.
package final class ManualWorkers: Workers {
    private struct State {
        var queues: [[@Sendable () -> Void]] = WorkPriority.allCases.map { _ in [] }
        var isShutDown = false
    }

    private let state = Mutex(State())
    private let random: (any RandomSource)?

    /// A queue that runs urgent jobs first and in order; with `random`, any waiting job may be next.
    package init(random: (any RandomSource)? = nil) { self.random = random }

    /// The number of jobs that wait.
    package var waitingCount: Int {
        state.withLock { state in state.queues.reduce(0) { $0 + $1.count } }
    }

    /// Puts a job into its queue.
    package func submit(_ priority: WorkPriority, _ job: @escaping @Sendable () -> Void) {
        state.withLock { state in
            if !state.isShutDown { state.queues[priority.rawValue].append(job) }
        }
    }

    /// Runs the next job, if there is one.
    ///
    /// - Returns: whether one ran.
    @discardableResult
    package func runOne() -> Bool {
        guard let job = takeNext() else { return false }
        job()
        return true
    }

    /// Runs jobs, and those that they submit, until none waits.
    ///
    /// - Returns: how many ran.
    @discardableResult
    package func runAll() -> Int {
        var count = 0
        while runOne() { count += 1 }
        return count
    }

    /// Runs everything.
    package func drain() { runAll() }

    /// Drops what waits and refuses more.
    package func shutDown() {
        state.withLock { state in
            state.isShutDown = true
            for index in state.queues.indices { state.queues[index] = [] }
        }
    }

    private func takeNext() -> (@Sendable () -> Void)? {
        let pick = random.map { $0.next() }
        return state.withLock { state in
            guard let pick else {
                guard let queue = state.queues.firstIndex(where: { !$0.isEmpty }) else {
                    return nil
                }
                return state.queues[queue].removeFirst()
            }
            let total = state.queues.reduce(0) { $0 + $1.count }
            guard total > 0 else { return nil }
            var index = Int(pick % UInt64(total))
            for queue in state.queues.indices {
                if index < state.queues[queue].count {
                    return state.queues[queue].remove(at: index)
                }
                index -= state.queues[queue].count
            }
            return nil
        }
    }
}
