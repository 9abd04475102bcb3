import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Crashes of backups")
struct BackupCrashTests {
    @Test(
        "a crash at any call of database or backups leaves each backup and restore done or not done",
        arguments: [true, false])
    func everyCall(stopsDatabase: Bool) throws {
        let name = stopsDatabase ? "backup crash: database" : "backup crash: backups"
        let call = try CrashSweep.run(name) { call, effect, seed in
            let script = BackupScript(seed: seed &+ UInt64(call))
            let isFinished = try script.run(
                stopping: stopsDatabase ? script.disk : script.pool, at: call, effect)
            try script.verify("seed \(seed) call \(call) \(effect) step \(script.step)")
            return isFinished
        }
        #expect(call > (stopsDatabase ? 100 : 15))
    }
}

/// Writes, two backups, restores of both, one to a time, and the end of a backup, until a disk stops.
private final class BackupScript {
    let disk = MemoryDisk()
    let pool = MemoryDisk()
    private let clock = ManualClock()
    private let random: SeededRandom
    /// How many steps came to their end.
    private(set) var step = 0

    private static let early = ["a=1", "z=1"]
    private static let late = ["a=2", "m=2", "z=1"]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Runs until the disk stops.
    ///
    /// - Returns: whether the script came to its end.
    func run(stopping stopped: MemoryDisk, at call: Int, _ effect: FaultPlan.StopEffect) throws
        -> Bool
    {
        stopped.install(
            FaultPlan(stopAtMutatingCall: call, stopEffect: effect, seed: UInt64(call)))
        let directory = BackupDirectory(.memory(disk: pool))
        do {
            let store = try CrashSweep.open(disk, clock, random)
            let table = try store.createTable(
                TableDefinition("t", families: [Family("f")], splitPoints: ["k"]))
            try store.createIndex("t", ColumnIndex("f:v"))
            try store.enableFeed("t", retentionMilliseconds: 86_400_000)
            try table.write([Self.put("a", "1"), Self.put("z", "1")])
            step = 1
            _ = try store.createBackup("1", in: directory)
            step = 2
            clock.advance(milliseconds: 10)
            try table.write([Self.put("a", "2"), Self.put("m", "2")])
            let moment = clock.nowMilliseconds + 5
            clock.advance(milliseconds: 10)
            _ = try store.archiveChanges(in: directory)
            try table.compact()
            try store.sweep()
            step = 3
            _ = try store.createBackup("2", in: directory)
            step = 4
            _ = try store.restoreTable("t", from: directory, backup: "1", as: "c")
            step = 5
            _ = try store.restoreTable(
                "t", from: directory, backup: "1", as: "d", atMilliseconds: moment)
            step = 6
            try directory.drop("1")
            step = 7
            try store.sweep()
            try store.close()
            return !stopped.isStopped
        } catch let error as SiltstoneError {
            #expect(stopped.isStopped, "\(error)")
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
        let leftPool = pool.crashed(keeping: .mixed, random: random)
        for round in 0..<2 {
            let store = try CrashSweep.open(left, clock, random)
            defer { try? store.close() }
            let directory = BackupDirectory(.memory(disk: leftPool))
            #expect(try directory.verify().problems == [], "\(label)")
            let names = Set(try directory.backups().map(\.name))
            check(names.contains("1"), must: 2...5, may: 1...6, "\(label): backup 1")
            check(names.contains("2"), must: 4...7, may: 3...7, "\(label): backup 2")
            let copies = [("c", 5, Self.early), ("d", 6, Self.late)]
            for (name, done, rows) in copies {
                let copy = try? store.table(name)
                check(copy != nil, must: done...7, may: (done - 1)...7, "\(label): table \(name)")
                if let copy { try check(copy, [rows], label) }
            }
            #expect(
                store.tables(includesSystem: true).allSatisfy {
                    !$0.definition.name.hasPrefix("silt:import.")
                }, "\(label): an import is left")
            for (name, rows) in [("1", Self.early), ("2", Self.late)] where names.contains(name) {
                let copy = try store.restoreTable("t", from: directory, backup: name, as: "x")
                try check(copy, [rows], "\(label): restored \(name)")
                try store.dropTable("x")
            }
            guard step >= 1 else { continue }
            try check(
                store.table("t"),
                step > 2 ? [Self.late] : step > 1 ? [Self.early, Self.late] : [Self.early], label)
            // And it goes on.
            let next = "next-\(round)"
            _ = try store.createBackup(next, of: ["t"], in: directory)
            let copy = try store.restoreTable("t", from: directory, backup: next, as: "x")
            #expect(try rows(copy) == rows(store.table("t")), "\(label): next backup")
            try store.dropTable("x")
            #expect(try directory.verify().problems == [], "\(label): next backup")
            try store.sweep()
        }
    }

    /// Something is there when it must be, and not when it cannot.
    private func check(
        _ isThere: Bool, must: ClosedRange<Int>, may: ClosedRange<Int>, _ label: String
    ) {
        #expect(isThere ? may.contains(step) : !must.contains(step), "\(label) \(isThere)")
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
