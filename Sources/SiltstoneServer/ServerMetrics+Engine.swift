import SiltIngest
import SiltLSM
import SiltModel

extension ServerMetrics {
    /// What the engine has done since it was opened.
    func appendEngine(_ metrics: EngineMetrics, to text: inout MetricsText) {
        appendCounters(metrics, to: &text)
        appendStalls(metrics, to: &text)
        appendTimes(metrics, to: &text)
        appendRatios(metrics, to: &text)
        appendGauges(metrics, to: &text)
    }

    private func appendCounters(_ metrics: EngineMetrics, to text: inout MetricsText) {
        let counters: [(String, String, Int)] = [
            ("batches", "Batches committed.", metrics.batchCount),
            ("operations", "Changes of cells committed.", metrics.operationCount),
            ("commit_groups", "Groups of batches written together.", metrics.commitGroupCount),
            ("log_written_bytes", "Bytes given to the log.", metrics.logWrittenBytes),
            ("flushes", "Flushes, each of one tree.", metrics.flushCount),
            ("flush_written_bytes", "Bytes written by flushes.", metrics.flushWrittenBytes),
            ("compactions", "Compactions.", metrics.compactionCount),
            (
                "compaction_read_bytes", "Bytes read by compactions.", metrics.compactionReadBytes
            ),
            (
                "compaction_written_bytes", "Bytes written by compactions.",
                metrics.compactionWrittenBytes
            ),
            (
                "refused_commits", "Groups of commits refused because memory stayed full.",
                metrics.refusedCount
            ),
            ("reads", "Gets, and regions that scans came to.", metrics.readCount),
            ("cache_hits", "Blocks found in the cache.", metrics.cacheHitCount),
            ("cache_misses", "Blocks read.", metrics.cacheMissCount),
            (
                "block_read_bytes", "Bytes of blocks read from table files, as they are stored.",
                metrics.blockReadBytes
            ),
            (
                "filter_asked", "Times that a read of one row asked a file's filter.",
                metrics.filters.asked
            ),
            (
                "filter_excluded", "Times that the filter said no.", metrics.filters.excluded
            ),
            (
                "filter_wrong", "Times that the filter said maybe and there was nothing.",
                metrics.filters.wrong
            ),
            ("swept_files", "Obsolete files deleted.", metrics.sweptFileCount),
        ]
        for (name, help, value) in counters {
            let name = "siltstone_engine_\(name)_total"
            text.family(name, "counter", help)
            text.sample(name, [], Double(value))
        }
    }

    /// How often writers waited or were held back, and what for.
    private func appendStalls(_ metrics: EngineMetrics, to text: inout MetricsText) {
        let counters: [(String, String, Int, Int)] = [
            (
                "stalls", "Times that writers had to wait.", metrics.stallCount,
                metrics.memoryStallCount
            ),
            (
                "slowed_commits", "Times that commits were held back for some milliseconds.",
                metrics.slowedCount, metrics.memorySlowedCount
            ),
        ]
        for (name, help, all, forMemory) in counters {
            let name = "siltstone_engine_\(name)_total"
            text.family(name, "counter", help)
            text.sample(name, [("cause", "memory")], Double(forMemory))
            text.sample(name, [("cause", "merges")], Double(max(0, all - forMemory)))
        }
    }

    private func appendTimes(_ metrics: EngineMetrics, to text: inout MetricsText) {
        let times: [(String, String, Int)] = [
            ("stall", "Time that writers had to wait.", metrics.stallNanoseconds),
            ("slowed", "Time that commits were held back.", metrics.slowedNanoseconds),
            ("flush", "Time spent on flushes.", metrics.flushNanoseconds),
            ("compaction", "Time spent on compactions.", metrics.compactionNanoseconds),
        ]
        for (name, help, value) in times {
            let name = "siltstone_engine_\(name)_seconds_total"
            text.family(name, "counter", help)
            text.sample(name, [], Double(value) / 1e9)
        }
    }

