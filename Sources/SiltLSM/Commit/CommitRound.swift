internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// One round of group commit: some batches checked, written to the log together, applied to the memtables and published.
///
/// Runs with the commit lock held. Until the log has taken the records nothing outside changed, so a refusal leaves no trace.
struct CommitRound {
    /// A region with the numbers that it will have.
    private struct Target {
        let group: TreeGroup
        let set: TreeSet
        var sequence: UInt64
        var timestamp: Int64
    }

    /// A batch's part for one region, numbered.
    private struct Part {
        let target: Int
        let firstSequence: UInt64
        let timestamp: Int64
        let operations: OperationBuffer
        let isLogged: Bool
    }

    private var targets: [Target] = []
    private var indexes: [ObjectIdentifier: Int] = [:]
    private var parts: [Part] = []
    /// Why single batches were refused, by their place.
    private(set) var refusals: [Int: SiltstoneError] = [:]
    /// The regions that were changed.
    private(set) var touched: [TreeGroup] = []

    /// Commits the batches.
    ///
    /// - Returns: a receipt for each; `nil` for those refused.
    mutating func run(_ requests: [CommitRequest], log: inout LogWriter, engine: Engine)
        throws(SiltstoneError) -> [CommitReceipt?]
    {
        if let failure = log.failure { throw failure }
        let now = engine.environment.clock.nowMilliseconds
        var receipts: [CommitReceipt?] = []
        var records: [[LogRecordEncoder.Section]] = []
        var isDurable = false
        var waits = true
        for (index, request) in requests.enumerated() {
            if let refusal = check(request) {
                refusals[index] = refusal
                receipts.append(nil)
                continue
            }
            let (sections, stamps) = number(request, now: now)
            receipts.append(CommitReceipt(timestamps: stamps))
            if !sections.isEmpty { records.append(sections) }
            if request.durability == .fsyncWAL { isDurable = true }
            if request.durability != .asyncWAL, request.durability != .skipWAL { waits = false }
        }
        try write(records, durably: isDurable, mayWait: waits, log: &log, engine: engine)
        guard engine.environment.coordinator.leaseIsValid else {
            throw log.fail(SiltstoneError(.unavailable, "ownership was lost"))
        }
        apply(segment: log.segmentNumber, engine: engine)
        engine.counters.batches.add(receipts.count - refusals.count)
        return receipts
    }

    /// Whether every part of a batch can be applied.
    private mutating func check(_ request: CommitRequest) -> SiltstoneError? {
        for write in request.writes {
            let target = targets[index(of: write.group)]
            if target.group.state.withLock({ $0.isDropped }) {
                return SiltstoneError(.notFound, "region was dropped region=\(target.group.id)")
            }
            // Safety: the buffer is read only within the closure.
            let refusal: SiltstoneError? = unsafe write.operations.writer.bytes.withUnsafeBytes {
                bytes in
                var cursor = unsafe OperationCursor(bytes)
                var known: UInt8?
                do throws(DecodingError) {
                    while try cursor.next() {
                        if cursor.family == known { continue }
                        guard target.set.tree(cursor.family) != nil else {
                            return SiltstoneError(
                                .notFound, "family is not in the region family=\(cursor.family)")
                        }
                        known = cursor.family
                    }
                    return nil
                } catch {
                    return SiltstoneError(.invalidArgument, "batch is malformed: \(error)")
                }
            }
            if let refusal { return refusal }
        }
        return nil
    }

    private mutating func index(of group: TreeGroup) -> Int {
        let key = ObjectIdentifier(group)
        if let known = indexes[key] { return known }
        let target = group.state.withLock { state in
            Target(
                group: group, set: state.set, sequence: state.lastSequence,
                timestamp: state.lastTimestamp)
        }
        targets.append(target)
        indexes[key] = targets.count - 1
        return targets.count - 1
    }

    /// Gives a batch its sequences and time stamps.
    private mutating func number(_ request: CommitRequest, now: Int64)
        -> (sections: [LogRecordEncoder.Section], stamps: [Int64])
    {
        var sections: [LogRecordEncoder.Section] = []
        var stamps: [Int64] = []
        let isLogged = request.durability != .skipWAL
        for write in request.writes {
            let target = index(of: write.group)
            let stamp = ServerTimestamp.next(after: targets[target].timestamp, nowMilliseconds: now)
            let first = targets[target].sequence + 1
            targets[target].timestamp = stamp
            targets[target].sequence += UInt64(write.operations.count)
            stamps.append(stamp)
            if write.operations.count == 0 { continue }
            parts.append(
                Part(
                    target: target, firstSequence: first, timestamp: stamp,
                    operations: write.operations, isLogged: isLogged))
            guard isLogged else { continue }
            sections.append(
                LogRecordEncoder.Section(
                    region: write.group.id, firstSequence: first, serverTimestamp: stamp,
                    operations: write.operations))
        }
        return (sections, stamps)
    }

    private func write(
        _ records: [[LogRecordEncoder.Section]], durably: Bool, mayWait: Bool, log: inout LogWriter,
        engine: Engine
    ) throws(SiltstoneError) {
        if records.isEmpty { return }
        let byteCount = records.reduce(0) { $0 + LogRecordEncoder.byteCount($1) }
        try log.reserve(byteCount)
        let mark = log.mark
        let nanoseconds = engine.environment.clock.monotonicNanoseconds
        for record in records { log.append(record, nowNanoseconds: nanoseconds) }
        if mayWait, engine.mayBuffer(log, nowNanoseconds: nanoseconds) {
            engine.scheduleLogWrite()
            return
        }
        do throws(SiltstoneError) {
            try log.write(durably: durably)
        } catch {
            log.rollBack(to: mark)
            throw error
        }
    }

    /// Inserts all cells, then lets readers see them, region by region.
    private mutating func apply(segment: UInt64, engine: Engine) {
        for part in parts {
            let group = targets[part.target].group
            MemtableApply.apply(
                part.operations, to: group, firstSequence: part.firstSequence,
                timestamp: part.timestamp, segment: part.isLogged ? segment : nil, engine: engine)
            engine.counters.operations.add(part.operations.count)
        }
        for target in targets {
            target.group.state.withLock { state in
                state.lastSequence = target.sequence
                state.lastTimestamp = target.timestamp
                state.visible = target.sequence
            }
            touched.append(target.group)
        }
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
