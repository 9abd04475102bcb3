internal import Synchronization

/// What an engine did since it was opened, and what it holds.
package struct EngineMetrics: Sendable {
    /// Batches committed.
    package var batchCount = 0
    /// Operations committed.
    package var operationCount = 0
    /// Groups of batches written together.
    package var commitGroupCount = 0
    /// Bytes given to the log.
    package var logWrittenBytes = 0
    /// Bytes of log kept.
    package var logBytes = 0
    /// Flushes, each of one tree.
    package var flushCount = 0
    /// Bytes written by flushes.
    package var flushWrittenBytes = 0
    /// Time spent on flushes, in nanoseconds.
    package var flushNanoseconds = 0
    /// Time spent on compactions, in nanoseconds.
    package var compactionNanoseconds = 0
    /// Compactions.
    package var compactionCount = 0
    /// Bytes read by compactions.
    package var compactionReadBytes = 0
    /// Bytes written by compactions.
    package var compactionWrittenBytes = 0
    /// Times that writers had to wait for a flush or a compaction.
    package var stallCount = 0
    /// Those of them that waited for memory; the others waited for merges.
    package var memoryStallCount = 0
    /// How long writers waited, in nanoseconds.
    package var stallNanoseconds = 0
    /// The longest time that a writer waited or was held back, in nanoseconds.
    package var longestStallNanoseconds = 0
    /// Times that commits were held back for some milliseconds, so that flushes and merges keep up.
    package var slowedCount = 0
    /// Those of them that were held back for memory; the others were for merges.
    package var memorySlowedCount = 0
    /// How long they were held back, in nanoseconds.
    package var slowedNanoseconds = 0
    /// Groups of commits refused as `overloaded`.
    package var refusedCount = 0
    /// Bytes that wait to be merged down.
    package var compactionDebtBytes = 0
    /// Flushes and merges that run now.
    package var runningMergeCount = 0
    /// Blocks found in the cache.
    package var cacheHitCount = 0
    /// Blocks read because the cache did not have them.
    package var cacheMissCount = 0
    /// Bytes read of files for these blocks, as they are stored.
    package var blockReadBytes = 0
    /// What filters said to reads of one row.
    package var filters = FilterCounts()
    /// Gets, and regions that scans came to.
    package var readCount = 0
    /// Bytes of all table files, without those that wait for their deletion.
    package var tableBytes = 0
    /// Bytes of the table files of each tree's lowest level.
    package var lowestLevelBytes = 0
    /// Bytes of files that wait for their deletion.
    package var obsoleteBytes = 0
    /// Snapshots of scans that are held.
    package var snapshotCount = 0
    /// The age of the oldest of them, in milliseconds.
    package var oldestSnapshotMilliseconds = 0
    /// Those held for suspiciously long.
    package var oldSnapshots: [HeldSnapshot] = []
    /// Bytes of blocks in the cache.
    package var cacheBytes = 0
    /// Bytes of the indexes and filters of open files.
    package var indexBytes = 0
    /// Bytes of memory of all memtables.
    package var memtableBytes = 0
    /// Files deleted by the sweeper.
    package var sweptFileCount = 0
    /// Regions open.
    package var groupCount = 0
    /// Whether writes are refused because storage failed.
    package var isPoisoned = false

    /// Zeros.
    package init() {}

    /// Bytes that flushes and compactions wrote for each byte that flushes wrote; 1 before anything was.
    package var writeAmplification: Double {
        let flushed = Double(max(1, flushWrittenBytes))
        return flushWrittenBytes == 0
            ? 1 : Double(flushWrittenBytes + compactionWrittenBytes) / flushed
    }

    /// Blocks looked at, in memory or on disk, for each get and each region that a scan came to.
    package var readAmplification: Double {
        Double(cacheHitCount + cacheMissCount) / Double(max(1, readCount))
    }

    /// Bytes of table files for each byte of their lowest levels.
    package var spaceAmplification: Double {
        lowestLevelBytes == 0 ? 1 : Double(tableBytes) / Double(lowestLevelBytes)
    }
}

/// One tree's part of `GroupMetrics`.
package struct TreeMetrics: Sendable {
    /// The family's number.
    package var family: UInt8
    /// Bytes of all table files.
    package var tableBytes = 0
    /// Cells in all table files, markers and hidden versions included.
    package var tableCells = 0
    /// Files in each level from level 0 down.
    package var fileCounts: [Int] = []
    /// Bytes of memory of the memtables.
    package var memtableBytes = 0
    /// Cells in the memtables.
    package var memtableCells = 0
    /// Bytes that wait to be merged down.
    package var compactionDebtBytes = 0
}

/// What a region holds.
package struct GroupMetrics: Sendable {
    /// The sequence of the newest visible operation.
    package var sequence: UInt64 = 0
    /// The number of the newest manifest.
    package var manifestNumber: UInt64 = 0
    /// Gets, and scans that came to the region, since it was opened.
    package var readCount = 0
    /// Operations written since it was opened.
    package var writeCount = 0
    /// The trees, by family.
    package var trees: [TreeMetrics] = []

    /// Nothing.
    package init() {}
}

/// The counters behind `EngineMetrics`; each stands for itself, so no order between them is needed.
final class EngineCounters: Sendable {
    /// These three are changed by who leads the commit queue only.
    let batches = Atomic(0)
    let operations = Atomic(0)
    let commitGroups = Atomic(0)
    let flushes = Atomic(0)
    let flushWrittenBytes = Atomic(0)
    let compactions = Atomic(0)
    let compactionReadBytes = Atomic(0)
    let compactionWrittenBytes = Atomic(0)
    let stalls = Atomic(0)
    let memoryStalls = Atomic(0)
    let memorySlowed = Atomic(0)
    let stallNanoseconds = Atomic(0)
    let flushNanoseconds = Atomic(0)
    let compactionNanoseconds = Atomic(0)
    let slowed = Atomic(0)
    let slowedNanoseconds = Atomic(0)
    let longestStall = Atomic(0)
    let refused = Atomic(0)
    let sweptFiles = Atomic(0)
    /// Bytes of memory of all memtables.
    let memtableBytes = Atomic(0)
}

extension Atomic<Int> {
    /// Adds without order.
    func add(_ amount: Int) { wrappingAdd(amount, ordering: .relaxed) }

    /// Adds without order where only one thread at a time adds.
    func addAlone(_ amount: Int) {
        store(load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Keeps the greater one.
    func raise(to value: Int) { _ = max(value, ordering: .relaxed) }

    /// The value now.
    var value: Int { load(ordering: .relaxed) }
}
