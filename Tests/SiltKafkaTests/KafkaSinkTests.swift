import CRdKafka
import SiltBytes
import SiltIO
import SiltIngest
import SiltLSM
import SiltModel
import SiltTable
import Testing

@testable import SiltKafka

@Suite("Rows as messages of Kafka", .serialized) struct KafkaSinkTests {
    private let clock = SystemClock()

    private func job(_ bootstrap: String, transactions: Bool) throws -> JobDefinition {
        let json = """
            {"job": "j", "source": {"file": "in", "format": "ndjson"}, "time": {"field": "ts"}, "key": ["k"],
             "windows": [{"name": "w", "tumble": "10s"}], "aggregates": {"n": "count()", "m": "avg(v)"},
             "late": "drop", "into": {"table": "t"},
             "sinks": [{"kafka": {"brokers": ["\(bootstrap)"], "topic": "out", "transactions": \(transactions)}}]}
            """
        return try JobDefinition(DocumentNode(json: Array(json.utf8)))
    }

    private static func sinks(_ job: JobDefinition) throws(SiltstoneError) -> [any RowSink] {
        guard case .kafka(let settings)? = job.sinks.first else {
            throw SiltstoneError(.invalidArgument, "no kafka")
        }
        return [try KafkaSink(settings, job: job.name)]
    }

    private func messages(_ cluster: MockCluster) throws -> [String] {
        var settings = KafkaSettings(brokers: [cluster.bootstrap], topic: "out")
        settings.options["isolation.level"] = "read_committed"
        let clock = clock
        let source = try KafkaSource(settings, nowMilliseconds: { clock.nowMilliseconds })
        var batch = MessageBatch()
        var lines: [String] = []
        var ended = false
        while !ended {
            switch try source.next(into: &batch, timeoutMilliseconds: 200) {
            case .assigned(let partitions):
                try source.begin(partitions.map { ($0, nil) })
            case .messages:
                var place = 0
                for message in batch.messages {
                    let end = place + message.length
                    lines.append(String(decoding: batch.bytes[place..<end], as: UTF8.self))
                    place = end + 1
                }
                ended = batch.reachesEnd
            case .end: ended = true
            case .nothing, .revoked: break
            }
        }
        return lines
    }

    private func input(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { Array("{\"ts\":\($0 * 1000),\"k\":\"a\",\"v\":\($0)}\n".utf8) }
    }

    @Test(
        "every row is there once, also when a run is stopped before it notes that they were delivered",
        arguments: [true, false])
    func delivers(transactions: Bool) throws {
        let cluster = try MockCluster(topic: "out", partitions: 1)
        let job = try self.job(cluster.bootstrap, transactions: transactions)
        var engine = EngineOptions()
        engine.logSegmentBytes = 1 << 20
        let store = try TableStore.open(
            .memory(disk: MemoryDisk(), clock: ManualClock(), seed: 1), engine)
        var options = JobRunner.Options()
        // Each run is as another process.
        options.makeSinks = { () throws(SiltstoneError) in try Self.sinks(job) }
        options.blockBytes = 200
        options.checkpointBytes = 1
        let bytes = input(100)
        var blocks = 5
        var runs = 0
        while true {
            let summary = try JobRunner(
                store: store, job: job,
                input: JobInput(path: "in", files: MemoryInputFiles(["in": bytes])),
                clock: clock, options: options
            ).run(isCancelled: {
                blocks -= 1
                return blocks < 0
            })
            runs += 1
            if summary.outcome == .completed { break }
            blocks = 7
        }
        #expect(runs > 1)
        let lines = try messages(cluster)
        #expect(lines.count == 10)
        #expect(
            lines.first
                == #"{"job":"j","row":"a#0","window":"w","start":0,"end":10000,"values":{"m":4.5,"n":10}}"#
        )
        guard transactions else { return }
        // A batch that is delivered again is known by its number.
        try note(3, "silt-j-o", cluster)
        let sink = try #require(try Self.sinks(job).first)
        for (number, count) in [(UInt64(3), 10), (4, 11), (4, 11)] {
            try sink.deliver(
                SinkBatch(
                    job: "j", outbox: "o", number: number,
                    messages: [SinkBatch.Message(key: [0x61], value: [0x62])]))
            #expect(try messages(cluster).count == count, "\(number)")
        }
    }

    /// Commits a checkpoint's number as the transactions of a sink do: the mock cluster keeps none of theirs.
    private func note(_ number: Int64, _ group: String, _ cluster: MockCluster) throws {
        let member = try KafkaHandle(
            isProducer: false,
            [
                ("bootstrap.servers", cluster.bootstrap), ("group.id", group),
                ("enable.auto.commit", "false"),
            ])
        _ = try member.call("not committed") {
            unsafe Int64(silt_kafka_commit($0, "out", 0, number)) + Int64($1.count)
        }
        while try member.call(
            "not known",
            {
                unsafe silt_kafka_committed($0, "out", 0, 5000, &$1, Int32($1.count))
            }) != number
        {
            clock.sleep(nanoseconds: 10_000_000)
        }
    }

    @Test("a job with sinks is refused where there is no way to them")
    func refused() throws {
        let job = try self.job("127.0.0.1:1", transactions: true)
        let store = try TableStore.open(
            .memory(disk: MemoryDisk(), clock: ManualClock(), seed: 1), EngineOptions())
        #expect(throws: SiltstoneError.self) {
            _ = try JobRunner(
                store: store, job: job,
                input: JobInput(path: "in", files: MemoryInputFiles(["in": input(3)])),
                clock: clock
            ).run()
        }
    }
}
