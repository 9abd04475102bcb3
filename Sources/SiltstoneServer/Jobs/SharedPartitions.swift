import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// The partitions of jobs whose work other processes do: members of a group that share one store.
final class SharedPartitions: Sendable {
    private struct Entry {
        let document: [UInt8]
        let store: LocalPartitionStore
    }

    private let store: TableStore
    private let alerts: AlertService
    /// Whether a job's receivers may be told; throws when not.
    private let check: @Sendable (JobDefinition) throws(SiltstoneError) -> Void
    private let jobs = Mutex<[String: Entry]>([:])

    init(
        store: TableStore, alerts: AlertService,
        check: @escaping @Sendable (JobDefinition) throws(SiltstoneError) -> Void
    ) {
        self.store = store
        self.alerts = alerts
        self.check = check
    }

    /// The partitions of a job that a member describes; blocks.
    ///
    /// All members are given the same one as long as their job files are the same, so that their commits take turns.
    func open(_ name: String, document: [UInt8]) throws(SiltstoneError) -> LocalPartitionStore {
        try jobs.withLock { jobs throws(SiltstoneError) in
            if let entry = jobs[name], entry.document == document { return entry.store }
            let definition: JobDefinition
            do throws(JobDiagnostics) {
                definition = try JobRecord.definition(document)
            } catch {
                throw error.error
            }
            guard definition.name == name, case .kafka = definition.source else {
                throw SiltstoneError(
                    .invalidArgument, "the file is of another job, or not over kafka job=\(name)")
            }
            try check(definition)
            let alerts = alerts
            let opened = try LocalPartitionStore(
                definition, in: store, didQueueAlerts: { alerts.wake() })
            // Another file of the same job: members with the old one find their claims gone.
            jobs[name] = Entry(document: document, store: opened)
            return opened
        }
    }
}
