package import SiltIO
package import SiltModel
internal import SiltStream

/// Runs a job over a source whose events come in partitions, alone or as one of a group.
///
/// 1. A partition that is assigned is claimed in the store, which gives its checkpoint: reading goes on there, with its
///    open windows.
/// 2. Messages go through the partition's own pipeline. Parts of rows, bad and late records wait.
/// 3. Every so many bytes or milliseconds each partition is committed: one batch holds what waited, the open windows
///    and the next offset. Then the source is told, for others to see.
/// 4. A partition that is revoked is committed and forgotten. A commit that is refused, because somebody else has
///    claimed the partition since, is forgotten too: what it would have written is read again by its new owner.
/// 5. Where the job says so (`align`), a partition that is too far ahead of the slowest one in event time is held back
///    until that one has followed, so that no more windows are open than that takes.
package struct PartitionRunner {
    private let job: JobDefinition
    private let source: any PartitionedSource
    private let store: any PartitionStore
    private let clock: any Clock
    private let options: JobRunner.Options
    private let topic: String
    private let stopsAtEnd: Bool

    /// How long a partition whose claim was lost waits before it is claimed again, if it is still assigned.
    private static let patienceMilliseconds: Int64 = 2000
    private static let pendingCountMax = 50_000
    private static let defaultIdleMilliseconds: Int64 = 30_000

    /// A run of a job whose source is Kafka.
    package init(
        job: JobDefinition, settings: KafkaSettings, source: any PartitionedSource,
        store: any PartitionStore, clock: any Clock, options: JobRunner.Options = .init()
    ) {
        self.job = job
        self.source = source
        self.store = store
        self.clock = clock
        self.options = options
        topic = settings.topic
        stopsAtEnd = settings.stopsAtEnd
    }

    private struct State {
        var works: [Int32: PartitionWork] = [:]
        /// Partitions that are assigned and whose claim was lost, with the time of it.
        var lost: [Int32: Int64] = [:]
        /// Partitions that wait for slower ones.
        var paused: Set<Int32> = []
        var lastCommit: Int64
        /// What partitions did that are not this process's any more.
        var past = JobSummary()

        var summary: JobSummary {
            var sum = past
            for work in works.values { sum.add(work.pipeline.summary) }
            sum.outcome = .running
            return sum
        }
    }

    /// Runs until `isCancelled` says so, the partitions end (when the job stops there), or something fails.
    ///
    /// On return everything that was read is durable.
    package func run(
        progress: ((JobSummary) -> Void)? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(SiltstoneError) -> JobSummary {
        var state = State(lastCommit: clock.nowMilliseconds)
        var batch = MessageBatch()
        while isCancelled?() != true {
            let event = try source.next(into: &batch, timeoutMilliseconds: 100)
            try handle(event, &batch, &state)
            let now = clock.nowMilliseconds
            try reclaim(&state, now)
            advanceIdle(&state, now)
            try align(&state, now)
            if isDue(state, now) {
                try commitAll(&state)
                progress?(state.summary)
            }
            if stopsAtEnd, !state.works.isEmpty, state.lost.isEmpty,
                state.works.values.allSatisfy(\.hasEnded)
            {
                for partition in state.works.keys { state.works[partition]?.finish() }
                try commitAll(&state)
                guard state.lost.isEmpty else { continue }
                var summary = state.summary
                summary.outcome = .completed
                return summary
            }
        }
        try commitAll(&state)
        var summary = state.summary
        summary.outcome = .stopped
        return summary
    }

    private func handle(
        _ event: PartitionEvent, _ batch: inout MessageBatch, _ state: inout State
    ) throws(SiltstoneError) {
        switch event {
        case .nothing: break
        case .messages:
            // Taken out and put back, so that its arrays are not copied.
            guard var work = state.works.removeValue(forKey: batch.partition) else { return }
            try work.take(&batch, now: clock.nowMilliseconds)
            state.works[batch.partition] = work
        case .end(let partition): state.works[partition]?.hasEnded = true
        case .assigned(let partitions):
            var places: [(partition: Int32, offset: Int64?)] = []
            for partition in partitions {
                let work = try claim(partition)
                places.append((partition, work.nextOffset))
                state.works[partition] = work
            }
            try source.begin(places)
        case .revoked(let partitions):
            for partition in partitions {
                try commit(partition, &state)
                try setPaused(partition, false, &state)
                if let work = state.works.removeValue(forKey: partition) {
                    state.past.add(work.pipeline.summary)
                }
                state.lost[partition] = nil
            }
            try source.end(partitions)
        }
    }

    private func claim(_ partition: Int32) throws(SiltstoneError) -> PartitionWork {
        try PartitionWork(
            job, partition: partition, source: "\(topic)/\(partition)",
            claim: try store.claim(partition), now: clock.nowMilliseconds)
    }

    /// Claims again what was lost but is still assigned.
    private func reclaim(_ state: inout State, _ now: Int64) throws(SiltstoneError) {
        for (partition, since) in state.lost where now - since >= Self.patienceMilliseconds {
            let work = try claim(partition)
            try source.seek(partition, to: work.nextOffset)
            state.works[partition] = work
            state.lost[partition] = nil
        }
    }

    private func isDue(_ state: State, _ now: Int64) -> Bool {
        if now - state.lastCommit >= options.checkpointMilliseconds { return true }
        var bytes = 0
        var pending = 0
        for work in state.works.values {
            bytes += work.bytes
            pending += work.pendingCount
        }
        return bytes >= options.checkpointBytes || pending >= Self.pendingCountMax
    }

    private func commitAll(_ state: inout State) throws(SiltstoneError) {
        for partition in state.works.keys.sorted() { try commit(partition, &state) }
        state.lastCommit = clock.nowMilliseconds
    }

    private func commit(_ partition: Int32, _ state: inout State) throws(SiltstoneError) {
        guard state.works[partition]?.isDirty == true,
            var work = state.works.removeValue(forKey: partition)
        else { return }
        do {
            var commit = work.makeCommit(now: clock.nowMilliseconds)
            commit.partitionCount = source.partitionCount
            try store.commit(commit)
        } catch {
            guard error.code == .conditionFailed else { throw error }
            try setPaused(partition, false, &state)
            state.lost[partition] = clock.nowMilliseconds
            return
        }
        work.didCommit()
        if let offset = work.nextOffset { source.report(partition, offset: offset) }
        state.works[partition] = work
    }

    /// Partitions without events for long must not hold back their windows while others go on.
    private func advanceIdle(_ state: inout State, _ now: Int64) {
        let limit = job.time.idleMilliseconds ?? Self.defaultIdleMilliseconds
        var least: Int64?
        for (partition, work) in state.works {
            // One that waits for others has events.
            let isIdle =
                now - work.lastMilliseconds >= limit && !state.paused.contains(partition)
            if isIdle != work.isIdle { state.works[partition]?.isIdle = isIdle }
            if !isIdle, let watermark = work.pipeline.summary.watermark {
                least = min(least ?? .max, watermark)
            }
        }
        guard let least, least < .max else { return }
        for (partition, work) in state.works where work.isIdle {
            if work.pipeline.windows.watermark < least { state.works[partition]?.idle(to: least) }
        }
    }

    /// Holds back the partitions that are too far ahead of the slowest one, and lets those go on that are not any more.
    private func align(_ state: inout State, _ now: Int64) throws(SiltstoneError) {
        guard let limit = job.time.alignMilliseconds else { return }
        var least = Int64.max
        for work in state.works.values {
            let watermark = work.pipeline.windows.watermark
            // Nobody waits for what cannot come, or has not come for long.
            let isWaited = !work.isIdle && !(work.hasEnded && (stopsAtEnd || watermark == .min))
            if isWaited { least = min(least, watermark) }
        }
        let greatest = least.addingReportingOverflow(limit)
        for (partition, work) in state.works {
            let isAhead =
                !greatest.overflow && work.pipeline.windows.watermark > greatest.partialValue
            if isAhead != state.paused.contains(partition) {
                try setPaused(partition, isAhead, &state)
            }
        }
    }

    private func setPaused(
        _ partition: Int32, _ isPaused: Bool, _ state: inout State
    ) throws(SiltstoneError) {
        guard isPaused != state.paused.contains(partition) else { return }
        try source.setPaused(partition, isPaused)
        if isPaused {
            state.paused.insert(partition)
        } else {
            state.paused.remove(partition)
            // It begins to be idle only now.
            state.works[partition]?.lastMilliseconds = clock.nowMilliseconds
        }
    }
}
