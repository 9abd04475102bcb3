import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Crashes of schema changes")
struct SchemaCrashTests {
    @Test(
        "after a crash at any call of a schema change, an index build, a split or a merge, the old or the new state is there"
    )
    func everyCall() throws {
        let call = try CrashSweep.run("schema crash") { call, effect, seed in
            let script = SchemaScript(seed: seed &+ UInt64(call))
            let isFinished = try script.run(stoppingAt: call, effect)
            try script.verify("seed \(seed) call \(call) \(effect)")
            return isFinished
        }
        #expect(call > 60)
    }
}

/// Changes of a table's schema and regions one after the other, each with rows written in between, until the disk stops.
private final class SchemaScript {
    /// What a table is known to be like.
    private struct State: Equatable {
        var families: [String]
        var versions: Int
        var isIndexed = false
        var regionCount: Int
    }

    private let disk = MemoryDisk()
    private let clock = ManualClock()
    private let random: SeededRandom
    private var rowCount = 0
    private var state: State?
    /// What the step that was cut off would have made.
    private var next: State?

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private func open(_ disk: MemoryDisk) throws -> TableStore {
        try CrashSweep.open(disk, clock, random)
    }

    func run(stoppingAt call: Int, _ effect: FaultPlan.StopEffect) throws -> Bool {
        disk.install(
            FaultPlan(stopAtMutatingCall: call, stopEffect: effect, seed: UInt64(call)))
        do {
            let store = try open(disk)
            try change(to: State(families: ["f"], versions: 1, regionCount: 1)) {
                _ = try store.createTable(TableDefinition("t", families: [Family("f")]))
            }
            let table = try store.table("t")
            try write(table, 4)
            try table.flush()
            try changeRegions(store, table)
            try changeFamilies(store, table)
            try store.sweep()
            try store.close()
            return !disk.isStopped
        } catch let error as SiltstoneError {
            #expect(disk.isStopped, "\(error)")
            return false
        }
    }

    private func changeRegions(_ store: TableStore, _ table: StoredTable) throws {
        try change({ $0.isIndexed = true }) { try store.createIndex("t", ColumnIndex("f:q")) }
        try write(table, 3)
        try change({ $0.regionCount = 2 }) { try store.split("t", at: Self.row(3)) }
        try write(table, 3)
        try store.sweep()
        let regions = table.regions()
        try change({ $0.regionCount = 1 }) {
            try store.merge("t", regions[0].id, regions[1].id)
        }
        try write(table, 2)
        try table.compact()
    }

    private func changeFamilies(_ store: TableStore, _ table: StoredTable) throws {
        let families = { (names: [String], versions: Int) in
            TableDefinition("t", families: names.map { Family($0, maxVersions: versions) })
        }
        try change({ $0.families = ["f", "g"] }) {
            _ = try store.alterTable("t", to: families(["f", "g"], 1))
        }
        try table.write([Self.put(1, "g:q", "g")], durability: .fsyncWAL)
        try change({ $0.versions = 3 }) {
            _ = try store.alterTable("t", to: families(["f", "g"], 3))
        }
        try change({ $0.families = ["f"] }) {
            _ = try store.alterTable("t", to: families(["f"], 3))
        }
        try change({ $0.isIndexed = false }) { try store.dropIndex("t", of: "f:q") }
        try write(table, 2)
        try change({ $0.isIndexed = true }) { try store.createIndex("t", ColumnIndex("f:q")) }
    }

    private func change(_ edit: (inout State) -> Void, _ body: () throws -> Void) throws {
        var wanted = try #require(state)
        edit(&wanted)
        try change(to: wanted, body)
    }

    private func change(to wanted: State, _ body: () throws -> Void) throws {
        next = wanted
        try body()
        state = wanted
        next = nil
    }

    /// In the order of their numbers, which stay below 90.
    private static func row(_ number: Int) -> Bytes { Bytes("row\(10 + number)") }

    private static func put(_ number: Int, _ column: Column, _ value: Bytes) -> RowMutation {
        RowMutation(
            row: row(number),
            changes: [CellMutation(column, .put(value: value, timeToLiveMilliseconds: nil))])
    }

    /// Rows of which one in three has a value that is asked for.
    private func write(_ table: StoredTable, _ count: Int) throws {
        for _ in 0..<count {
            let value = Bytes("value \(rowCount % 3)")
            try table.write([Self.put(rowCount, "f:q", value)], durability: .fsyncWAL)
            rowCount += 1
        }
    }

    /// Opens what the crash left, twice, and holds it against the state before the change that was cut off, and after.
    func verify(_ label: String) throws {
        let left = disk.crashed(keeping: .mixed, random: random)
        for _ in 0..<2 {
            let store = try open(left)
            defer { try? store.close() }
            let found = try state(of: store)
            #expect(found == state || found == next && next != nil, "\(label): \(found as Any)")
            guard found != nil else { continue }
            let table = try store.table("t")
            let rows = try rows(table.scan(.all, Projection([.family("f")])))
            let expected = (0..<rowCount).map { "\(Self.row($0))=value \($0 % 3)" }
            // One more may be there: it was on its way when the disk stopped.
            let more = expected + ["\(Self.row(rowCount))=value \(rowCount % 3)"]
            #expect(rows == expected || rows == more, "\(label): \(rows)")
            let filter = Filter.singleColumnValue(
                Filter.ColumnTest(family: "f", qualifier: "q", .equal, .binary("value 1")),
                Filter.RowRule(dropsIfMissing: true))
            let projection = Projection([.family("f")], filter: filter)
            let wanted = rows.filter { $0.hasSuffix("=value 1") }
            #expect(try self.rows(table.scan(.all, projection)) == wanted, "\(label)")
            #expect(
                try self.rows(table.scan(.all, projection, usesIndexes: false)) == wanted,
                "\(label)")
        }
    }

    private func rows(_ scanner: RowScanner) throws -> [String] {
        var rows: [String] = []
        while let row = try scanner.next() { rows.append("\(row.key)=\(row.cells[0].value)") }
        return rows
    }

    private func state(of store: TableStore) throws -> State? {
        guard let table = store.tables().first else { return nil }
        return State(
            families: table.definition.families.map(\.name),
            versions: table.definition.families[0].maxVersions,
            isIndexed: !table.indexes.isEmpty, regionCount: table.regions().count)
    }
}
