import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@Suite("Snapshots")
struct SnapshotTests {
    /// Two regions with cells in files and in memory; `r1` and `r2` in the first, `x1` in the second.
    private func makeTable(_ harness: TableHarness) throws -> StoredTable {
        let table = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: 2), Family("g")], splitPoints: ["s"],
                attributes: ["owner": "ada"]))
        try table.write([.put("r1", "f:a", "1"), .put("x1", "f:a", "1")])
        try table.flush()
        try table.write([.put("r1", "f:a", "2"), .put("r2", "g:b", "3")])
        return table
    }

    private func rows(_ table: StoredTable) throws -> [String] {
        try table.scan(.all, Projection(maxVersions: 2)).rest().map { "\($0.key) \($0.values)" }
    }

    private let before = [
        #"r1 ["f:a=2", "f:a=1"]"#, #"r2 ["g:b=3"]"#, #"x1 ["f:a=1"]"#,
    ]

    @Test(
        "a snapshot stays as it is, through writes, merges, sweeps, a drop of its table and a reopening"
    )
    func stays() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try harness.store.createSnapshot("monday", of: "t")
        try table.write([
            .put("r1", "f:a", "later"), .put("z", "f:a", "new"),
            .marker("r2", Column("g", .empty), .deleteFamily),
        ])
        try table.compact()
        try harness.store.split("t", at: "r2")
        try table.compact()
        try harness.sweepAll()
        #expect(try rows(harness.store.snapshotTable("monday")) == before)
        let info = harness.store.snapshots()
        #expect(info.map(\.name) == ["monday"])
        #expect(info.map(\.table) == ["t"])
        #expect(info.map(\.milliseconds) == [harness.clock.nowMilliseconds - 3_600_000 * 24])
        #expect(harness.store.tables().map(\.definition.name) == ["t"])
        try harness.store.dropTable("t")
        try harness.sweepAll()
        try harness.reopen()
        try harness.sweepAll()
        let snapshot = try harness.store.snapshotTable("monday")
        #expect(try rows(snapshot) == before)
        #expect(throws: SiltstoneError.self) { try snapshot.write([.put("r1", "f:a", "no")]) }
        // Its files are not merged.
        try snapshot.compact()
        #expect(snapshot.regions().map(\.fileCount) == [3, 1])
        try harness.store.dropSnapshot("monday")
        #expect(throws: SiltstoneError.self) { try harness.store.snapshotTable("monday") }
        try harness.sweepAll()
        try harness.reopen()
        try harness.sweepAll()
        let left = try harness.store.engine.environment.objects.list(prefix: "tables/", after: nil)
        #expect(left.filter { $0.hasSuffix(".sst") } == [])
    }

    @Test("a clone begins with what the snapshot holds and goes its own way")
    func clone() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try harness.store.createSnapshot("s", of: "t")
        try harness.store.createIndex("t", ColumnIndex("f:a"))
        try harness.store.createSnapshot("indexed", of: "t")
        try table.write([.put("r1", "f:a", "later")])
        let first = try harness.store.cloneSnapshot("s", to: "first")
        let second = try harness.store.cloneSnapshot("indexed", to: "second")
        #expect(throws: SiltstoneError.self) { try harness.store.cloneSnapshot("s", to: "t") }
        #expect(throws: SiltstoneError.self) { try harness.store.cloneSnapshot("none", to: "u") }
        #expect(try rows(first) == before)
        #expect(first.definition.attributes == ["owner": "ada"])
        #expect(first.indexes.isEmpty)
        #expect(second.indexes == [ColumnIndex("f:a")])
        let wanted = Projection(
            filter: .singleColumnValue(
                Filter.ColumnTest(family: "f", qualifier: "a", .equal, .binary("2")),
                Filter.RowRule(dropsIfMissing: true, latestOnly: true)))
        #expect(try second.indexUsed(for: wanted) != nil)
        #expect(try second.scan(.all, wanted).rest().map(\.key) == ["r1"])
        try first.write([.put("x1", "f:a", "mine"), .put("r2", "g:b", "mine")])
        try first.compact()
        try harness.store.dropSnapshot("s")
        try harness.sweepAll()
        try harness.reopen()
        let reopened = try harness.store.table("first")
        #expect(
            try rows(reopened) == [
                #"r1 ["f:a=2", "f:a=1"]"#, #"r2 ["g:b=mine"]"#, #"x1 ["f:a=mine", "f:a=1"]"#,
            ])
        #expect(
            try rows(harness.store.table("t")).first == #"r1 ["f:a=later", "f:a=2"]"#)
        #expect(try rows(harness.store.table("second")) == before)
    }

    @Test("a restore brings rows, families, regions and indexes back, and writes go on")
    func restore() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try harness.store.createIndex("t", ColumnIndex("f:a"))
        try harness.store.createSnapshot("s", of: "t")
        let definition = table.definition
        try harness.store.split("t", at: "r2")
        try harness.store.dropIndex("t", of: "f:a")
        _ = try harness.store.alterTable(
            "t", to: TableDefinition("t", families: [Family("g"), Family("h")]))
        try table.write([.put("r1", "h:a", "later"), .marker("r2", "g:b", .deleteColumn)])
        try harness.store.restoreSnapshot("s")
        for _ in 0..<2 {
            let table = try harness.store.table("t")
            #expect(try rows(table) == before)
            #expect(table.definition.families == definition.families)
            #expect(table.definition.attributes["owner"] == "ada")
            #expect(table.regions().map(\.start) == [.empty, "s"])
            #expect(table.indexes == [ColumnIndex("f:a")])
            try harness.sweepAll()
            try harness.reopen()
        }
        let again = try harness.store.table("t")
        try again.write([.put("r1", "f:a", "again")])
        #expect(try again.get("r1")?.values == ["f:a=again"])
        try harness.store.dropTable("t")
        #expect(throws: SiltstoneError.self) { try harness.store.restoreSnapshot("s") }
    }

    @Test("names are used once, protected tables stay, and unknown ones have no snapshots")
    func refusals() throws {
        let harness = try TableHarness()
        _ = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f")], attributes: ["DELETION_PROTECTION": "true"]))
        try harness.store.createSnapshot("s", of: "t")
        for (name, table) in [("s", "t"), ("u", "none"), ("a/b", "t"), ("u", "silt:snapshot.s")] {
            #expect(throws: SiltstoneError.self) {
                try harness.store.createSnapshot(name, of: table)
            }
        }
        #expect(throws: SiltstoneError.self) { try harness.store.dropTable("t") }
        _ = try harness.store.cloneSnapshot("s", to: "copy")
        try harness.store.dropTable("copy")
        try harness.store.dropSnapshot("s")
        #expect(throws: SiltstoneError.self) { try harness.store.dropSnapshot("s") }
    }
}

extension TableHarness {
    /// Sweeps after a day, which is longer than any grace.
    fileprivate func sweepAll() throws {
        clock.advance(milliseconds: 3_600_000 * 24)
        try store.sweep()
        try store.sweep()
    }
}
