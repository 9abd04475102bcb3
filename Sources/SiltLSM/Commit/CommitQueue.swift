internal import CSiltstone
internal import SiltIO
internal import Synchronization

/// Who commits, and the batches that wait for it.
///
/// The lead is a lock on the commit state: the log, the room of a round, and which memtables are active.
///
/// 1. Who finds the lead free and nobody waiting takes it by one atomic exchange, commits and gives it back by another.
/// 2. Who finds it taken tries again for about as long as a commit in memory takes, unless the device is being waited for. Then
///    it queues up and sleeps.
/// 3. Who leads commits, after its own batch, those that wait: one device write serves many, and nobody must wake up first. When
///    it has done its share, or the device must be waited for again, it hands the lead to the first that waits.
///
/// Batches commit in the order in which they queued up.
// Safety: `state` is touched only by the thread that leads; taking and giving back the lead is an acquiring and a releasing
// operation on `lead`, handing it over a signal.
@safe final class CommitQueue: @unchecked Sendable {
    /// What `lead` holds.
    private enum Lead {
        static let free = 0
        static let taken = 1
        /// Taken, by a thread that waits for the device.
        static let slow = 2
    }

    private struct Waiting {
        var requests: [CommitRequest] = []
        /// Whether a worker was asked to lead and has not come.
        var isScheduled = false
        var isClosed = false
    }

    /// How often a thread looks for the lead before it sleeps.
    private static let attemptsMax = 120
    /// Added to `waitingCount` by `close`.
    private static let closedMark = 1 << 40

    private let lead = Atomic(Lead.free)
    private let waitingCount = Atomic(0)
    private let waiting = Mutex(Waiting())
    /// The bytes that one device write takes together.
    private let groupBytesMax: Int
    private let state: UnsafeMutablePointer<CommitState>

    init(_ initial: consuming CommitState, groupBytesMax: Int) {
        self.groupBytesMax = groupBytesMax
        // Safety: freed once, in deinit.
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: initial)
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Lends what the lead guards; only for who leads.
    @inline(__always)
    func withState<Value, Failure: Error>(
        _ body: (inout CommitState) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        // Safety: one thread leads, and it asks once at a time.
        try unsafe body(&state.pointee)
    }

    /// Takes the lead when it is free and nobody waits for it.
    @inline(__always)
    func tryLead() -> Bool {
        guard waitingCount.load(ordering: .relaxed) == 0,
            lead.load(ordering: .relaxed) == Lead.free
        else { return false }
        return lead.compareExchange(
            expected: Lead.free, desired: Lead.taken, ordering: .acquiring
        ).exchanged
    }

    /// Takes the lead if it can be had soon; then `release` gives it up.
    @inline(__always)
    func takeLead() -> Bool { tryLead() || tryLeadAgain() }

    private func tryLeadAgain() -> Bool {
        for _ in 0..<Self.attemptsMax {
            if tryLead() { return true }
            if lead.load(ordering: .relaxed) == Lead.slow { return false }
            silt_pause()
        }
        return false
    }

    /// Takes the lead if it is free, whoever waits.
    func takeFreeLead() -> Bool {
        lead.compareExchange(
            expected: Lead.free, desired: Lead.taken, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Says, for who leads, whether it waits for the device.
    func setSlow(_ isSlow: Bool) {
        lead.store(isSlow ? Lead.slow : Lead.taken, ordering: .relaxed)
    }

    /// What to do after `add`.
    enum Role {
        /// Lead now.
        case leads
        /// Somebody else will, or tell who waits to.
        case follows
        /// Ask a worker to lead.
        case schedules
        /// The queue was closed: the request is not in it.
        case refused
    }

    /// Adds a request; who brings one without a completion will wait or lead.
    func add(_ request: CommitRequest) -> Role {
        let isAdded = waiting.withLock { waiting in
            if waiting.isClosed, request.kind != .lead { return false }
            waiting.requests.append(request)
            // Pairs with `release`: one of the two sees what the other did.
            waitingCount.add(1, ordering: .sequentiallyConsistent)
            return true
        }
        if !isAdded { return .refused }
        if request.completion != nil {
            guard lead.load(ordering: .sequentiallyConsistent) == Lead.free else {
                return .follows
            }
            return schedules() ? .schedules : .follows
        }
        return takeFreeLead() ? .leads : .follows
    }

    /// Whether a worker must be asked to lead: nobody was before.
    private func schedules() -> Bool {
        waiting.withLock { waiting in
            defer { waiting.isScheduled = true }
            return !waiting.isScheduled
        }
    }

    /// Takes note that the worker came.
    func noteWorker() { waiting.withLock { $0.isScheduled = false } }

    /// Gives the lead up unless somebody waits.
    ///
    /// - Returns: whether this thread still leads, for somebody waits.
    @inline(__always)
    func release() -> Bool {
        while true {
            if waitingCount.load(ordering: .relaxed) & (Self.closedMark - 1) != 0 { return true }
            lead.store(Lead.free, ordering: .sequentiallyConsistent)
            if waitingCount.load(ordering: .sequentiallyConsistent) & (Self.closedMark - 1) == 0 {
                return false
            }
            if !takeFreeLead() { return false }
        }
    }

    /// The first that waits; only for who leads.
    var first: CommitRequest? { waiting.withLock { $0.requests.first } }

    /// The size of what waits, in bytes.
    var waitingByteCount: Int {
        waiting.withLock { $0.requests.reduce(0) { $0 + $1.byteCount } }
    }

    /// The requests to commit together, from the front; only for who leads.
    ///
    /// - Parameter onlyQuick: whether those that wait for the device, and what is behind them, are left.
    func takeGroup(onlyQuick: Bool = false) -> [CommitRequest] {
        waiting.withLock { waiting in
            var bytes = 0
            var count = 0
            for request in waiting.requests {
                if request.kind == .lead || onlyQuick && request.kind != .quick { break }
                if count > 0, bytes + request.byteCount > groupBytesMax { break }
                bytes += request.byteCount
                count += 1
            }
            let group = Array(waiting.requests[..<count])
            waiting.requests.removeFirst(count)
            waitingCount.subtract(count, ordering: .relaxed)
            return group
        }
    }

    /// Takes a request out that asked for the lead and has it.
    func remove(_ request: CommitRequest) {
        waiting.withLock { waiting in
            waiting.requests.removeAll { $0 === request }
            waitingCount.subtract(1, ordering: .relaxed)
        }
    }

    /// Hands the lead to the first that waits.
    ///
    /// - Returns: whether a worker must be asked to lead: then nobody leads until it comes.
    func handOver() -> Bool {
        if let signal = waiting.withLock({ $0.requests.first?.signal }) {
            lead.store(Lead.taken, ordering: .releasing)
            signal.set(CommitRequest.Word.lead.rawValue)
            return false
        }
        lead.store(Lead.free, ordering: .sequentiallyConsistent)
        return schedules()
    }

    /// Refuses further requests.
    func close() {
        waiting.withLock { waiting in
            if waiting.isClosed { return }
            waiting.isClosed = true
            waitingCount.add(Self.closedMark, ordering: .sequentiallyConsistent)
        }
    }

    /// Whether nothing waits and nobody leads.
    var isIdle: Bool {
        waitingCount.load(ordering: .sequentiallyConsistent) & (Self.closedMark - 1) == 0
            && lead.load(ordering: .sequentiallyConsistent) == Lead.free
    }
}
