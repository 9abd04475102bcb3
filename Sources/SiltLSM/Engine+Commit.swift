internal import SiltBytes
internal import SiltFormat
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
        let start = latencies.begin()
        defer { latencies.end(.commit, start) }
        if queue.leadAlone() {
            defer { passLead() }
            return try commitAlone(writes, durability)
        }
        let request = CommitRequest(writes, durability)
        switch queue.add(request) {
        case .refused: throw SiltstoneError(.closed, "database is closed")
        case .leads: lead(until: request)
        case .follows, .schedules:
            if let signal = request.signal { wait(for: request, signal) }
        }
        guard let result = request.result else {
            throw SiltstoneError(.closed, "database is closed")
        }
        return try result.get()
    }

    /// Commits a batch without waiting; `completion` is called on a committing thread, in the order of the batches.
    package func submit(
        _ writes: [GroupWrite], durability: Durability,
        completion: @escaping @Sendable (Result<CommitReceipt, SiltstoneError>) -> Void
    ) {
        switch queue.add(CommitRequest(writes, durability, completion: completion)) {
        case .refused: completion(.failure(SiltstoneError(.closed, "database is closed")))
        case .schedules: scheduleLead()
        case .leads, .follows: break
        }
    }

    private func wait(for request: CommitRequest, _ signal: Signal) {
        while request.result == nil {
            if signal.wait() == CommitRequest.Word.lead.rawValue, request.result == nil,
                queue.takeLead()
            {
                lead(until: request)
            }
        }
    }

    /// Leads once when somebody was asked to and has not come.
    ///
    /// - Returns: whether this thread led.
    func leadWaiting() -> Bool {
        guard queue.takeLead() else { return false }
        lead(until: nil)
        return true
    }

    private func scheduleLead() {
        environment.workers.submit(.high) { [weak self] in
            _ = self?.leadWaiting()
        }
    }

    /// Commits groups until `request` is among them (one group without), then hands the lead over.
    private func lead(until request: CommitRequest?) {
        repeat {
            let group = queue.takeGroup()
            if group.isEmpty { break }
            process(group)
        } while request != nil && request?.result == nil
        passLead()
    }

    private func passLead() {
        guard let next = queue.handOver() else { return }
        if let signal = next.signal {
            signal.set(CommitRequest.Word.lead.rawValue)
        } else {
            scheduleLead()
        }
    }

    /// Commits one batch that is in no queue; this thread leads.
    private func commitAlone(_ writes: [GroupWrite], _ durability: Durability)
        throws(SiltstoneError) -> CommitReceipt
    {
        try admit(byteCount: writes.reduce(0) { $0 + $1.operations.bytes.count })
        let now = environment.clock.nowMilliseconds
        let (receipt, upkeep) = try commitLock.withLock { commit throws(SiltstoneError) in
            commit.round.begin(nowMilliseconds: now)
            defer { commit.round.end() }
            if let failure = commit.log.failure { throw failure }
            let writes = try WriteRouting.current(writes)
            if let refusal = commit.round.add(writes, durability) { throw refusal }
            let upkeep = try commit.round.commit(log: &commit.log, engine: self)
            return (commit.round.receipt(0), upkeep)
        }
        maintain(upkeep)
        return receipt
    }

    private func process(_ requests: [CommitRequest]) {
        var outcomes: [Result<CommitReceipt, SiltstoneError>] = []
        var upkeep = CommitRound.Upkeep()
        do throws(SiltstoneError) {
            try admit(byteCount: requests.reduce(0) { $0 + $1.byteCount })
            let now = environment.clock.nowMilliseconds
            (outcomes, upkeep) = try commitLock.withLock { commit throws(SiltstoneError) in
                commit.round.begin(nowMilliseconds: now)
                defer { commit.round.end() }
                if let failure = commit.log.failure { throw failure }
                var refusals: [SiltstoneError?] = []
                for request in requests {
                    let writes = try WriteRouting.current(request.writes)
                    refusals.append(commit.round.add(writes, request.durability))
                }
                let upkeep = try commit.round.commit(log: &commit.log, engine: self)
                var place = 0
                let outcomes: [Result<CommitReceipt, SiltstoneError>] = refusals.map { refusal in
                    if let refusal { return .failure(refusal) }
                    defer { place += 1 }
                    return .success(commit.round.receipt(place))
                }
                return (outcomes, upkeep)
            }
        } catch {
            outcomes = requests.map { _ in .failure(error) }
        }
        for (request, outcome) in zip(requests, outcomes) { request.finish(outcome) }
        maintain(upkeep)
    }
}
