internal import SiltBytes
package import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

extension Engine {
    /// Commits a batch atomically: all of its changes, of all regions, or none, also after a crash.
    ///
    /// On return the changes are visible and durable at the level asked for. `SKIP_WAL` batches are in memory only, region by region.
    /// - Throws: `storageFull`, `overloaded` and `invalidArgument` when nothing was written; `unavailable` when storage failed:
    ///   then the batch may or may not be there after a restart, wholly or not at all.
    package func commit(_ writes: [GroupWrite], durability: Durability)
        throws(SiltstoneError) -> CommitReceipt
    {
        defer { withExtendedLifetime(writes) {} }
        if writes.count == 1 {
            return CommitReceipt(
                try commit(writes[0].operations.span, to: writes[0].group, durability: durability))
        }
        let start = latencies.begin()
        defer { latencies.end(.commit, start) }
        try admit(byteCount: writes.reduce(0) { $0 + $1.operations.byteCount })
        return try wait(for: CommitRequest(writes.map(\.lent), durability))
    }

    /// Commits operations on one region; as `commit` of several.
    ///
    /// - Parameter operations: stay where they are until this returns.
    /// - Returns: the time stamp given to those that had none.
    package func commit(
        _ operations: OperationSpan, to group: TreeGroup, durability: Durability
    ) throws(SiltstoneError) -> Int64 {
        let start = latencies.begin()
        defer { latencies.end(.commit, start) }
        try admit(byteCount: operations.byteCount)
        defer { noteReserve() }
        guard !group.hasMoved.load(ordering: .relaxed),
            queue.tryLead() || takeLead(preparing: operations, in: group)
        else {
            let write = CommitWrite(group: group, operations: operations)
            return try wait(for: CommitRequest([write], durability)).timestamps[0]
        }
        let timestamp: Int64
        let groupIsDue: Bool
        let logIsLong: Bool
        do throws(SiltstoneError) {
            (timestamp, groupIsDue, logIsLong) = try queue.withState {
                state throws(SiltstoneError) in
                try state.commitOne(group, operations, durability, engine: self)
            }
        } catch {
            endLead()
            if error.code == .notFound, group.hasMoved.load(ordering: .relaxed) {
                // It was replaced while we waited; nothing was written.
                return try commit(operations, to: group, durability: durability)
            }
            throw error
        }
        endLead()
        if groupIsDue || logIsLong || memoryIsFull {
            maintain(CommitUpkeep(groups: groupIsDue ? [group] : [], logIsLong: logIsLong))
        }
        return timestamp
    }

    /// Takes the lead if it can be had soon, and meanwhile fetches what the operations will change: so the threads' waits for memory
    /// overlap, though one at a time writes.
    private func takeLead(preparing operations: OperationSpan, in group: TreeGroup) -> Bool {
        MemtableApply.prepare(operations, in: group)
        return queue.takeLead()
    }

    /// Gives a batch its place: batches commit in the order in which they are enqueued.
    ///
    /// `admit` comes before; `commit` of what is returned, or `submit` when there is a completion, must follow at once.
    package func enqueue(
        _ writes: [GroupWrite], durability: Durability,
        completion: (@Sendable (Result<CommitReceipt, SiltstoneError>) -> Void)? = nil
    ) -> EnqueuedBatch {
        let request =
            completion.map { CommitRequest(writes, durability, completion: $0) }
            ?? CommitRequest(writes.map(\.lent), durability)
        return EnqueuedBatch(request: request, role: queue.add(request), writes: writes)
    }

    /// Waits until a batch that has its place is committed; as `commit` of writes.
    package func commit(_ batch: EnqueuedBatch) throws(SiltstoneError) -> CommitReceipt {
        defer { withExtendedLifetime(batch.writes) {} }
        let start = latencies.begin()
        defer { latencies.end(.commit, start) }
        return try wait(for: batch.request, batch.role)
    }

    /// Sees to it that a batch which has its place and a completion is committed.
    ///
    /// - Parameter soon: runs work on a thread of the caller's that must not wait, once it has brought what else it has; then
    ///   batches that wait for nothing are committed there, together, and not by a worker.
    package func submit(
        _ batch: EnqueuedBatch, soon: ((@escaping @Sendable () -> Void) -> Void)? = nil
    ) {
        switch batch.role {
        case .refused:
            batch.request.completion?(.failure(SiltstoneError(.closed, "database is closed")))
        case .schedules:
            if let soon, batch.request.kind == .quick, isUnhindered {
                soon { [self] in leadQuickly() }
            } else {
                scheduleLead()
            }
        case .leads, .follows: break
        }
    }

    /// Commits a batch without waiting.
    ///
    /// `completion` is called in the order of the batches, by a thread that commits or a worker, and may commit and flush itself;
    /// but what it waits for must not be another completion.
    package func submit(
        _ writes: [GroupWrite], durability: Durability,
        soon: ((@escaping @Sendable () -> Void) -> Void)? = nil,
        completion: @escaping @Sendable (Result<CommitReceipt, SiltstoneError>) -> Void
    ) {
        submit(enqueue(writes, durability: durability, completion: completion), soon: soon)
    }

