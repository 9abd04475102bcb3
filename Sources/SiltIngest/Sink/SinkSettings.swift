/// Where a job's rows go besides its table.
package enum SinkSettings: Hashable, Sendable {
    /// Messages of a topic.
    case kafka(KafkaSinkSettings)
    /// Files in a directory of HDFS; the path is the directory.
    case webhdfs(WebHDFSSettings)

    /// What tells it from the job's other sinks, in the store.
    package var name: String {
        switch self {
        case .kafka(let kafka): "kafka/\(kafka.topic)"
        case .webhdfs(let hdfs): "webhdfs/\(hdfs.path)"
        }
    }
}

extension JobDefinition {
    /// The job with its table only, for trials.
    package var withoutSinks: JobDefinition {
        var job = self
        job.sinks = []
        return job
    }
}

/// A topic that rows are written to.
package struct KafkaSinkSettings: Hashable, Sendable {
    /// The brokers, `host:port`.
    package var brokers: [String] = []
    /// The topic.
    package var topic = ""
    /// Whether the rows of a checkpoint are one transaction, with its number: then each is there once.
    package var isTransactional = true
    /// Settings of librdkafka, such as those of TLS and SASL.
    package var options: [String: String] = [:]

    /// Settings of a topic.
    package init(brokers: [String] = [], topic: String = "") {
        self.brokers = brokers
        self.topic = topic
    }
}
