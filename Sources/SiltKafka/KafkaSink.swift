import CRdKafka
package import SiltIngest
package import SiltModel

/// Writes a job's rows as messages of a topic, keyed by the key of the row.
///
/// The rows of a checkpoint are one transaction, in which the checkpoint's number is committed as the offset of a group
/// of the job's own: a batch that is delivered again after a kill is known by it, so that each row is there once for who
/// reads committed messages. Without transactions the producer is idempotent, and a batch is there again after a kill
/// between its delivery and the next write to the store.
package final class KafkaSink: RowSink {
    /// What tells it from the job's other sinks.
    package let name: String
    private let settings: KafkaSinkSettings
    private let job: String
    /// Made anew after a failure: what that left open is ended then.
    private var producer: KafkaHandle?
    /// The newest checkpoint whose rows are in the topic; `nil` before anybody has asked.
    private var delivered: Int64?

    private static let timeoutMilliseconds: Int32 = 30_000

    /// A sink of a job.
    ///
    /// - Throws: `invalidArgument` for wrong settings.
    package init(_ settings: KafkaSinkSettings, job: String) throws(SiltstoneError) {
        self.settings = settings
        name = SinkSettings.kafka(settings).name
        self.job = job
        producer = try makeProducer()
    }

    private func makeProducer() throws(SiltstoneError) -> KafkaHandle {
        var pairs = [
            ("bootstrap.servers", settings.brokers.joined(separator: ",")),
            ("enable.idempotence", "true"), ("linger.ms", "5"),
        ]
        if settings.isTransactional { pairs.append(("transactional.id", "silt-\(job)")) }
        pairs += settings.options.sorted { $0.key < $1.key }
        return try KafkaHandle(isProducer: true, pairs)
    }

    /// Sends the messages of a batch, and waits until the brokers have them.
    package func deliver(_ batch: SinkBatch) throws(SiltstoneError) {
        do throws(SiltstoneError) {
            if settings.isTransactional {
                try deliverOnce(batch)
            } else {
                try send(batch)
                try flush()
            }
        } catch {
            // Whether it is there after all is asked before the next attempt.
            producer = nil
            delivered = nil
            throw error
        }
    }

    private func flush() throws(SiltstoneError) {
        try call("messages are not delivered") {
            // Safety: the text is a buffer of the size given.
            unsafe Int64(silt_kafka_flush($0, Self.timeoutMilliseconds, &$1, Int32($1.count)))
        }
    }

    private func deliverOnce(_ batch: SinkBatch) throws(SiltstoneError) {
        let number = Int64(clamping: batch.number)
        let group = "silt-\(job)-\(batch.outbox)"
        if delivered == nil { try begin(group) }
        if number <= delivered ?? 0 { return }
        try call("transaction cannot begin") {
            // Safety: the text is a buffer of the size given.
            unsafe Int64(silt_kafka_begin_transaction($0, &$1, Int32($1.count)))
        }
        try send(batch)
        let topic = settings.topic
        try call("transaction is not committed") {
            // Safety: the text is a buffer of the size given; the strings lend their bytes for the call.
            unsafe Int64(
                silt_kafka_commit_transaction(
                    $0, group, topic, number, Self.timeoutMilliseconds, &$1, Int32($1.count)))
        }
        delivered = number
    }

    /// Ends what an earlier process left open, and asks how far it came.
    private func begin(_ group: String) throws(SiltstoneError) {
        try call("transactions cannot be used") {
            // Safety: the text is a buffer of the size given.
            unsafe Int64(
                silt_kafka_init_transactions($0, Self.timeoutMilliseconds, &$1, Int32($1.count)))
        }
        var pairs = [
            ("bootstrap.servers", settings.brokers.joined(separator: ",")), ("group.id", group),
            ("enable.auto.commit", "false"),
        ]
        pairs += settings.options.filter { Self.isCommon($0.key) }.sorted { $0.key < $1.key }
        let reader = try KafkaHandle(isProducer: false, pairs)
        let topic = settings.topic
        let offset = try reader.call("checkpoint of the topic cannot be read topic=\(topic)") {
            // Safety: the text is a buffer of the size given; the string lends its bytes for the call.
            unsafe silt_kafka_committed(
                $0, topic, 0, Self.timeoutMilliseconds, &$1, Int32($1.count))
        }
        delivered = max(0, offset)
    }

    /// Settings of the connection, which consumers have too.
    private static func isCommon(_ name: String) -> Bool {
        ["security.", "ssl.", "sasl.", "socket.", "broker.", "client."].contains {
            name.hasPrefix($0)
        }
    }

    private func send(_ batch: SinkBatch) throws(SiltstoneError) {
        let topic = settings.topic
        for message in batch.messages {
            try call("message cannot be sent topic=\(topic)") {
                // Safety: the arrays lend their bytes for the call, and are as long as is said.
                unsafe Int64(
                    silt_kafka_produce(
                        $0, topic, message.key, message.key.count, message.value,
                        message.value.count, &$1, Int32($1.count)))
            }
        }
    }

    @safe private func call(
        _ what: String, _ body: (OpaquePointer, inout [CChar]) -> Int64
    ) throws(SiltstoneError) {
        let handle: KafkaHandle
        if let producer { handle = producer } else { handle = try makeProducer() }
        producer = handle
        // Safety: the handle is open for the call, and the text is a buffer of the size that the body is told.
        _ = try handle.call(what) { unsafe body($0, &$1) }
    }
}
