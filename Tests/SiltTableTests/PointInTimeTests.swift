import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Testing

@testable import SiltTable

@Suite("Restores to a time")
struct PointInTimeTests {
    private static let day: Int64 = 86_400_000

    private let disk = MemoryDisk()

    private var directory: BackupDirectory { BackupDirectory(.memory(disk: disk)) }

    private func makeTable(_ harness: TableHarness, retention: Int64 = day) throws -> StoredTable {
        let table = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: 3), Family("g")], splitPoints: ["m"]))
        try harness.store.enableFeed("t", retentionMilliseconds: retention)
        return table
    }

    private func rows(_ table: StoredTable) throws -> [String] {
        try table.scan(.all, Projection(maxVersions: 3)).rest().map { "\($0.key) \($0.text)" }
    }

    /// One random batch: puts, markers of all kinds, counters.
    private func change(_ table: StoredTable, _ random: SeededRandom) throws {
        func pick(_ count: UInt64) -> UInt64 { random.next() % count }
        let row = Bytes(["a", "b", "n", "z"][Int(pick(4))])
        let column = Column(pick(2) == 0 ? "f" : "g", Bytes("q\(pick(2))"))
        switch pick(8) {
        case 0:
            try table.write([.marker(row, column, .deleteColumn)])
        case 1:
            try table.write([.marker(row, Column(column.family, .empty), .deleteFamily)])
        case 2:
            try table.write([.marker(row, column, .deleteVersion)])
        case 3:
            try table.write([
                .put("a", column, Bytes("\(random.next())")),
                .put("z", column, Bytes("\(random.next())")),
            ])
        case 4:
            try table.write([
                .put(row, column, "old", at: table.shared.clock.nowMilliseconds - 5)
            ])
        default:
            try table.write([.put(row, column, Bytes("\(pick(100))"))])
        }
    }

    @Test("every moment between two backups comes back, as the table was then")
    func everyMoment() throws {
        let seed: UInt64 = 20_251_129
        let random = SeededRandom(seed: seed)
        let harness = try TableHarness()
        _ = try makeTable(harness)
        var history: [(milliseconds: Int64, rows: [String])] = []
        for step in 0..<160 {
            let table = try harness.store.table("t")
            clock(harness)
            try change(table, random)
            // The first batch of an opening has a time stamp that is one later.
            history.append((harness.clock.nowMilliseconds + 5, try rows(table)))
            switch step {
            case 20, 90: _ = try harness.store.createBackup("at-\(step)", in: directory)
            case 30: try table.flush()
            case 50: _ = try harness.store.archiveChanges(in: directory)
            case 60: try harness.store.split("t", at: "b")
            case 70: try harness.reopen()
            case 110: try table.compact()
            default: break
            }
        }
        clock(harness)
        #expect(try harness.store.archiveChanges(in: directory) > 0)
        let infos = try directory.backups()
        #expect(infos.map(\.name) == ["at-20", "at-90"])
        #expect(
            infos.allSatisfy { $0.tables[0].untilMilliseconds ?? 0 >= history[158].milliseconds })
        #expect(try directory.verify().problems == [])
        let other = try TableHarness(nowMilliseconds: harness.clock.nowMilliseconds)
        for (step, moment) in history.enumerated() where step > 20 && step % 7 == 0 {
            for backup in step > 90 ? [nil, "at-20"] : [nil] {
                let copy = try other.store.restoreTable(
                    "t", from: directory, backup: backup, as: "copy",
                    atMilliseconds: moment.milliseconds)
                #expect(try rows(copy) == moment.rows, "seed \(seed) step \(step)")
                try other.store.dropTable("copy")
            }
        }
        // What only the older backup needs goes with it.
        func records() throws -> Int { try disk.objects.list(prefix: "changes/", after: nil).count }
        let before = try records()
        try directory.drop("at-20")
        #expect(try records() < before)
        let copy = try other.store.restoreTable(
            "t", from: directory, as: "copy", atMilliseconds: history[150].milliseconds)
        #expect(try rows(copy) == history[150].rows)
        try directory.drop("at-90")
        #expect(try records() == 0)
    }

    private func clock(_ harness: TableHarness) { harness.clock.advance(milliseconds: 10) }

    @Test("a family that was made later comes back with its changes")
    func families() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try table.write([.put("a", "f:x", "1")])
        _ = try harness.store.createBackup("1", in: directory)
        var definition = table.definition
        definition.families.append(Family("h"))
        _ = try harness.store.alterTable("t", to: definition)
        clock(harness)
        try table.write([.put("a", "h:x", "2")])
        let moment = harness.clock.nowMilliseconds
        clock(harness)
        #expect(try harness.store.archiveChanges(in: directory) == 1)
        let copy = try harness.store.restoreTable(
            "t", from: directory, as: "copy", atMilliseconds: moment)
        #expect(try copy.get("a")?.values == ["f:x=1", "h:x=2"])
    }

    @Test("a time beyond what is known, before the backup, or across a gap or a restore is refused")
    func refusals() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, retention: 1_000)
        try table.write([.put("a", "f:x", "1")])
        let early = harness.clock.nowMilliseconds - 10
        _ = try harness.store.createBackup("1", in: directory)
        func code(_ milliseconds: Int64, _ backup: String? = nil) -> SiltstoneError.Code? {
            do throws(SiltstoneError) {
                _ = try harness.store.restoreTable(
                    "t", from: directory, backup: backup, as: "copy",
                    atMilliseconds: milliseconds)
                try harness.store.dropTable("copy")
                return nil
            } catch { return error.code }
        }
        #expect(code(early) == .notFound)
        #expect(code(early, "1") == .invalidArgument)
        #expect(code(harness.clock.nowMilliseconds + 5) == .expired)
        // Changes expire before they are put aside.
        harness.clock.advance(milliseconds: 10)
        try table.write([.put("a", "f:x", "2")])
        harness.clock.advance(milliseconds: 5_000)
        try table.write([.put("a", "f:x", "3")])
        #expect(throws: SiltstoneError.self) { try harness.store.archiveChanges(in: directory) }
        harness.clock.advance(milliseconds: 10)
        _ = try harness.store.createBackup("2", in: directory)
        harness.clock.advance(milliseconds: 10)
        try table.write([.put("a", "f:x", "4")])
        let moment = harness.clock.nowMilliseconds
        harness.clock.advance(milliseconds: 10)
        _ = try harness.store.archiveChanges(in: directory)
        #expect(code(moment) == nil)
        #expect(code(moment, "1") == .expired)
        // A restore is told, but not what it put back.
        try harness.store.createSnapshot("s", of: "t")
        try harness.store.restoreSnapshot("s")
        harness.clock.advance(milliseconds: 10)
        let late = harness.clock.nowMilliseconds
        harness.clock.advance(milliseconds: 10)
        _ = try harness.store.archiveChanges(in: directory)
        #expect(code(late, "2") == .conflict)
        #expect(code(moment, "2") == nil)
    }
}
