extension Statistics {
    /// The same as JSON, as `/v1/overview` and `silt stats --json` show it.
    package var json: JSONValue {
        .object(
            ("batches", count(batchCount)), ("reads", count(readCount)),
            ("log_written_bytes", count(logWrittenBytes)),
            ("flush_written_bytes", count(flushWrittenBytes)),
            ("compaction_read_bytes", count(compactionReadBytes)),
            ("compaction_written_bytes", count(compactionWrittenBytes)),
            ("compaction_debt_bytes", count(compactionDebtBytes)),
            ("block_read_bytes", count(blockReadBytes)),
            ("write_amplification", .number(writeAmplification)),
            ("read_amplification", .number(readAmplification)),
            ("space_amplification", .number(spaceAmplification)),
            ("table_bytes", count(tableBytes)), ("memtable_bytes", count(memtableBytes)),
            ("cache_bytes", count(cacheBytes)), ("index_bytes", count(indexBytes)),
            ("cache_hits", count(cacheHitCount)), ("cache_misses", count(cacheMissCount)),
            ("cache_hit_ratio", .number(cacheHitRatio)),
            ("filter_asked", count(filterAskedCount)),
            ("filter_excluded", count(filterExcludedCount)),
            ("filter_wrong", count(filterWrongCount)),
            ("filter_wrong_ratio", .number(filterWrongRatio)),
            ("stalls", count(stallCount)), ("stalls_for_memory", count(memoryStallCount)),
            ("stall_ns", count(stallNanoseconds)),
            ("longest_stall_ns", count(longestStallNanoseconds)),
            ("slowed", count(slowedCount)), ("slowed_for_memory", count(memorySlowedCount)),
            ("slowed_ns", count(slowedNanoseconds)), ("refused", count(refusedCount)),
            ("snapshots", count(snapshotCount)), ("old_snapshots", count(oldSnapshots.count)),
            ("old_snapshot_list", .array(oldSnapshots.map(\.json))),
            ("commits", commits.json), ("gets", gets.json), ("seeks", seeks.json))
    }
}

extension Statistics.Latency {
    fileprivate var json: JSONValue {
        .object(
            ("samples", count(sampleCount)), ("p50_ns", count(p50Nanoseconds)),
            ("p99_ns", count(p99Nanoseconds)), ("p999_ns", count(p999Nanoseconds)),
            ("max_ns", count(maxNanoseconds)), ("sum_ns", count(sumNanoseconds)),
            (
                "buckets",
                .array(
                    buckets.map {
                        .object(
                            ("below_ns", count($0.belowNanoseconds)), ("count", count($0.count)))
                    })
            ))
    }
}

extension Statistics.OldSnapshot {
    fileprivate var json: JSONValue {
        .object(
            ("purpose", .string(purpose)), ("table", .string(table)), ("region", .string(region)),
            ("age_ms", count(ageMilliseconds)))
    }
}

private func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
