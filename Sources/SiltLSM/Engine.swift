internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
package import SiltIO
package import SiltModel
internal import Synchronization

/// The trees of all regions of one data directory, and what they share: log, memory, cache, background work.
///
/// Open it, open the groups, call `finishRecovery`, then commit. Safe to use from any thread.
package final class Engine: Sendable {
    struct State {
        var groups: [Identifier: TreeGroup] = [:]
        /// The groups that were dropped since, for the sweeper.
        var dropped: [TreeGroup] = []
        var isClosed = false
    }

    /// The outside world.
    package let environment: Environment
    let options: EngineOptions
    let incarnation: Identifier
    let tables: TableCache
    let queue: CommitQueue
    /// What commits owe to those that did not wait for them.
    let completions = CommitCompletions()
    let state = Mutex(State())
    let counters = EngineCounters()
    let pending = PendingFiles()
    /// The uses of files that regions share, until all regions are open.
    let sharedUses = FileUses()
    let planner: CompactionPlanner
    /// Whether background work should stop.
    let isClosing = Atomic(false)
    /// Whether recovery ended and commits are accepted.
    let isReady = Atomic(false)
    let logWriteIsQueued = Atomic(false)
    /// Held by who deletes segments of the log.
    let logTrim = Mutex(())
    /// Bytes of all regions that wait to be merged down.
    let compactionDebt = Atomic(0)
    /// Until when commits that are held back took their turns, on the monotonic clock.
    let turnsTakenUntil = Atomic<UInt64>(0)
    /// Flushes and merges that run now.
    let runningMerges = Atomic(0)
    /// Flushes that run now.
    let runningFlushes = Atomic(0)
    let pacer = CompactionPacer()
    /// How long calls take.
    package let latencies: EngineLatencies
    let snapshots: SnapshotLedger
    /// What the block cache was last told to leave to memtables and merges, in bytes.
    let notedReserve = Atomic(0)
    let isSweepQueued = Atomic(false)
    private let watcher = Mutex<(@Sendable (TreeGroup) -> Void)?>(nil)

    private init(_ environment: Environment, _ options: EngineOptions, incarnation: Identifier) {
        self.environment = environment
        self.options = options
        // A budget would mean little if what is freed stayed with the process.
        if options.memoryBudgetBytes != nil { silt_return_freed() }
        self.incarnation = incarnation
        tables = TableCache(
            objects: environment.objects,
            blocks: BlockCache(
                capacityBytes: options.cacheBytes,
                countsIndexes: options.memoryBudgetBytes != nil, workers: environment.workers),
            workers: environment.workers)
        latencies = EngineLatencies(clock: environment.clock)
        snapshots = SnapshotLedger(clock: environment.clock)
        planner = CompactionPlanner(tableFileBytes: options.tableFileBytes)
        let ahead = LogSegmentAhead(
            environment, incarnation: incarnation, segmentBytes: options.logSegmentBytes,
            isEnabled: options.runsMaintenance)
        queue = CommitQueue(
            CommitState(
                log: LogWriter(
                    environment.log, incarnation: incarnation,
                    segmentBytes: options.logSegmentBytes, ahead: ahead)),
            groupBytesMax: min(8 << 20, options.logSegmentBytes / 2))
    }

    deinit {
        // An engine that was given up without `close`, such as one whose recovery failed.
        tables.isClosed.store(true, ordering: .relaxed)
        if !state.withLock({ $0.isClosed }) { environment.coordinator.leave() }
    }

    /// Opens the engine of a data directory, which is made when it is new.
    ///
    /// - Throws: `conflict` when another process has it, `corrupted` when the FORMAT object is damaged or of a newer version.
    package static func open(_ environment: Environment, _ options: EngineOptions)
        throws(SiltstoneError) -> Engine
    {
        try environment.coordinator.join()
        do throws(SiltstoneError) {
            _ = try environment.objects.removeUnfinished()
            try checkFormat(environment)
            let last = try environment.log.incarnations().last
            return Engine(
                environment, options, incarnation: makeIncarnation(environment, after: last))
        } catch {
            environment.coordinator.leave()
            throw error
        }
    }

    private static func checkFormat(_ environment: Environment) throws(SiltstoneError) {
        let objects = environment.objects
        if try objects.size(FormatRecord.key) == nil {
            let record = FormatRecord(
                directory: environment.makeIdentifier(),
                createdMilliseconds: environment.clock.nowMilliseconds)
            if try objects.putIfAbsent(FormatRecord.key, record.encoded()) { return }
        }
        let bytes = try objects.get(FormatRecord.key)
        do throws(DecodingError) {
            _ = try FormatRecord(decoding: bytes)
        } catch {
            throw SiltstoneError(
                .corrupted, error.message, at: .init(file: FormatRecord.key, offset: error.offset))
        }
    }

    /// An identifier later than every older log's, whatever the clock says.
    private static func makeIncarnation(_ environment: Environment, after last: Identifier?)
        -> Identifier
    {
        let fresh = environment.makeIdentifier()
        guard let last, fresh <= last else { return fresh }
        return Identifier(
            milliseconds: Int64(last.high >> 16) + 1,
            random: (environment.random.next(), environment.random.next()))
    }

    /// Sets what is told, on a background thread, of each region whose files a flush or compaction changed.
    package func watchFiles(_ body: @escaping @Sendable (TreeGroup) -> Void) {
        watcher.withLock { $0 = body }
    }

    /// Tells of a region's files.
    func noteFiles(of group: TreeGroup) { watcher.withLock { $0 }?(group) }

    /// The address space of a memtable: room for the batch that takes it over its limit.
    var memtableCapacityBytes: Int { options.flushBytes + options.flushBytes / 4 + (1 << 20) }

    /// The open groups.
    var groups: [TreeGroup] { state.withLock { Array($0.groups.values) } }

    /// Where new files of a table go.
    func target(_ table: Identifier) -> TableTarget {
        TableTarget(
            environment: environment, table: table, pending: pending,
            verifies: options.verifiesFiles)
    }

    /// Refuses all further writes.
    @discardableResult
    func poison(_ error: SiltstoneError) -> SiltstoneError {
        withLead { $0.log.fail(error) }
    }

    /// Whether writes are refused because storage failed.
    var failure: SiltstoneError? { withLead { $0.log.failure } }

    /// What those who read without locks are in meanwhile.
    package var readEpoch: ReadEpoch { tables.blocks.epoch }

    /// What the block cache did and holds.
    package var cacheStatistics: BlockCacheStatistics { tables.blocks.statistics }

    /// The snapshots that are held for as long as is worth a report, each given once.
    package func takeOldSnapshots() -> [HeldSnapshot] {
        snapshots.takeOld(ageMilliseconds: options.snapshotAgeMilliseconds)
    }

    /// What was done since the engine was opened.
    package var metrics: EngineMetrics {
        var metrics = EngineMetrics()
        metrics.batchCount = counters.batches.value
        metrics.operationCount = counters.operations.value
        metrics.commitGroupCount = counters.commitGroups.value
        metrics.flushCount = counters.flushes.value
        metrics.flushWrittenBytes = counters.flushWrittenBytes.value
        metrics.compactionCount = counters.compactions.value
        metrics.compactionReadBytes = counters.compactionReadBytes.value
        metrics.compactionWrittenBytes = counters.compactionWrittenBytes.value
        metrics.flushNanoseconds = counters.flushNanoseconds.value
        metrics.compactionNanoseconds = counters.compactionNanoseconds.value
        metrics.stallCount = counters.stalls.value
        metrics.memoryStallCount = counters.memoryStalls.value
        metrics.slowedCount = counters.slowed.value
        metrics.memorySlowedCount = counters.memorySlowed.value
        metrics.stallNanoseconds = counters.stallNanoseconds.value
        metrics.slowedNanoseconds = counters.slowedNanoseconds.value
        metrics.longestStallNanoseconds = counters.longestStall.value
        metrics.refusedCount = counters.refused.value
        metrics.compactionDebtBytes = compactionDebt.value
        metrics.runningMergeCount = runningMerges.value
        let cache = tables.blocks.statistics
        metrics.cacheBytes = cache.blockBytes
        metrics.indexBytes = cache.indexBytes
        metrics.cacheHitCount = Int(clamping: cache.hits)
        metrics.cacheMissCount = Int(clamping: cache.misses)
        metrics.blockReadBytes = Int(clamping: cache.readBytes)
        metrics.filters = cache.filters
        metrics.readCount = cache.reads
        let held = snapshots.held
        metrics.snapshotCount = held.count
        metrics.oldestSnapshotMilliseconds = held.first?.ageMilliseconds ?? 0
        metrics.oldSnapshots = held.filter {
            $0.ageMilliseconds >= options.snapshotAgeMilliseconds
        }
        for tree in groups.flatMap(\.set.trees) {
            metrics.tableBytes += tree.tables.reduce(0) { $0 + $1.byteCount }
            metrics.lowestLevelBytes +=
                (tree.levels.last ?? tree.runs).reduce(0) { $0 + $1.byteCount }
        }
        metrics.obsoleteBytes = groups.reduce(0) { sum, group in
            sum + group.state.withLock { $0.obsolete.reduce(0) { $0 + $1.byteCount } }
        }
        metrics.memtableBytes = counters.memtableBytes.value
        metrics.sweptFileCount = counters.sweptFiles.value
        metrics.groupCount = groups.count
        withLead { commit in
            metrics.logWrittenBytes = Int(clamping: commit.log.writtenBytes)
            metrics.logBytes = commit.log.byteCount
            metrics.isPoisoned = commit.log.failure != nil
        }
        return metrics
    }
}
