import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Synchronization
import Testing

@testable import SiltTable

@Suite("Change feeds")
struct FeedTests {
    private static let day: Int64 = 86_400_000

    private func makeTable(
        _ harness: TableHarness, _ name: String = "t", hashBuckets: Int? = nil
    ) throws -> StoredTable {
        let table = try harness.store.createTable(
            TableDefinition(
                name, families: [Family("f", maxVersions: 5), Family("g", maxVersions: 5)],
                splitPoints: ["m"], hashBuckets: hashBuckets))
        try harness.store.enableFeed(name, retentionMilliseconds: Self.day)
        return table
    }

    /// Everything after a position, asked for so many changes at a time.
    private func all(
        _ table: StoredTable, after start: ChangePosition = .start, limit: Int = 1_000
    ) throws -> [TableChange] {
        var changes: [TableChange] = []
        var position = start
        while true {
            let batch = try table.changes(after: position, limit: limit)
            if batch.changes.isEmpty {
                #expect(batch.next == position)
                return changes
            }
            changes += batch.changes
            position = batch.next
        }
    }

    private func mutation(_ change: TableChange) -> RowMutation? {
        if case .row(let mutation) = change.kind { mutation } else { nil }
    }

    @Test("a table created with a feed tells its first change, also after a reopening")
    func fromTheFirst() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f")]), feedRetentionMilliseconds: Self.day)
        #expect(try table.feedRetentionMilliseconds == Self.day)
        try table.write([.put("a", "f:x", "1")])
        try harness.reopen()
        let again = try harness.store.table("t")
        try again.write([.put("b", "f:x", "2")])
        #expect(try all(again).map { mutation($0)?.row } == ["a", "b"])
        try harness.store.enableFeed("t", retentionMilliseconds: 2 * Self.day)
        #expect(try again.feedRetentionMilliseconds == 2 * Self.day)
        #expect(try all(again).count == 2)
    }

    @Test("a table that is not created leaves no feed behind")
    func refusedCreation() throws {
        let harness = try TableHarness()
        let definition = TableDefinition("t", families: [Family("f")])
        _ = try harness.store.createTable(definition)
        func create(_ name: String, _ retention: Int64) throws {
            _ = try harness.store.createTable(
                TableDefinition(name, families: [Family("f")]),
                feedRetentionMilliseconds: retention)
        }
        #expect(throws: SiltstoneError.self) { try create("t", Self.day) }
        #expect(throws: SiltstoneError.self) { try create("no:t", Self.day) }
        #expect(throws: SiltstoneError.self) { try create("u", 0) }
        #expect(harness.store.tables().map(\.definition.name) == ["t"])
        let feeds = harness.store.tables(includesSystem: true).map(\.definition.name)
            .filter { $0.hasPrefix(StoredFeed.tablePrefix) }
        #expect(feeds == [])
    }

    /// Writes of every kind.
    private func writeAll(_ harness: TableHarness, _ table: StoredTable) throws {
        _ = harness.tick()
        try table.write([
            .put("a", "f:x", "1"), .put("z", "g:y", "2", timeToLive: Self.day),
            .put("a", "f:x", "0", at: 500),
        ])
        _ = harness.tick()
        try table.put("b", "f:put", "3")
        _ = harness.tick()
        var batch = PutBatch(table)
        try batch.put("c", "f:batch", "4")
        try batch.put("c", "f:other", "5")
        try batch.write()
        _ = harness.tick()
        _ = try table.increment("n", [("f:count", 7)])
        _ = harness.tick()
        _ = try table.append("a", [("f:x", "more")])
        _ = harness.tick()
        _ = try table.check("a", "f:x", equals: "1more", then: .put("a", "f:x", "checked"))
        #expect(try !table.check("a", "f:x", equals: "no", then: .put("a", "f:x", "never")))
        _ = harness.tick()
        try table.write([.marker("a", "f:x", .deleteVersion)])
        _ = harness.tick()
        try table.write([
            RowMutation(
                row: "z",
                changes: [
                    CellMutation(Column("g", .empty), .deleteFamily),
                    CellMutation("f:new", .put(value: "6", timeToLiveMilliseconds: nil)),
                ])
        ])
        _ = harness.tick()
        try table.write([
            .marker("b", "f:put", .deleteColumn), .marker("c", Column("f", .empty), .deleteFamily),
            .marker("y", Column("f", .empty), .deleteFamilyVersion, at: 77),
        ])
        let done = Signal()
        harness.store.submit(
            [TableMutation(table: table, mutation: .put("s", "f:submitted", "8"))],
            durability: nil
        ) { result in
            if case .success = result { done.set(1) } else { done.set(2) }
        }
        // Workers do nothing by themselves here: who writes next takes along what waits.
        try table.put("s", "f:next", "9")
        #expect(done.wait(milliseconds: 10_000) == 1)
    }

    @Test("all that is written is told, in order, and makes the same table", arguments: [nil, 4])
    func replay(_ hashBuckets: Int?) throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, hashBuckets: hashBuckets)
        try harness.store.createIndex("t", ColumnIndex("f:x"))
        try writeAll(harness, table)
        let changes = try all(table)
        #expect(changes.map(\.position) == changes.map(\.position).sorted())
        #expect(Set(changes.map(\.position)).count == changes.count)
        let rows = changes.compactMap { mutation($0)?.row }
        #expect(
            rows == [
                "a", "z", "a", "b", "c", "c", "n", "a", "a", "a", "z", "b", "c", "y", "s", "s",
            ])
        for limit in [1, 2, 7] { #expect(try all(table, limit: limit) == changes) }
        for (index, change) in changes.enumerated() {
            #expect(try all(table, after: change.position) == Array(changes[(index + 1)...]))
        }
        #expect(try table.lastChange() == changes.last?.position)
        let copy = try harness.store.createTable(
            TableDefinition("copy", families: table.definition.families))
        for change in changes {
            let row = try #require(mutation(change))
            try copy.write([row])
        }
        let wanted = Projection(maxVersions: 5)
        #expect(try copy.scan(.all, wanted).rest() == table.scan(.all, wanted).rest())
        #expect(throws: SiltstoneError.self) { try copy.lastChange() }
    }

    @Test(
        "a batch over tables is told by each of their feeds, and positions go on after a reopening")
    func reopening() throws {
        let harness = try TableHarness()
        var tables = [try makeTable(harness, "t"), try makeTable(harness, "u")]
        for number in 0..<4 {
            try harness.store.write(
                tables.map {
                    TableMutation(table: $0, mutation: .put("r", "f:x", Bytes("\(number)")))
                })
            if number % 2 == 1 {
                try harness.reopen()
                tables = try ["t", "u"].map { try harness.store.table($0) }
            }
        }
        for table in tables {
            let changes = try all(table)
            #expect(changes.count == 4)
            #expect(changes.map(\.position) == changes.map(\.position).sorted())
            #expect(Set(changes.map(\.position.opening)) == [1, 2])
            for (index, change) in changes.enumerated() {
                #expect(try all(table, after: change.position).count == 3 - index)
            }
        }
        #expect(harness.store.tables().map(\.definition.name) == ["t", "u"])
    }

    @Test("a reader that comes too late is told so, and one that missed nothing is not")
    func retention() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        for number in 0..<4 {
            try table.write([.put("r", "f:x", Bytes("\(number)")), .put("s", "f:x", "s")])
            harness.clock.advance(milliseconds: Self.day / 2)
        }
        let position = try table.changes(after: .start, limit: 1).next
        // Half of them are left: the reader that saw one of the first batch has missed some.
        #expect(try all(table).count == 4)
        func expectExpired(_ position: ChangePosition) {
            do throws(SiltstoneError) {
                let batch = try table.changes(after: position)
                Issue.record("\(batch)")
            } catch {
                #expect(error.code == .expired)
            }
        }
        let opening = position.opening
        expectExpired(ChangePosition(opening: opening, batch: 1, index: 0))
        expectExpired(ChangePosition(opening: opening, batch: 1, index: 1))
        expectExpired(ChangePosition(opening: opening, batch: 2, index: 0))
        #expect(try all(table, after: .init(opening: opening, batch: 2, index: 1)).count == 4)
        #expect(try all(table, after: .init(opening: opening, batch: 3, index: 0)).count == 3)
        let last = try table.lastChange()
        harness.clock.advance(milliseconds: 3 * Self.day)
        #expect(try all(table).isEmpty)
        #expect(try all(table, after: last).isEmpty)
        expectExpired(.init(opening: opening, batch: 4, index: 0))
        try harness.reopen()
        let reopened = try harness.store.table("t")
        #expect(try all(reopened, after: last).isEmpty)
        try reopened.write([.put("r", "f:x", "new")])
        #expect(try all(reopened, after: last).count == 1)
        // It may be kept for longer from here on.
        try harness.store.enableFeed("t", retentionMilliseconds: 10 * Self.day)
        harness.clock.advance(milliseconds: 5 * Self.day)
        #expect(try all(reopened).count == 1)
        #expect(try reopened.feedRetentionMilliseconds == 10 * Self.day)
    }

    @Test(
        "feeds stay with their table: through changes of the schema, snapshots, clones, restores and drops"
    )
    func schema() throws {
        let harness = try TableHarness()
        let store = harness.store
        let table = try makeTable(harness)
        try table.write([.put("r", "f:x", "1")])
        var definition = table.definition
        definition.families.append(Family("h"))
        definition.attributes = ["owner": "ada"]
        _ = try store.alterTable("t", to: definition)
        try store.createSnapshot("s", of: "t")
        try table.write([.put("r", "h:x", "2")])
        #expect(try all(table).count == 2)
        let clone = try store.cloneSnapshot("s", to: "clone")
        #expect(throws: SiltstoneError.self) { try clone.lastChange() }
        try store.restoreSnapshot("s")
        #expect(try all(table).map(\.kind).last == .restored(snapshot: "s"))
        try table.write([.put("r", "f:x", "3")])
        #expect(try all(table).count == 4)
        #expect(throws: SiltstoneError.self) {
            try store.enableFeed("t", retentionMilliseconds: 0)
        }
        #expect(throws: SiltstoneError.self) {
            try store.enableFeed("none", retentionMilliseconds: 1)
        }
        try store.disableFeed("t")
        #expect(throws: SiltstoneError.self) { try store.disableFeed("t") }
        try table.write([.put("r", "f:x", "4")])
        #expect(throws: SiltstoneError.self) { try all(table) }
        try store.enableFeed("t", retentionMilliseconds: Self.day)
        try table.write([.put("r", "f:x", "5")])
        #expect(try all(table).count == 1)
        try store.dropTable("t")
        #expect(throws: SiltstoneError.self) { try all(table) }
        let system = store.tables(includesSystem: true).map(\.definition.name)
        #expect(!system.contains { $0.hasPrefix("silt:feed.") })
    }

    @Test("the longest value has a place in the feed")
    func longest() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        let value = Bytes([UInt8](repeating: 7, count: Limits.valueBytesMax))
        let row = Bytes([UInt8](repeating: 0, count: Limits.rowBytesMax))
        let column = Column("f", Bytes([UInt8](repeating: 1, count: Limits.qualifierBytesMax)))
        try table.write([.put(row, column, value)])
        let change = try #require(try all(table).first.flatMap { mutation($0) })
        #expect(change.row == row && change.changes.count == 1)
        #expect(change.changes[0].column == column)
        guard case .put(let told, nil) = change.changes[0].action else {
            Issue.record("not a value")
            return
        }
        #expect(told == value)
    }

    @Test("entries are as the format's page says, and damaged ones are named errors")
    func format() throws {
        let position = ChangePosition(opening: 3, batch: 0x1_0000_0002, index: 15)
        #expect("\(position)" == "0000000300000001000000020000000f")
        #expect(ChangePosition("0000000300000001000000020000000f") == position)
        for text in ["", "0000000300000001000000020000000F", "0000000300000001000000020000000"] {
            #expect(ChangePosition(text) == nil)
        }
        let change = CellMutation(
            "cf:q", .put(value: "v", timeToLiveMilliseconds: nil), timestamp: 1_000)
        let kind = TableChange.Kind.row(RowMutation(row: "r", changes: [change]))
        let entry = FeedEntry.mutation(position, kind, previous: .start)
        func row(_ mutation: RowMutation) -> Row {
            let cells = mutation.changes.compactMap { change in
                guard case .put(let value, _) = change.action else { return Cell?.none }
                return Cell(change.column, timestamp: 5, value: value)
            }
            return Row(key: mutation.row, cells: cells.sorted { $0.column < $1.column })
        }
        let stored = row(entry)
        #expect(Hex.encode(stored.cells[0].value.array) == "01017220" + Self.hexOfZeros)
        #expect(Hex.encode(stored.cells[1].column.qualifier.array) == "00000000")
        #expect(Hex.encode(stored.cells[1].value.array) == "0401e80300000000000002636601" + "7176")
        let read = try FeedEntry.read(stored)
        #expect(read.change == TableChange(position: position, timestamp: 5, kind: kind))
        #expect(read.previous == .start)
        for place in 0..<2 {
            let value = stored.cells[place].value.array
            for count in 0..<value.count where place == 0 || count < value.count - 1 {
                var cells = stored.cells
                cells[place] = Cell(
                    cells[place].column, timestamp: 5, value: Bytes(value.prefix(count)))
                #expect(throws: SiltstoneError.self) {
                    try FeedEntry.read(Row(key: stored.key, cells: cells))
                }
            }
        }
        #expect(throws: SiltstoneError.self) { try FeedEntry.read(Row(key: "x", cells: [])) }
    }

    /// The start position's text in hex.
    private static let hexOfZeros = String(repeating: "30", count: 32)

    /// What threads saw.
    private final class Notes: Sendable {
        let changes = Mutex<[TableChange]>([])
        let failures = Mutex<[String]>([])

        func note(_ body: () throws -> Void) {
            do { try body() } catch { failures.withLock { $0.append("\(error)") } }
        }
    }

    @Test(
        "many writers: the feed has their commits in order, and a reader that follows sees each once"
    )
    func concurrency() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        let (writerCount, count) = (4, 150)
        let seen = Notes()
        runThreads(writerCount + 1) { number in
            if number == writerCount {
                seen.note {
                    var position = ChangePosition.start
                    while seen.changes.withLock({ $0.count }) < writerCount * count * 2 {
                        let batch = try table.changes(
                            after: position, limit: 50, waitMilliseconds: 5_000)
                        if batch.changes.isEmpty { return }
                        position = batch.next
                        seen.changes.withLock { $0 += batch.changes }
                    }
                }
                return
            }
            for _ in 0..<count {
                seen.note {
                    _ = try table.increment("counter", [("f:n", 1)], durability: .syncWAL)
                    try table.write([.put(Bytes("w\(number)"), "f:x", "v")], durability: .syncWAL)
                }
            }
        }
        #expect(seen.failures.withLock { $0 }.isEmpty)
        let changes = try all(table)
        #expect(seen.changes.withLock { $0 } == changes)
        #expect(changes.count == writerCount * count * 2)
        let counters = changes.compactMap { mutation($0) }.filter { $0.row == "counter" }
        let values = try counters.map { mutation in
            guard case .put(let value, _) = mutation.changes[0].action else { return Int64(0) }
            return try Counter.decode(value, column: "f:n")
        }
        #expect(values == (1...Int64(writerCount * count)).map { $0 })
    }
}
