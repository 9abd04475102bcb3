internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// One round of group commit: some batches checked, written to the log together, applied to the memtables and published.
///
/// Runs with the lead held. Until the log has taken the records nothing outside changed, so a refusal leaves no trace.
struct CommitRound {
    /// A region with the numbers that it will have.
    private struct Target {
        var view: CommitView
        var sequence: UInt64
        var timestamp: Int64
    }

    /// A batch's share of the lists below.
    private struct Batch {
        let sections: Range<Int>
        let stamps: Range<Int>
        let isLogged: Bool
        /// The size of its log record.
        let byteCount: Int
    }

    private var targets: [Target] = []
    private var batches: [Batch] = []
    /// The changes of each batch, region by region, and the place of each region in `targets`.
    private var sections: [LogRecordEncoder.Section] = []
    private var sectionTargets: [Int] = []
    /// For each write of each batch, the time stamp that it was given.
    private var stamps: [Int64] = []
    /// Batches that were divided anew since their regions were replaced: they hold the operations.
    private var routed: [GroupWrite] = []
    private var nowMilliseconds: Int64 = 0
    private var isDurable = false
    private var mayWait = true

    /// Begins a round.
    mutating func begin(nowMilliseconds: Int64) { self.nowMilliseconds = nowMilliseconds }

    /// Ends a round, whatever came of it, and keeps the room of its lists.
    mutating func end() {
        targets.removeAll(keepingCapacity: true)
        batches.removeAll(keepingCapacity: true)
        sections.removeAll(keepingCapacity: true)
        sectionTargets.removeAll(keepingCapacity: true)
        stamps.removeAll(keepingCapacity: true)
        routed.removeAll()
        isDurable = false
        mayWait = true
    }

    /// Adds a batch that was checked, and gives it its sequences and time stamps.
    mutating func add(_ writes: [CommitWrite], _ views: [CommitView], _ durability: Durability) {
        let firstSection = sections.count
        let firstStamp = stamps.count
        var operationBytes = 0
        let stamp = stamp(writes, views)
        for index in writes.indices {
            operationBytes += writes[index].operations.byteCount
            number(writes[index], views[index], stamp)
        }
        let sectionCount = sections.count - firstSection
        batches.append(
            Batch(
                sections: firstSection..<sections.count, stamps: firstStamp..<stamps.count,
                isLogged: durability != .skipWAL && sectionCount > 0,
                byteCount: LogRecordEncoder.byteCount(
                    sectionCount: sectionCount, operationBytes: operationBytes)))
        if durability == .fsyncWAL { isDurable = true }
        if durability != .asyncWAL, durability != .skipWAL { mayWait = false }
    }

    /// The same changes for regions that are there; what is divided anew for it is kept to the end of the round.
    mutating func route(_ writes: [CommitWrite]) throws(SiltstoneError) -> [CommitWrite] {
        guard let divided = try WriteRouting.moved(writes) else { return writes }
        routed += divided
        return divided.map(\.lent)
    }

    /// The receipt of a batch by its place among those that were added.
    func receipt(_ batch: Int) -> CommitReceipt { CommitReceipt(stamps[batches[batch].stamps]) }

    /// Why operations on some families of a region that refuses them cannot be applied.
    static func refusal(_ view: CommitView, _ families: FamilySet) -> SiltstoneError {
        if !view.isDropped, let family = families.firstMissing(in: view.families) {
            return SiltstoneError(.notFound, "family is not in the region family=\(family)")
        }
        return SiltstoneError(.notFound, "region was dropped region=\(view.group.id)")
    }

    private mutating func place(of view: CommitView) -> Int {
        // What an earlier round left there is found out by looking.
        if view.target < targets.count, targets[view.target].view === view { return view.target }
        view.target = targets.count
        targets.append(
            Target(
                view: view, sequence: view.group.lastSequence.load(ordering: .relaxed),
                timestamp: view.group.lastTimestamp.load(ordering: .relaxed)))
        return view.target
    }

    /// The time stamp of a batch: the same in all of its regions.
    private mutating func stamp(_ writes: [CommitWrite], _ views: [CommitView]) -> Int64 {
        var stamp = Int64.min
        for index in writes.indices where writes[index].operations.needsTimestamp {
            let last = targets[place(of: views[index])].timestamp
            stamp = max(
                stamp, ServerTimestamp.next(after: last, nowMilliseconds: nowMilliseconds))
        }
        return stamp
    }

    private mutating func number(_ write: CommitWrite, _ view: CommitView, _ batchStamp: Int64) {
        let target = place(of: view)
        // Operations with time stamps of their own use none up.
        let stamp =
            write.operations.needsTimestamp ? batchStamp : targets[target].timestamp
        let first = targets[target].sequence + 1
        targets[target].timestamp = stamp
        targets[target].sequence += UInt64(write.operations.count)
        stamps.append(stamp)
        if write.operations.count == 0 { return }
        sections.append(
            LogRecordEncoder.Section(
                region: write.group.id, firstSequence: first, serverTimestamp: stamp,
                operations: write.operations))
        sectionTargets.append(target)
    }

