/// Which events of Kafka a job reads.
package struct KafkaSettings: Hashable, Sendable {
    /// Where reading begins in a partition that the job has no position in.
    package enum Start: Hashable, Sendable {
        /// With the first message that is kept.
        case earliest
        /// With what comes from now on.
        case latest
        /// Where the group has committed, else with the first message.
        case committed
        /// With the first message at or after a time in milliseconds since 1970.
        case time(Int64)
    }

    /// The brokers, `host:port`.
    package var brokers: [String] = []
    /// The topic.
    package var topic = ""
    /// The group whose members share the partitions; `nil` reads all of them.
    package var group: String?
    /// Where reading begins.
    package var start = Start.earliest
    /// What happens when a position is not kept by the broker any more: `earliest`, `latest` or `fail`.
    package var outOfRange = "fail"
    /// Whether the job ends where the partitions ended when it came there.
    package var stopsAtEnd = false
    /// Settings of librdkafka, such as those of TLS and SASL.
    package var options: [String: String] = [:]

    /// Settings of a job.
    package init(
        brokers: [String] = [], topic: String = "", group: String? = nil, start: Start = .earliest,
        options: [String: String] = [:]
    ) {
        self.brokers = brokers
        self.topic = topic
        self.group = group
        self.start = start
        self.options = options
    }
}
