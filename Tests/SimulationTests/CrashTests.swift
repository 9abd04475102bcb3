import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Synchronization
import Testing

@Suite("Crashes")
struct CrashTests {
    @Test(
        "after a crash at any call, every acknowledged batch is there and none half",
        arguments: [Durability.fsyncWAL, .syncWAL, .asyncWAL, .skipWAL])
    func everyCall(_ durability: Durability) throws {
        let call = try CrashSweep.run("crash durability \(durability.name)") {
            call, effect, seed in
            let script = CrashScript(durability: durability, seed: seed &+ UInt64(call))
            let isFinished = try script.run(stoppingAt: call, effect)
            try script.verify(
                "seed \(seed) call \(call) \(effect) \(durability.name)",
                losesPower: durability == .fsyncWAL || effect == .torn)
            return isFinished
        }
        #expect(call > 30)
    }
}

/// Batches over two regions, flushes and merges, until the disk stops.
private final class CrashScript {
    private let durability: Durability
    private let disk = MemoryDisk()
    private let clock = ManualClock()
    private let random: SeededRandom
    private var attempted = 0
    private let acknowledgements = Acknowledgements()
    private var tableWasCreated = false

    init(durability: Durability, seed: UInt64) {
        self.durability = durability
        random = SeededRandom(seed: seed)
    }

    private func open(_ disk: MemoryDisk) throws -> TableStore {
        try CrashSweep.open(disk, clock, random)
    }

    /// Runs until the disk stops.
    ///
    /// - Returns: whether the script came to its end.
    func run(stoppingAt call: Int, _ effect: FaultPlan.StopEffect) throws -> Bool {
        disk.install(
            FaultPlan(stopAtMutatingCall: call, stopEffect: effect, seed: UInt64(call)))
        do {
            let store = try open(disk)
            let table = try store.createTable(
                TableDefinition(
                    "t", families: [Family("f", maxVersions: 100)], splitPoints: ["m"]))
            tableWasCreated = true
            for round in 0..<4 {
                for _ in 0..<4 { try write(table) }
                if round % 2 == 0 { try table.flush() } else { try table.compact() }
                try writeTogether(table, store)
                try changeRegions(round, table, store)
                try write(table)
            }
            try store.sweep()
            try store.close()
            return !disk.isStopped
        } catch let error as SiltstoneError {
            #expect(disk.isStopped, "\(error)")
            return false
        }
    }

    /// Splits, merges, and splits what was merged, each with cells in memory.
    private func changeRegions(_ round: Int, _ table: StoredTable, _ store: TableStore) throws {
        switch round {
        case 0: try store.split("t", at: "a3")
        case 1:
            try store.split("t", at: "zk")
            try write(table)
            let regions = table.regions()
            try store.merge("t", regions[1].id, regions[2].id)
        case 2:
            let regions = table.regions()
            try store.merge("t", regions[0].id, regions[1].id)
            try write(table)
            try store.split("t", at: "last")
        default: try store.sweep()
        }
    }

    private func write(_ table: StoredTable) throws {
        attempted += 1
        try table.write(Self.batch(attempted), durability: durability)
        acknowledgements.insert(attempted)
    }

    /// Batches that wait for a leader and then go out in one write of several records.
    private func writeTogether(_ table: StoredTable, _ store: TableStore) throws {
        for _ in 0..<3 {
            attempted += 1
            let number = attempted
            let acknowledgements = acknowledgements
            store.submit(
                Self.batch(number).map { TableMutation(table: table, mutation: $0) },
                durability: durability
            ) { result in
                if case .success = result { acknowledgements.insert(number) }
            }
        }
        try write(table)
    }

    /// A row of its own in each region, and a row in each that every batch overwrites.
    private static func batch(_ number: Int) -> [RowMutation] {
        let value = Bytes("\(number)")
        return ["a\(number)", "z\(number)", "last", "zlast"].map { row in
            RowMutation(
                row: Bytes(row),
                changes: [
                    CellMutation(
                        "f:q", .put(value: value, timeToLiveMilliseconds: nil),
                        timestamp: Int64(number))
                ])
        }
    }

    /// Reopens what a crash left and looks for every batch, twice.
    ///
    /// - Parameter losesPower: whether what was not forced to the device may be gone or full of
    ///   holes; a killed process leaves what the system was given.
    func verify(_ label: String, losesPower: Bool) throws {
        let acknowledged = acknowledgements.numbers
        let left = disk.crashed(keeping: losesPower ? .mixed : .processKill, random: random)
        for reopening in 0..<2 {
            let store = try open(left)
            defer { try? store.close() }
            guard tableWasCreated || !store.tables().isEmpty else { return }
            let table = try store.table("t")
            var rows: [Bytes: [Int]] = [:]
            let scanner = try table.scan(.all, Projection(maxVersions: .max))
            while let row = try scanner.next() {
                rows[row.key] = row.cells.compactMap { Int("\($0.value)") }
            }
            let found = Set((1...max(1, attempted)).filter { rows[Bytes("a\($0)")] != nil })
            // Without the log, regions keep only what they flushed, each for itself.
            for number in 1...max(1, attempted) where durability != .skipWAL {
                let isThere = found.contains(number)
                #expect(
                    (rows[Bytes("z\(number)")] != nil) == isThere, "\(label): half of \(number)")
                #expect(
                    rows["last"]?.contains(number) ?? false == isThere, "\(label): \(number)")
                #expect(
                    rows["zlast"]?.contains(number) ?? false == isThere, "\(label): \(number)")
            }
            if durability == .fsyncWAL || durability == .syncWAL && !losesPower {
                #expect(
                    acknowledged.isSubset(of: found),
                    "\(label) reopening \(reopening): lost \(acknowledged.subtracting(found))")
            }
            // The directory goes on to work.
            try table.write(Self.batch(1), durability: durability)
        }
    }
}

/// The batches that were acknowledged, from any thread.
private final class Acknowledgements: Sendable {
    private let state = Mutex<Set<Int>>([])

    var numbers: Set<Int> { state.withLock { $0 } }

    func insert(_ number: Int) { state.withLock { _ = $0.insert(number) } }
}
