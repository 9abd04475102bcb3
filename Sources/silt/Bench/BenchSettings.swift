import SiltBytes
import SiltModel

/// What a run of `silt bench` was asked to do.
struct BenchSettings: Sendable {
    /// Which of the library's interfaces is measured.
    enum Interface: String, CaseIterable, Sendable {
        /// Calls that block the thread they come from.
        case blocking
        /// `async` calls, each of which changes threads twice.
        case async
    }

    var keyCount: Int
    var keys: BenchKeys
    var threadCount: Int
    var batch: Int?
    var family: Family
    /// Over how many buckets rows are spread by the hash of their keys; `nil` for none.
    var hashBuckets: Int?
    var cacheBytes: Int
    var memtableBytes: Int
    /// One budget for all memory, instead of those two.
    var memoryBudgetBytes: Int?
    var durability: Durability
    var durationSeconds: Double?
    var operationCount: Int?
    var writeRateBytes: Int
    /// Whether flushes and compactions run by themselves.
    var runsMaintenance = true
    var checks: Bool
    var interface: Interface

    /// The column that every operation is about.
    static let column = Column("f", "v")

    /// The table.
    var definition: TableDefinition {
        TableDefinition(
            "bench", families: [family], durability: durability, hashBuckets: hashBuckets)
    }

    /// The cells put together by a workload.
    func batch(of workload: Workload) -> Int { batch ?? (workload == .fillbatch ? 100 : 1) }

    /// The level at which a workload writes.
    func durability(of workload: Workload) -> Durability {
        workload == .fillsync ? .fsyncWAL : durability
    }

    /// How many operations a workload does over all threads.
    func operationCount(of workload: Workload) -> Int {
        if workload.startsEmpty, workload != .fillsync, workload != .deleteseek { return keyCount }
        let own = workload.defaultOperationCount(keyCount: keyCount, threadCount: threadCount)
        // Whatever is told of the others: once is all that these do.
        if workload == .compact || workload == .drain { return own }
        return operationCount ?? own
    }
}
