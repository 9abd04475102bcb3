internal import Synchronization

/// Batches that wait to be committed, and who commits them.
///
/// The first to come leads: it commits its own batch together with those that came meanwhile, then hands the lead to the first that
/// waits. So one device write serves many, and batches commit in the order in which they came.
final class CommitQueue: Sendable {
    private enum Leader {
        case none
        /// A worker was asked to lead, or a waiting thread told to; it has not begun.
        case scheduled
        case running
    }

    private struct State {
        var waiting: [CommitRequest] = []
        var leader = Leader.none
        var isClosed = false
    }

    private let state = Mutex(State())
    /// The bytes that one device write takes together.
    private let groupBytesMax: Int

    init(groupBytesMax: Int) { self.groupBytesMax = groupBytesMax }

    /// Takes the lead for a batch that needs no place in the queue, because nobody waits and nobody leads.
    ///
    /// Who leads gives the lead up by `handOver`.
    func leadAlone() -> Bool {
        state.withLock { state in
            guard state.leader == .none, state.waiting.isEmpty, !state.isClosed else {
                return false
            }
            state.leader = .running
            return true
        }
    }

    /// What to do after `add`.
    enum Role {
        /// Lead now.
        case leads
        /// Somebody else will.
        case follows
        /// Ask a worker to lead.
        case schedules
        /// The queue was closed: the request is not in it.
        case refused
    }

    /// Adds a request; who brings one without a completion will wait or lead.
    func add(_ request: CommitRequest) -> Role {
        state.withLock { state in
            if state.isClosed { return .refused }
            let first = state.waiting.first
            state.waiting.append(request)
            if request.completion != nil {
                guard state.leader == .none else { return .follows }
                state.leader = .scheduled
                return .schedules
            }
            // A thread that is here leads at once, before a worker that was only asked to.
            let isForWorker = state.leader == .scheduled && first?.completion != nil
            if state.leader == .none || isForWorker {
                state.leader = .running
                return .leads
            }
            request.makeSignal()
            return .follows
        }
    }

    /// Takes the lead that was given to a worker or a waiting thread; false when somebody else took it.
    func takeLead() -> Bool {
        state.withLock { state in
            guard state.leader == .scheduled else { return false }
            state.leader = .running
            return true
        }
    }

    /// The requests to commit together, from the front; only for who leads.
    func takeGroup() -> [CommitRequest] {
        state.withLock { state in
            var bytes = 0
            var count = 0
            for request in state.waiting {
                if count > 0, bytes + request.byteCount > groupBytesMax { break }
                bytes += request.byteCount
                count += 1
            }
            if count == state.waiting.count {
                defer { state.waiting.removeAll(keepingCapacity: true) }
                return state.waiting
            }
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting[..<count])
        }
    }

    /// Gives up the lead.
    ///
    /// - Returns: the first request that waits: its thread or a worker must be told to lead.
    func handOver() -> CommitRequest? {
        state.withLock { state in
            guard let next = state.waiting.first else {
                state.leader = .none
                return nil
            }
            state.leader = .scheduled
            return next
        }
    }

    /// Refuses further requests.
    func close() { state.withLock { $0.isClosed = true } }

    /// Whether nothing waits and nobody leads.
    var isIdle: Bool { state.withLock { $0.waiting.isEmpty && $0.leader == .none } }
}
