import SiltBytes
import SiltIO
import SiltIngest
import SiltLSM
import SiltModel
import SiltTable
import Testing

@testable import SiltKafka

@Suite("Jobs over Kafka", .serialized) struct KafkaJobTests {
    private let disk = MemoryDisk()
    private let clock = SystemClock()

    private func job(_ bootstrap: String, _ kafka: String = #""stop": "end""#) throws
        -> JobDefinition
    {
        let json = """
            {"job": "j", "source": {"kafka": {"brokers": ["\(bootstrap)"], "topic": "events", \(kafka)},
                "format": "ndjson"},
             "time": {"field": "ts", "out_of_order": "1s"}, "key": ["k"],
             "windows": [{"name": "w", "hop": {"size": "20s", "every": "10s"}}],
             "aggregates": {"n": "count()", "s": "sum(v)", "u": "distinct(v)"},
             "into": {"table": "t"}, "bad_records": {"table": "bad"}}
            """
        return try JobDefinition(DocumentNode(json: Array(json.utf8)))
    }

    private func run(_ job: JobDefinition, _ store: TableStore, stopAfter: Int64? = nil) throws
        -> JobSummary
    {
        guard case .kafka(let settings) = job.source else {
            throw SiltstoneError(.invalidArgument, "no kafka")
        }
        let clock = clock
        let source = try KafkaSource(settings, nowMilliseconds: { clock.nowMilliseconds })
        let partitions = try LocalPartitionStore(job, in: store)
        var options = JobRunner.Options()
        options.checkpointMilliseconds = 50
        var seen: Int64 = 0
        return try PartitionRunner(
            job: job, settings: settings, source: source, store: partitions, clock: clock,
            options: options
        ).run(
            progress: { seen = $0.records },
            isCancelled: { stopAfter.map { seen >= $0 } ?? false })
    }

    private func open() throws -> TableStore {
        var engine = EngineOptions()
        engine.logSegmentBytes = 4 << 20
        return try TableStore.open(.memory(disk: disk, clock: ManualClock(), seed: 1), engine)
    }

    private func table(_ store: TableStore, _ name: String) throws -> [String] {
        var lines: [String] = []
        let scanner = try store.table(name).scan(.all)
        while let row = try scanner.next() {
            lines += row.cells.map { "\(row.key) \($0.column)=\($0.value)" }
        }
        return lines
    }

    @Test("a window's row is the sum of what its partitions hold, whatever the codec")
    func merges() throws {
        for codec in ["none", "gzip", "lz4", "snappy"] {
            let cluster = try MockCluster(
                partitions: 3, settings: [("compression.codec", codec)])
            for event in 0..<3000 {
                cluster.send(
                    "{\"ts\": \(event * 10),\n \"k\": \"a\", \"v\": \(event % 7)}", key: "\(event)")
            }
            cluster.flush()
            let store = try TableStore.open(
                .memory(disk: MemoryDisk(), clock: ManualClock(), seed: 1), EngineOptions())
            let summary = try run(try job(cluster.bootstrap), store)
            #expect(summary.records == 3000)
            #expect(summary.outcome == .completed)
            let rows = try table(store, "t")
            #expect(rows.contains("a#0 w:n=2000"))
            #expect(rows.contains("a#-10000 w:n=1000"))
            #expect(rows.contains("a#20000 w:n=1000"))
            #expect(rows.contains("a#0 w:u=7"))
            #expect(rows.contains("a#0 w:s=\((0..<2000).reduce(0) { $0 + $1 % 7 })"))
        }
    }

    @Test("a job goes on where it was, and what is no event stands with its offset in a table")
    func resumes() throws {
        let cluster = try MockCluster(partitions: 2)
        for event in 0..<500 {
            cluster.send("{\"ts\": \(event), \"k\": \"a\", \"v\": 1}", key: "\(event)")
        }
        cluster.send(nil, key: "1")
        cluster.send("garbage", key: "1")
        cluster.flush()
        let store = try open()
        let definition = try job(cluster.bootstrap, #""start": "earliest""#)
        let first = try run(definition, store, stopAfter: 501)
        #expect(first.records == 501)
        #expect(first.bad == 1)
        #expect(try table(store, "t").isEmpty)
        let bad = try table(store, "bad")
        #expect(bad.contains { $0.hasSuffix("e:raw=garbage") })
        for event in 500..<1000 {
            cluster.send("{\"ts\": \(event), \"k\": \"a\", \"v\": 1}", key: "\(event)")
        }
        for partition in 0..<64 {
            cluster.send("{\"ts\": 100000, \"k\": \"z\", \"v\": 1}", key: "\(partition)")
        }
        cluster.flush()
        let second = try run(definition, store, stopAfter: 1065)
        #expect(second.records == 1065)
        #expect(try table(store, "t").contains("a#0 w:n=1000"))
    }

    @Test("who was passed over by another claim writes nothing; a commit sent twice counts once")
    func fences() throws {
        let store = try open()
        let partitions = try LocalPartitionStore(try job("h:1"), in: store)
        let old = try partitions.claim(0)
        let new = try partitions.claim(0)
        #expect(new.epoch == old.epoch + 1)
        var commit = PartitionCommit()
        commit.epoch = new.epoch
        commit.number = 1
        commit.checkpoint = [1, 2, 3]
        try partitions.commit(try PartitionCommit(decoding: commit.encoded))
        try partitions.commit(commit)
        #expect(try partitions.claim(0).checkpoint == [1, 2, 3])
        do throws(SiltstoneError) {
            try partitions.commit(commit)
            Issue.record("a stale commit was taken")
        } catch {
            #expect(error.code == .conditionFailed)
        }
    }

    @Test("a topic that is not there is an error, and so is a wrong setting")
    func refuses() throws {
        #expect(throws: SiltstoneError.self) {
            _ = try KafkaSource(
                KafkaSettings(brokers: ["127.0.0.1:1"], options: ["no.such": "x"]),
                nowMilliseconds: { 0 })
        }
        for (kafka, message) in [
            (#""start": "sometime""#, "start is"), (#""options": {"group.id": "x"}"#, "set by"),
            (#""group": "g", "stop": "end""#, "without a group"),
        ] {
            do {
                _ = try job("h:1", kafka)
                Issue.record("taken: \(kafka)")
            } catch let error as JobDiagnostics {
                #expect(error.list.contains { $0.message.contains(message) })
            }
        }
    }
}