    private func appendRatios(_ metrics: EngineMetrics, to text: inout MetricsText) {
        let values: [(String, String, Double)] = [
            (
                "longest_stall_seconds", "The longest time that a writer waited.",
                Double(metrics.longestStallNanoseconds) / 1e9
            ),
            (
                "oldest_snapshot_age_seconds", "Age of the oldest snapshot that a scan holds.",
                Double(metrics.oldestSnapshotMilliseconds) / 1e3
            ),
            (
                "write_amplification_ratio",
                "Bytes written by flushes and compactions for each byte flushed.",
                metrics.writeAmplification
            ),
            (
                "read_amplification_ratio",
                "Blocks looked at for each get and each region that a scan came to.",
                metrics.readAmplification
            ),
            (
                "space_amplification_ratio",
                "Bytes of table files for each byte of their lowest levels.",
                metrics.spaceAmplification
            ),
        ]
        for (name, help, value) in values {
            let name = "siltstone_engine_\(name)"
            text.family(name, "gauge", help)
            text.sample(name, [], value)
        }
    }

    private func appendGauges(_ metrics: EngineMetrics, to text: inout MetricsText) {
        let gauges: [(String, String, Int)] = [
            ("log_bytes", "Bytes of log kept.", metrics.logBytes),
            ("memtable_bytes", "Memory of all memtables in bytes.", metrics.memtableBytes),
            ("regions", "Regions open.", metrics.groupCount),
            (
                "compaction_debt_bytes", "Bytes that wait to be merged down.",
                metrics.compactionDebtBytes
            ),
            ("cache_bytes", "Memory of blocks in the cache in bytes.", metrics.cacheBytes),
            (
                "index_bytes", "Memory of indexes and filters of open files in bytes.",
                metrics.indexBytes
            ),
            ("table_bytes", "Bytes of table files in use.", metrics.tableBytes),
            (
                "obsolete_bytes", "Bytes of files that wait for their deletion.",
                metrics.obsoleteBytes
            ),
            ("snapshots", "Snapshots that scans hold.", metrics.snapshotCount),
            (
                "old_snapshots", "Snapshots held for ten minutes or longer.",
                metrics.oldSnapshots.count
            ),
            (
                "poisoned", "1 when writes are refused because storage failed.",
                metrics.isPoisoned ? 1 : 0
            ),
        ]
        for (name, help, value) in gauges {
            let name = "siltstone_engine_\(name)"
            text.family(name, "gauge", help)
            text.sample(name, [], Double(value))
        }
    }

    /// How long calls take, of one in 64.
    func appendLatencies(_ latencies: EngineLatencies, to text: inout MetricsText) {
        let name = "siltstone_engine_call_seconds"
        text.family(name, "histogram", "Latency of calls, of one in 64 taken at random.")
        for kind in EngineLatencies.Kind.allCases {
            let counts = latencies.counts(kind)
            let label = ("call", "\(kind)")
            for bucket in counts.cumulative {
                let bound = String(Double(bucket.belowNanoseconds) / 1e9)
                text.sample(name + "_bucket", [label, ("le", bound)], Double(bucket.count))
            }
            text.sample(name + "_bucket", [label, ("le", "+Inf")], Double(counts.count))
            text.sample(name + "_sum", [label], Double(counts.sumNanoseconds) / 1e9)
            text.sample(name + "_count", [label], Double(counts.count))
        }
    }

    /// The jobs: what each has done over all its runs, and whether it runs.
    func appendJobs(_ jobs: [RunningJob], to text: inout MetricsText) {
        let statuses = jobs.map { (name: $0.record.name, status: $0.currentStatus) }
        text.family("siltstone_job_running", "gauge", "1 while the job runs.")
        for job in statuses {
            let value = job.status.state == .running ? 1.0 : 0
            text.sample("siltstone_job_running", [("job", job.name)], value)
        }
        let counters: [(String, String, (JobSummary) -> Int64)] = [
            ("records", "Records read, good and bad.", { $0.records }),
            ("read_bytes", "Bytes read.", { $0.bytes }),
            ("bad_records", "Records that could not be read.", { $0.bad }),
            ("late_events", "Events that came after their windows were closed.", { $0.late }),
            ("rows", "Window rows written.", { $0.rows }),
            ("checkpoints", "Checkpoints made.", { $0.checkpoints }),
        ]
        for (name, help, value) in counters {
            let name = "siltstone_job_\(name)_total"
            text.family(name, "counter", help)
            for job in statuses {
                guard let summary = job.status.summary else { continue }
                text.sample(name, [("job", job.name)], Double(value(summary)))
            }
        }
    }
}
