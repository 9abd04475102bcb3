internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// What came of a commit besides its result.
struct CommitUpkeep {
    /// Regions with memtables that are full or wait for their flush.
    var groups: [TreeGroup] = []
    /// Whether more log is kept than should be.
    var logIsLong = false

    /// Whether there is anything to put in order.
    var isNeeded: Bool { logIsLong || !groups.isEmpty }

    /// Adds that of another round.
    mutating func add(_ other: CommitUpkeep) {
        groups += other.groups
        logIsLong = logIsLong || other.logIsLong
    }
}

/// The commit of one region's changes alone: what most writes are. `CommitRound` does the same for several.
extension CommitState {
    /// Checks, numbers, logs, applies and publishes a batch.
    ///
    /// - Returns: the time stamp that it was given, whether the region needs upkeep, and whether the log does.
    mutating func commitOne(
        _ group: TreeGroup, _ operations: OperationSpan, _ durability: Durability, engine: Engine
    ) throws(SiltstoneError) -> (timestamp: Int64, groupIsDue: Bool, logIsLong: Bool) {
        if let failure = log.failure { throw failure }
        var view = view(of: group)
        if view.refuses(operations.families) {
            throw CommitRound.refusal(view, operations.families)
        }
        var stamp = group.lastTimestamp.load(ordering: .relaxed)
        // Operations with time stamps of their own use none up.
        if operations.needsTimestamp {
            stamp = ServerTimestamp.next(
                after: stamp, nowMilliseconds: engine.environment.clock.nowMilliseconds)
        }
        let before = group.lastSequence.load(ordering: .relaxed)
        let section = LogRecordEncoder.Section(
            region: group.id, firstSequence: before &+ 1, serverTimestamp: stamp,
            operations: operations)
        if operations.count > 0 {
            if durability != .skipWAL { try write(section, durability, engine) }
            guard engine.environment.coordinator.leaseIsValid else {
                throw log.fail(SiltstoneError(.unavailable, "ownership was lost"))
            }
            MemtableApply.apply(
                section, to: &view, in: &self,
                segment: durability == .skipWAL ? nil : log.segmentNumber, engine: engine)
        }
        let last = before &+ UInt64(operations.count)
        group.setLast(last, timestamp: stamp)
        engine.counters.operations.addAlone(operations.count)
        engine.counters.batches.addAlone(1)
        engine.counters.commitGroups.addAlone(1)
        return (
            stamp, view.needsUpkeep(flushBytes: engine.options.flushBytes),
            log.byteCount > engine.options.logBytesMax
        )
    }

    private mutating func write(
        _ section: LogRecordEncoder.Section, _ durability: Durability, _ engine: Engine
    ) throws(SiltstoneError) {
        let byteCount = LogRecordEncoder.byteCount(
            sectionCount: 1, operationBytes: section.operations.byteCount)
        let isDurable = durability == .fsyncWAL
        try log.reserve(byteCount)
        let mark = log.mark
        // The time matters only while records wait in memory.
        let mayWait = durability == .asyncWAL
        let nanoseconds = mayWait ? engine.environment.clock.monotonicNanoseconds : 0
        log.append(section, byteCount: byteCount, nowNanoseconds: nanoseconds)
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
}
