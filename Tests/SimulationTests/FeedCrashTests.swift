import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Crashes of change feeds")
struct FeedCrashTests {
    @Test(
        "a crash at any call: a reader that goes on misses nothing, sees nothing twice, and nothing that did not happen"
    )
    func everyCall() throws {
        let call = try CrashSweep.run("feed crash") { call, effect, seed in
            let script = FeedScript(seed: seed &+ UInt64(call))
            let isFinished = try script.run(stoppingAt: call, effect)
            try script.verify("seed \(seed) call \(call) \(effect)")
            return isFinished
        }
        #expect(call > 60)
    }
}

/// Batches over two tables with feeds, flushes, merges and a reopening, read as they come, until the disk stops.
private final class FeedScript {
    private static let families = [Family("f", maxVersions: 100)]
    private static let day: Int64 = 86_400_000

    private let disk = MemoryDisk()
    private let clock = ManualClock()
    private let random: SeededRandom
    /// The batches that were acknowledged: each writes its number.
    private var acknowledged: [Int] = []
    /// How many were begun.
    private var begun = 0
    /// What a reader saw of each table.
    private var seen: [String: [TableChange]] = ["t": [], "u": []]
    private var feedsAreMade = false

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Runs until the disk stops.
    ///
    /// - Returns: whether the script came to its end.
    func run(stoppingAt call: Int, _ effect: FaultPlan.StopEffect) throws -> Bool {
        disk.install(FaultPlan(stopAtMutatingCall: call, stopEffect: effect, seed: UInt64(call)))
        do {
            var store = try CrashSweep.open(disk, clock, random)
            for name in ["t", "u"] {
                _ = try store.createTable(
                    TableDefinition(
                        name, families: Self.families, hashBuckets: name == "u" ? 2 : nil))
                try store.enableFeed(name, retentionMilliseconds: Self.day)
            }
            feedsAreMade = true
            for round in 0..<3 {
                for _ in 0..<3 { try write(store) }
                try read(store)
                try store.table("t").flush()
                if round == 1 {
                    try store.flush()
                    for table in store.tables(includesSystem: true) { try table.compact() }
                    try store.close()
                    store = try CrashSweep.open(disk, clock, random)
                }
                try store.sweep()
            }
            try read(store)
            try store.close()
            return !disk.isStopped
        } catch let error as SiltstoneError {
            #expect(disk.isStopped, "\(error)")
            return false
        }
    }

    /// One batch over both tables: rows whose values are its number.
    private func write(_ store: TableStore) throws {
        clock.advance(milliseconds: 1)
        begun += 1
        let number = begun
        try store.write(
            ["t", "u"].flatMap { name in
                try (0..<2).map { row in
                    TableMutation(
                        table: try store.table(name),
                        mutation: RowMutation(
                            row: Bytes("row\(row)"),
                            changes: [
                                CellMutation(
                                    "f:v",
                                    .put(value: Bytes("\(number)"), timeToLiveMilliseconds: nil))
                            ]))
                }
            })
        acknowledged.append(number)
    }

    /// Reads on where the reader is.
    private func read(_ store: TableStore) throws {
        for name in ["t", "u"] {
            let table = try store.table(name)
            while true {
                let position = seen[name]?.last?.position ?? .start
                let batch = try table.changes(after: position, limit: 3)
                if batch.changes.isEmpty { break }
                seen[name]? += batch.changes
            }
        }
    }

    /// Reopens what a power cut left, twice, with a batch each time, and reads on.
    func verify(_ label: String) throws {
        let left = disk.crashed(keeping: .mixed, random: random)
        for round in 0..<2 {
            let store = try CrashSweep.open(left, clock, random)
            defer { try? store.close() }
            guard feedsAreMade else { return }
            if round == 1 { try write(store) }
            try read(store)
            for name in ["t", "u"] { try check(store.table(name), name, label) }
            if round == 0 { try write(store) }
            try read(store)
            for name in ["t", "u"] { try check(store.table(name), name, label) }
        }
    }

    private func check(_ table: StoredTable, _ name: String, _ label: String) throws {
        let changes = seen[name] ?? []
        let positions = changes.map(\.position)
        #expect(
            zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }, "\(label): order")
        // Each batch as a whole, two rows each, in the order in which they were written.
        var numbers: [Int] = []
        var model = TableModel(families: Self.families)
        for change in changes {
            guard case .row(let mutation) = change.kind,
                case .put(let value, _) = mutation.changes[0].action
            else {
                Issue.record("\(label): \(change)")
                return
            }
            numbers.append(Int(value.string ?? "") ?? 0)
            model.apply(mutation, nowMilliseconds: change.timestamp)
        }
        #expect(numbers.count % 2 == 0, "\(label): half a batch")
        let batches = stride(from: 0, to: numbers.count, by: 2).map { numbers[$0] }
        #expect(
            zip(batches, batches.dropFirst()).allSatisfy { $0 < $1 }, "\(label): \(batches)")
        #expect(
            Set(acknowledged).isSubset(of: batches),
            "\(label): an acknowledged batch is missing: \(batches) of \(acknowledged)")
        let wanted = Projection(maxVersions: .max)
        let scanner = try table.scan(.all, wanted)
        var rows: [Row] = []
        while let row = try scanner.next() { rows.append(row) }
        #expect(
            rows == model.scan(.all, wanted, nowMilliseconds: clock.nowMilliseconds),
            "\(label): the feed tells another table")
    }
}
