import Foundation
import SiltIO
import SiltIngest
import SiltKafka
import SiltModel
import SiltTable

/// Runs a job over Kafka, alone on a directory or with others on a server.
struct KafkaJob {
    let job: JobDefinition
    let settings: KafkaSettings
    let options: JobRunner.Options
    /// The job file, for the server.
    let document: [UInt8]

    /// Runs on a directory that this process opens; `telling` tells the alerts while its body runs.
    func run(
        data: String, progress: @escaping (JobSummary) -> Void, isCancelled: @escaping () -> Bool,
        telling: (TableStore, (JobRunner.Options) throws -> JobSummary) throws -> JobSummary
    ) throws -> JobSummary {
        // Brokers first: a wrong address must not leave an empty database behind.
        let source = try makeSource()
        let store = try EmbeddedAccess.open(data, creates: true)
        do {
            let summary = try telling(store) { options in
                let partitions = try LocalPartitionStore(
                    job, in: store, durability: options.durability,
                    didQueueAlerts: options.didQueueAlerts)
                if options.isFresh { try partitions.reset() }
                return try run(source, partitions, progress, isCancelled)
            }
            try store.closeWithEnvironment()
            return summary
        } catch {
            try? store.closeWithEnvironment()
            throw error
        }
    }

    /// Runs as one of those that keep their state on a server.
    func run(
        server: ServerAddress, progress: @escaping (JobSummary) -> Void,
        isCancelled: @escaping () -> Bool
    ) throws -> JobSummary {
        if options.isFresh {
            throw CommandFailure(
                .usage, "--fresh is for --data; on a server give the job another name")
        }
        let partitions = RemotePartitionStore(server, job: job.name, document: document)
        return try run(try makeSource(), partitions, progress, isCancelled)
    }

    private func makeSource() throws -> KafkaSource {
        let clock = SystemClock()
        return try KafkaSource(settings, nowMilliseconds: { clock.nowMilliseconds })
    }

    private func run(
        _ source: KafkaSource, _ partitions: any PartitionStore,
        _ progress: @escaping (JobSummary) -> Void, _ isCancelled: @escaping () -> Bool
    ) throws -> JobSummary {
        try PartitionRunner(
            job: job, settings: settings, source: source, store: partitions, clock: SystemClock(),
            options: options
        ).run(progress: progress, isCancelled: isCancelled)
    }
}
