import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Crashes of snapshots")
struct SnapshotCrashTests {
    @Test("a crash at any call leaves a snapshot, clone or restore done or not done, never between")
    func everyCall() throws {
        let call = try CrashSweep.run("snapshot crash") { call, effect, seed in
            let script = SnapshotScript(seed: seed &+ UInt64(call))
            let isFinished = try script.run(stoppingAt: call, effect)
            try script.verify("seed \(seed) call \(call) \(effect) step \(script.step)")
            return isFinished
        }
        #expect(call > 60)
    }
}

/// Writes, a snapshot, writes, a clone, a restore, and the end of the snapshot, until the disk stops.
private final class SnapshotScript {
    private let disk = MemoryDisk()
    private let clock = ManualClock()
    private let random: SeededRandom
    /// How many steps came to their end.
    private(set) var step = 0

    private static let early = ["a=1", "z=1"]
    private static let late = ["a=2", "m=2", "z=1"]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private func open(_ disk: MemoryDisk) throws -> TableStore {
        try CrashSweep.open(disk, clock, random)
    }

    /// Runs until the disk stops.
    ///
    /// - Returns: whether the script came to its end.
    func run(stoppingAt call: Int, _ effect: FaultPlan.StopEffect) throws -> Bool {
        disk.install(FaultPlan(stopAtMutatingCall: call, stopEffect: effect, seed: UInt64(call)))
        do {
            let store = try open(disk)
            let table = try store.createTable(
                TableDefinition("t", families: [Family("f")], splitPoints: ["k"]))
            try store.createIndex("t", ColumnIndex("f:v"))
            step = 1
            try table.write([Self.put("a", "1"), Self.put("z", "1")])
            step = 2
            try store.createSnapshot("s", of: "t")
            step = 3
            try table.write([Self.put("a", "2"), Self.put("m", "2")])
            step = 4
            try table.compact()
            try store.sweep()
            _ = try store.cloneSnapshot("s", to: "c")
            step = 5
            try store.restoreSnapshot("s")
            step = 6
            try store.sweep()
            try store.dropSnapshot("s")
            step = 7
            try store.sweep()
            try store.close()
            return !disk.isStopped
        } catch let error as SiltstoneError {
            #expect(disk.isStopped, "\(error)")
            return false
        }
    }

    private static func put(_ row: Bytes, _ value: Bytes) -> RowMutation {
        RowMutation(
            row: row,
            changes: [CellMutation("f:v", .put(value: value, timeToLiveMilliseconds: nil))])
    }

    /// Reopens what a power cut left, twice.
    func verify(_ label: String) throws {
        let left = disk.crashed(keeping: .mixed, random: random)
        for _ in 0..<2 {
            let store = try open(left)
            defer { try? store.close() }
            if let snapshot = try? store.snapshotTable("s") {
                #expect((2...6).contains(step), "\(label): a snapshot that should not be")
                #expect(try rows(snapshot) == Self.early, "\(label): snapshot")
            } else {
                #expect(!(3...5).contains(step), "\(label): the snapshot is gone")
            }
            if let clone = try? store.table("c") {
                #expect(step >= 4, "\(label): a clone that should not be")
                try check(clone, [Self.early], label)
            } else {
                #expect(step < 5, "\(label): the clone is gone")
            }
            guard step >= 1 else { continue }
            let states: [[String]] =
                switch step {
                case 1: [[], Self.early]
                case 2: [Self.early]
                case 3: [Self.early, Self.late]
                case 4: [Self.late]
                case 5: [Self.late, Self.early]
                default: [Self.early]
                }
            try check(store.table("t"), states, label)
            try store.sweep()
            try check(store.table("t"), states, label)
        }
    }

    /// A table holds one of the states, and its index finds the same.
    private func check(_ table: StoredTable, _ states: [[String]], _ label: String) throws {
        let found = try rows(table)
        #expect(states.contains(found), "\(label): \(found)")
        #expect(table.indexes.count == 1, "\(label): no index")
        for value in ["1", "2"] {
            let projection = Projection(
                filter: .singleColumnValue(
                    Filter.ColumnTest(
                        family: "f", qualifier: "v", .equal, .binary(Bytes(value))),
                    Filter.RowRule(dropsIfMissing: true, latestOnly: true)))
            #expect(
                try rows(table, projection) == found.filter { $0.hasSuffix("=\(value)") },
                "\(label): index")
        }
    }

    private func rows(_ table: StoredTable, _ projection: Projection = .all) throws -> [String] {
        let scanner = try table.scan(.all, projection)
        var rows: [String] = []
        while let row = try scanner.next() {
            rows += row.cells.map { "\(row.key)=\($0.value)" }
        }
        return rows
    }
}
