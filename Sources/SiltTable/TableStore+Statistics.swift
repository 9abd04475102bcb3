import SiltBytes
import SiltLSM
package import SiltModel
import Synchronization

extension TableStore {
    /// What was done since the store was opened, and what it holds.
    package var statistics: Statistics {
        let metrics = engine.metrics
        var statistics = Statistics()
        statistics.batchCount = metrics.batchCount
        statistics.logWrittenBytes = metrics.logWrittenBytes
        statistics.flushWrittenBytes = metrics.flushWrittenBytes
        statistics.compactionWrittenBytes = metrics.compactionWrittenBytes
        statistics.compactionDebtBytes = metrics.compactionDebtBytes
        statistics.writeAmplification = metrics.writeAmplification
        statistics.spaceAmplification = metrics.spaceAmplification
        statistics.tableBytes = metrics.tableBytes
        statistics.memtableBytes = metrics.memtableBytes
        statistics.cacheBytes = metrics.cacheBytes
        statistics.indexBytes = metrics.indexBytes
        statistics.cacheHitCount = metrics.cacheHitCount
        statistics.cacheMissCount = metrics.cacheMissCount
        statistics.readAmplification = metrics.readAmplification
        statistics.readCount = metrics.readCount
        statistics.blockReadBytes = metrics.blockReadBytes
        statistics.compactionReadBytes = metrics.compactionReadBytes
        statistics.filterAskedCount = metrics.filters.asked
        statistics.filterExcludedCount = metrics.filters.excluded
        statistics.filterWrongCount = metrics.filters.wrong
        statistics.memoryStallCount = metrics.memoryStallCount
        statistics.slowedCount = metrics.slowedCount
        statistics.memorySlowedCount = metrics.memorySlowedCount
        statistics.slowedNanoseconds = metrics.slowedNanoseconds
        statistics.stallCount = metrics.stallCount
        statistics.stallNanoseconds = metrics.stallNanoseconds
        statistics.longestStallNanoseconds = metrics.longestStallNanoseconds
        statistics.refusedCount = metrics.refusedCount
        statistics.snapshotCount = metrics.snapshotCount
        statistics.oldSnapshots = named(metrics.oldSnapshots)
        statistics.commits = Statistics.Latency(engine.latencies.counts(.commit))
        statistics.gets = Statistics.Latency(engine.latencies.counts(.get))
        statistics.seeks = Statistics.Latency(engine.latencies.counts(.seek))
        return statistics
    }

    /// The snapshots that are held for ten minutes or longer, each given once; for a log.
    package func takeOldSnapshots() -> [Statistics.OldSnapshot] {
        named(engine.takeOldSnapshots())
    }

    private func named(_ snapshots: [HeldSnapshot]) -> [Statistics.OldSnapshot] {
        if snapshots.isEmpty { return [] }
        let tables = names.withLock { $0 }
        return snapshots.map { held in
            var old = Statistics.OldSnapshot()
            old.purpose = held.purpose
            old.table = tables.first { $0.value.id == held.table }?.key ?? "\(held.table)"
            old.region = "\(held.region)"
            old.ageMilliseconds = held.ageMilliseconds
            return old
        }
    }
}

extension Statistics.Latency {
    fileprivate init(_ counts: LatencyCounts) {
        self.init()
        sampleCount = Int(clamping: counts.count)
        p50Nanoseconds = Int(clamping: counts.percentileNanoseconds(0.5))
        p99Nanoseconds = Int(clamping: counts.percentileNanoseconds(0.99))
        p999Nanoseconds = Int(clamping: counts.percentileNanoseconds(0.999))
        maxNanoseconds = Int(clamping: counts.maxNanoseconds)
        sumNanoseconds = Int(clamping: counts.sumNanoseconds)
        buckets = counts.cumulative.map { item in
            var bucket = Statistics.Bucket()
            bucket.belowNanoseconds = Int(clamping: item.belowNanoseconds)
            bucket.count = Int(clamping: item.count)
            return bucket
        }
    }
}