    /// Runs `body` with the lead held: nobody commits meanwhile.
    func withLead<Value, Failure: Error>(
        _ body: (inout CommitState) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        if !queue.takeLead() { awaitLead() }
        defer {
            if queue.release() { endLead(CommitUpkeep(), stillLeads: true, holdsLocks: true) }
        }
        return try queue.withState(body)
    }

    private func awaitLead() {
        let request = CommitRequest()
        if queue.add(request) == .follows {
            while request.signal?.wait() != CommitRequest.Word.lead.rawValue {}
        }
        queue.remove(request)
    }

    /// Queues a batch up and waits until it is committed, perhaps by this thread.
    private func wait(for request: CommitRequest) throws(SiltstoneError) -> CommitReceipt {
        try wait(for: request, queue.add(request))
    }

    private func wait(for request: CommitRequest, _ role: CommitQueue.Role)
        throws(SiltstoneError) -> CommitReceipt
    {
        if role == .refused { throw SiltstoneError(.closed, "database is closed") }
        var leads = role == .leads
        while true {
            if leads { lead(until: request) }
            if let result = request.result { return try result.get() }
            leads = request.signal?.wait() == CommitRequest.Word.lead.rawValue
        }
    }

    /// Commits groups until `request` is among them, then gives the lead up, which this thread has.
    ///
    /// Who waits for the lead itself, before us, gets it first.
    private func lead(until request: CommitRequest) {
        var upkeep = CommitUpkeep()
        while request.result == nil {
            if processGroup(&upkeep) { continue }
            if queue.handOver() { scheduleLead() }
            completions.run()
            if upkeep.isNeeded || memoryIsFull { maintain(upkeep) }
            return
        }
        endLead(upkeep)
    }

    /// Leads once when somebody waits and nobody leads.
    ///
    /// - Returns: whether this thread led.
    func leadWaiting() -> Bool {
        queue.noteWorker()
        var refusal: SiltstoneError?
        do throws(SiltstoneError) {
            // For those who brought them and did not wait.
            try admit(byteCount: queue.waitingByteCount)
        } catch { refusal = error }
        guard queue.takeFreeLead() else { return false }
        var upkeep = CommitUpkeep()
        if let refusal {
            for request in queue.takeGroup() { finish(request, .failure(refusal)) }
        } else {
            _ = processGroup(&upkeep)
        }
        endLead(upkeep)
        return true
    }

    /// Commits what waits as far as it waits for nothing; a worker does the rest.
    private func leadQuickly() {
        queue.noteWorker()
        // Whoever leads now comes upon what waits.
        if queue.takeFreeLead() { endLead(CommitUpkeep()) }
    }

    private func scheduleLead() {
        environment.workers.submit(.high) { [weak self] in
            _ = self?.leadWaiting()
        }
    }

    /// How many groups a thread commits for others before it goes on with its own work.
    private static let foreignGroupsMax = 16

    /// Gives up the lead, after committing what came meanwhile if that is quick.
    @inline(__always)
    private func endLead() {
        if queue.release() { endLead(CommitUpkeep(), stillLeads: true) }
    }

    /// Gives up the lead.
    ///
    /// - Parameter holdsLocks: whether the thread may hold locks that a completion could want: a worker calls them then.
    private func endLead(
        _ before: CommitUpkeep, stillLeads: Bool = false, holdsLocks: Bool = false
    ) {
        var upkeep = before
        var groupCount = 0
        var leads = stillLeads || queue.release()
        while leads {
            guard groupCount < Self.foreignGroupsMax, mayTakeAlong(queue.first) else {
                if queue.handOver() { scheduleLead() }
                break
            }
            groupCount += 1
            _ = processGroup(&upkeep, onlyQuick: true)
            leads = queue.release()
        }
        if !holdsLocks {
            completions.run()
        } else if !completions.isIdle {
            environment.workers.submit(.high) { [completions] in completions.run() }
        }
        if upkeep.isNeeded || memoryIsFull { maintain(upkeep) }
    }

    /// Whether a batch that waits is committed by who leads anyway.
    ///
    /// One that nobody waits for was not held back by memory that fills and merges owed: then a worker leads, and waits first.
    private func mayTakeAlong(_ request: CommitRequest?) -> Bool {
        guard let request, request.kind == .quick else { return false }
        return request.completion == nil || isUnhindered
    }

    /// Hands over an outcome; the completion is called later, without the lead.
    private func finish(
        _ request: CommitRequest, _ result: Result<CommitReceipt, SiltstoneError>
    ) {
        request.finish(result)
        if request.completion != nil { completions.add(request) }
    }

    /// Commits what waits, together; false when nothing does.
    private func processGroup(_ upkeep: inout CommitUpkeep, onlyQuick: Bool = false) -> Bool {
        let requests = queue.takeGroup(onlyQuick: onlyQuick)
        if requests.isEmpty { return false }
        let (outcomes, more) = queue.withState { $0.commit(requests, engine: self) }
        upkeep.add(more)
        for (request, outcome) in zip(requests, outcomes) { finish(request, outcome) }
        return true
    }
}