    /// Writes the records of the batches to the log.
    func write(_ log: inout LogWriter, _ engine: Engine) throws(SiltstoneError) {
        var byteCount = 0
        for batch in batches where batch.isLogged { byteCount += batch.byteCount }
        if byteCount == 0 { return }
        try log.reserve(byteCount)
        let mark = log.mark
        // The time matters only while records wait in memory.
        let nanoseconds = mayWait ? engine.environment.clock.monotonicNanoseconds : 0
        for batch in batches where batch.isLogged {
            log.append(
                sections[batch.sections], byteCount: batch.byteCount, nowNanoseconds: nanoseconds)
        }
        if mayWait, engine.mayBuffer(log, nowNanoseconds: nanoseconds) {
            engine.scheduleLogWrite()
            return
        }
        if isDurable { engine.queue.setSlow(true) }
        defer { if isDurable { engine.queue.setSlow(false) } }
        do throws(SiltstoneError) {
            try log.write(durably: isDurable)
        } catch {
            log.rollBack(to: mark)
            throw error
        }
    }

    /// Inserts all cells.
    mutating func apply(_ state: inout CommitState, segment: UInt64, engine: Engine) {
        var operationCount = 0
        for batch in batches {
            for index in batch.sections {
                let target = sectionTargets[index]
                MemtableApply.apply(
                    sections[index], to: &targets[target].view, in: &state,
                    segment: batch.isLogged ? segment : nil, engine: engine)
                operationCount += sections[index].operations.count
            }
        }
        engine.counters.operations.addAlone(operationCount)
        engine.counters.batches.addAlone(batches.count)
        engine.counters.commitGroups.addAlone(1)
    }

    /// Lets readers see the cells, region by region.
    ///
    /// - Returns: the regions with memtables that are full or wait for their flush.
    func publish(flushBytes: Int) -> [TreeGroup] {
        var groups: [TreeGroup] = []
        for index in targets.indices {
            let group = targets[index].view.group
            group.setLast(targets[index].sequence, timestamp: targets[index].timestamp)
            if targets[index].view.needsUpkeep(flushBytes: flushBytes) { groups.append(group) }
        }
        return groups
    }
}

extension CommitState {
    /// Commits batches together.
    ///
    /// - Returns: the outcome of each, and what is to be put in order.
    mutating func commit(_ requests: [CommitRequest], engine: Engine)
        -> ([Result<CommitReceipt, SiltstoneError>], CommitUpkeep)
    {
        if let failure = log.failure { return (requests.map { _ in .failure(failure) }, .init()) }
        var upkeep = CommitUpkeep()
        var round = CommitRound()
        swap(&round, &self.round)
        defer {
            round.end()
            swap(&round, &self.round)
        }
        round.begin(nowMilliseconds: engine.environment.clock.nowMilliseconds)
        var refusals: [SiltstoneError?] = []
        for request in requests { refusals.append(add(request, to: &round)) }
        do throws(SiltstoneError) {
            try round.write(&log, engine)
            guard engine.environment.coordinator.leaseIsValid else {
                throw log.fail(SiltstoneError(.unavailable, "ownership was lost"))
            }
        } catch {
            return (requests.map { _ in .failure(error) }, upkeep)
        }
        round.apply(&self, segment: log.segmentNumber, engine: engine)
        upkeep.groups = round.publish(flushBytes: engine.options.flushBytes)
        upkeep.logIsLong = log.byteCount > engine.options.logBytesMax
        var place = 0
        let outcomes: [Result<CommitReceipt, SiltstoneError>] = refusals.map { refusal in
            if let refusal { return .failure(refusal) }
            defer { place += 1 }
            return .success(round.receipt(place))
        }
        return (outcomes, upkeep)
    }

    /// Checks a batch and adds it to a round.
    ///
    /// The operations need no look: an `OperationBuffer` holds whole operations only.
    /// - Returns: why it is refused, and then it is not part of the round; `nil` when it is.
    private mutating func add(_ request: CommitRequest, to round: inout CommitRound)
        -> SiltstoneError?
    {
        let writes: [CommitWrite]
        do throws(SiltstoneError) { writes = try round.route(request.writes) } catch {
            return error
        }
        var views: [CommitView] = []
        for write in writes {
            let view = view(of: write.group)
            if view.refuses(write.operations.families) {
                return CommitRound.refusal(view, write.operations.families)
            }
            views.append(view)
        }
        round.add(writes, views, request.durability)
        return nil
    }
}

/// The time stamps that the server assigns.
enum ServerTimestamp {
    /// How far they may run ahead of the clock, in milliseconds.
    static let aheadMillisecondsMax: Int64 = 1_000

    /// One more than the last, or the clock if that is later; but never further ahead of the clock than allowed (then the last one
    /// again: readers break the tie by sequence), and never less than the last.
    static func next(after last: Int64, nowMilliseconds now: Int64) -> Int64 {
        max(last, min(max(now, last &+ 1), now &+ aheadMillisecondsMax))
    }
}
