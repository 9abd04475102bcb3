import SiltIngest
import SiltLSM
import SiltModel

extension ServerMetrics {
    /// What the engine has done since it was opened.
    func appendEngine(_ metrics: EngineMetrics, to text: inout MetricsText) {
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
            ("stalls", "Times that writers had to wait.", metrics.stallCount),
            ("swept_files", "Obsolete files deleted.", metrics.sweptFileCount),
        ]
        for (name, help, value) in counters {
            let name = "siltstone_engine_\(name)_total"
            text.family(name, "counter", help)
            text.sample(name, [], Double(value))
        }
        let stalled = "siltstone_engine_stall_seconds_total"
        text.family(stalled, "counter", "Time that writers had to wait.")
        text.sample(stalled, [], Double(metrics.stallNanoseconds) / 1e9)
        let gauges: [(String, String, Int)] = [
            ("log_bytes", "Bytes of log kept.", metrics.logBytes),
            ("memtable_bytes", "Memory of all memtables in bytes.", metrics.memtableBytes),
            ("regions", "Regions open.", metrics.groupCount),
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
