internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// What the commit lock guards: the log, and the room for the round that runs.
struct CommitState {
    var log: LogWriter
    /// Empty between rounds; kept for its room.
    var round = CommitRound()
}

/// One round of group commit: some batches checked, written to the log together, applied to the memtables and published.
///
/// Runs with the commit lock held. Until the log has taken the records nothing outside changed, so a refusal leaves no trace.
struct CommitRound {
    /// A region with the numbers that it will have.
    private struct Target {
        let group: TreeGroup
        /// The trees; their active memtables change only with the commit lock held.
        var set: TreeSet
        let isDropped: Bool
        var sequence: UInt64
        var timestamp: Int64
    }

    /// A batch's share of the lists below.
    private struct Batch {
        let sections: Range<Int>
        let stamps: Range<Int>
        let isLogged: Bool
    }

    private var targets: [Target] = []
    private var batches: [Batch] = []
    /// The changes of each batch, region by region, and the place of each region in `targets`.
    private var sections: [LogRecordEncoder.Section] = []
    private var sectionTargets: [Int] = []
    /// For each write of each batch, the time stamp that it was given.
    private var stamps: [Int64] = []
    private var nowMilliseconds: Int64 = 0
    private var isDurable = false
    private var mayWait = true

    /// What is to be put in order after a round.
    struct Upkeep {
        /// Regions with memtables that are full or wait for their flush.
        var groups: [TreeGroup] = []
        /// Whether more log is kept than should be.
        var logIsLong = false
    }

    /// Begins a round.
    mutating func begin(nowMilliseconds: Int64) { self.nowMilliseconds = nowMilliseconds }

    /// Ends a round, whatever came of it, and keeps the room of its lists.
    mutating func end() {
        targets.removeAll(keepingCapacity: true)
        batches.removeAll(keepingCapacity: true)
        sections.removeAll(keepingCapacity: true)
        sectionTargets.removeAll(keepingCapacity: true)
        stamps.removeAll(keepingCapacity: true)
        isDurable = false
        mayWait = true
    }

    /// Checks a batch and gives it its sequences and time stamps.
    ///
    /// - Returns: why it is refused, and then it is not part of the round; `nil` when it is.
    mutating func add(_ writes: [GroupWrite], _ durability: Durability) -> SiltstoneError? {
        for index in writes.indices {
            if let refusal = check(writes[index]) { return refusal }
        }
        let firstSection = sections.count
        let firstStamp = stamps.count
        for index in writes.indices { number(writes[index]) }
        batches.append(
            Batch(
                sections: firstSection..<sections.count, stamps: firstStamp..<stamps.count,
                isLogged: durability != .skipWAL))
        if durability == .fsyncWAL { isDurable = true }
        if durability != .asyncWAL, durability != .skipWAL { mayWait = false }
        return nil
    }

    /// The receipt of a batch by its place among those that were not refused.
    func receipt(_ batch: Int) -> CommitReceipt { CommitReceipt(stamps[batches[batch].stamps]) }

    /// Whether all parts of a batch for one region can be applied.
    ///
    /// The operations need no look: an `OperationBuffer` holds whole operations only.
    private mutating func check(_ write: GroupWrite) -> SiltstoneError? {
        let target = place(of: write.group)
        if targets[target].isDropped {
            return SiltstoneError(.notFound, "region was dropped region=\(write.group.id)")
        }
        if let family = write.operations.families.firstMissing(in: targets[target].set.families) {
            return SiltstoneError(.notFound, "family is not in the region family=\(family)")
        }
        return nil
    }

    private mutating func place(of group: TreeGroup) -> Int {
        // What an earlier round left there is found out by looking.
        let noted = group.roundPlace.load(ordering: .relaxed)
        if noted < targets.count, targets[noted].group === group { return noted }
        let target = group.state.withLock { state in
            Target(
                group: group, set: state.set, isDropped: state.isDropped,
                sequence: state.lastSequence, timestamp: state.lastTimestamp)
        }
        group.roundPlace.store(targets.count, ordering: .relaxed)
        targets.append(target)
        return targets.count - 1
    }

    private mutating func number(_ write: GroupWrite) {
        let target = place(of: write.group)
        var stamp = targets[target].timestamp
        // Operations with time stamps of their own use none up.
        if write.operations.needsTimestamp {
            stamp = ServerTimestamp.next(after: stamp, nowMilliseconds: nowMilliseconds)
        }
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

    /// Writes, applies and publishes the batches that were added.
    mutating func commit(log: inout LogWriter, engine: Engine) throws(SiltstoneError) -> Upkeep {
        if let failure = log.failure { throw failure }
        try write(&log, engine)
        guard engine.environment.coordinator.leaseIsValid else {
            throw log.fail(SiltstoneError(.unavailable, "ownership was lost"))
        }
        apply(segment: log.segmentNumber, engine: engine)
        engine.counters.batches.addAlone(batches.count)
        engine.counters.commitGroups.addAlone(1)
        var upkeep = publish(flushBytes: engine.options.flushBytes)
        upkeep.logIsLong = log.byteCount > engine.options.logBytesMax
        return upkeep
    }

    private func write(_ log: inout LogWriter, _ engine: Engine) throws(SiltstoneError) {
        var byteCount = 0
        for batch in batches where batch.isLogged && !batch.sections.isEmpty {
            byteCount += LogRecordEncoder.byteCount(sections[batch.sections])
        }
        if byteCount == 0 { return }
        try log.reserve(byteCount, durably: isDurable)
        let mark = log.mark
        // The time matters only while records wait in memory.
        let nanoseconds = mayWait ? engine.environment.clock.monotonicNanoseconds : 0
        for batch in batches where batch.isLogged && !batch.sections.isEmpty {
            log.append(sections[batch.sections], nowNanoseconds: nanoseconds)
        }
        if mayWait, engine.mayBuffer(log, nowNanoseconds: nanoseconds) {
            engine.scheduleLogWrite()
            return
        }
        do throws(SiltstoneError) {
            try log.write(durably: isDurable)
        } catch {
            log.rollBack(to: mark)
            throw error
        }
    }

    /// Inserts all cells.
    private mutating func apply(segment: UInt64, engine: Engine) {
        var operationCount = 0
        for batch in batches {
            for index in batch.sections {
                let target = sectionTargets[index]
                MemtableApply.apply(
                    sections[index], to: targets[target].group, &targets[target].set,
                    segment: batch.isLogged ? segment : nil, engine: engine)
                operationCount += sections[index].operations.count
            }
        }
        engine.counters.operations.addAlone(operationCount)
    }

    /// Lets readers see the cells, region by region.
    private func publish(flushBytes: Int) -> Upkeep {
        var upkeep = Upkeep()
        for index in targets.indices {
            targets[index].group.state.withLock { state in
                state.lastSequence = targets[index].sequence
                state.lastTimestamp = targets[index].timestamp
                state.visible = targets[index].sequence
            }
            if targets[index].set.needsUpkeep(flushBytes: flushBytes) {
                upkeep.groups.append(targets[index].group)
            }
        }
        return upkeep
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
