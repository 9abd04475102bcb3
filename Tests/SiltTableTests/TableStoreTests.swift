import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@Suite("Table store and catalog")
struct TableStoreTests {
    private func code(_ body: () throws -> Void) -> SiltstoneError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? SiltstoneError)?.code }
    }

    @Test("tables, settings and rows survive a reopening")
    func reopening() throws {
        let harness = try TableHarness()
        let definition = TableDefinition(
            "ns:table-1.x",
            families: [
                Family(
                    "z", maxVersions: 7, minVersions: 2, timeToLiveMilliseconds: 5000,
                    keepDeletedCells: .yes, bloomFilter: .rowAndColumn, blockBytes: 4096,
                    compression: .zstd(level: 5), attributes: ["IN_MEMORY": "true"]),
                Family("a"),
            ], durability: .syncWAL, splitPoints: ["g", "p"], attributes: ["OWNER": "me"])
        try harness.store.createNamespace("ns")
        let table = try harness.store.createTable(definition)
        try table.write([.put("b", "a:q", "1"), .put("h", "a:q", "2"), .put("x", "z:q", "3")])
        try harness.reopen()
        let again = try harness.store.table("ns:table-1.x")
        #expect(again.id == table.id)
        var expected = definition
        expected.families = expected.families.reversed()
        #expect(again.definition == expected)
        #expect(again.regions().map(\.start) == [.empty, "g", "p"])
        #expect(try again.scan().rest().map(\.key) == ["b", "h", "x"])
    }

    @Test("the newest of many schemas is the one that counts after a reopening")
    func manySchemas() throws {
        let harness = try TableHarness()
        _ = try harness.store.createTable(TableDefinition("t", families: [Family("f")]))
        // Schema numbers pass through every digit that a key may end with, and into a second place.
        for versions in 2...40 {
            _ = try harness.store.alterTable(
                "t", to: TableDefinition("t", families: [Family("f", maxVersions: versions)]))
            try harness.reopen()
            #expect(try harness.store.table("t").definition.families[0].maxVersions == versions)
        }
    }

    @Test("wrong definitions are refused with the reason")
    func rules() throws {
        let store = try TableHarness().store
        let good = [Family("f")]
        for name in [
            "", "a:b:c", ":x", "x:", "a b", "-x", ".x", "ü", "v1", "metrics", "ping", "zookeeper",
            "silt:x", "n-s:x", String(repeating: "x", count: 256),
        ] {
            #expect(
                code { _ = try store.createTable(TableDefinition(name, families: good)) }
                    == .invalidArgument, "\(name)")
        }
        var many = Family("f")
        many.minVersions = 2
        for families in [
            [], [Family("")], [Family(".x")], [Family("a:b")], [Family("a/b")], [Family("a\\b")],
            [Family("a\u{7}")], [Family("f", maxVersions: 0)], [many],
            [Family("f", timeToLiveMilliseconds: 0)], [Family("f", blockBytes: 100)],
            [Family("f", compression: .zstd(level: 40))], [Family("f"), Family("f")],
        ] {
            #expect(
                code { _ = try store.createTable(TableDefinition("t", families: families)) }
                    == .invalidArgument, "\(families)")
        }
        for points in [["b", "a"], ["a", "a"], [""]] as [[Bytes]] {
            let definition = TableDefinition("t", families: good, splitPoints: points)
            #expect(code { _ = try store.createTable(definition) } == .invalidArgument)
        }
        #expect(store.tables().isEmpty)
    }

    @Test("names are taken once, and free again after a drop")
    func creationAndDrop() throws {
        let harness = try TableHarness()
        let definition = TableDefinition("t", families: [Family("f")])
        let first = try harness.store.createTable(definition)
        try first.write([.put("r", "f:q", "old")])
        #expect(code { _ = try harness.store.createTable(definition) } == .alreadyExists)
        try harness.store.dropTable("t")
        #expect(code { _ = try harness.store.table("t") } == .notFound)
        #expect(code { try harness.store.dropTable("t") } == .notFound)
        #expect(code { _ = try first.get("r") } == .notFound)
        #expect(code { try first.write([.put("r", "f:q", "x")]) } == .notFound)
        let second = try harness.store.createTable(definition)
        #expect(second.id != first.id)
        #expect(try second.get("r") == nil)
        try harness.reopen()
        #expect(harness.store.tables().map(\.id) == [second.id])
    }

    @Test("families come, change and go, and a new one of an old name is empty")
    func alteration() throws {
        let harness = try TableHarness()
        _ = try harness.store.createTable(
            TableDefinition("t", families: [Family("a"), Family("b")], splitPoints: ["m"]))
        let table = try harness.store.table("t")
        try table.write([.put("r", "a:q", "1"), .put("r", "b:q", "2"), .put("z", "b:q", "3")])
        _ = try harness.store.alterTable(
            "t", to: TableDefinition("t", families: [Family("a", maxVersions: 5), Family("c")]))
        #expect(table.definition.families.map(\.name) == ["a", "c"])
        #expect(table.definition.splitPoints == ["m"])
        #expect(try table.get("r")?.values == ["a:q=1"])
        #expect(code { _ = try table.get("r", .family("b")) } == .notFound)
        #expect(code { try table.write([.put("r", "b:q", "2")]) } == .notFound)
        try table.write([.put("r", "c:q", "4")])
        _ = try harness.store.alterTable(
            "t", to: TableDefinition("t", families: [Family("a"), Family("b"), Family("c")]))
        #expect(try table.get("r")?.values == ["a:q=1", "c:q=4"])
        try table.write([.put("z", "b:q", "5")])
        try harness.reopen()
        let again = try harness.store.table("t")
        #expect(try again.get("r")?.values == ["a:q=1", "c:q=4"])
        #expect(try again.get("z")?.values == ["b:q=5"])
    }

    @Test("system tables are made when missing and hidden")
    func systemTables() throws {
        let harness = try TableHarness()
        let definition = TableDefinition("silt:jobs", families: [Family("s")])
        let table = try harness.store.systemTable(definition)
        #expect(try harness.store.systemTable(definition) === table)
        try table.write([.put("r", "s:q", "kept")])
        #expect(harness.store.tables().isEmpty)
        #expect(harness.store.tables(includesSystem: true).count == 1)
        #expect(code { try harness.store.dropTable("silt:jobs") } == .invalidArgument)
        #expect(
            code {
                _ = try harness.store.systemTable(TableDefinition("x", families: [Family("f")]))
            }
                == .invalidArgument)
        try harness.reopen()
        #expect(try harness.store.systemTable(definition).get("r")?.values == ["s:q=kept"])
    }

    @Test("wrong writes and reads are refused and change nothing")
    func refusals() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(TableDefinition("t", families: [Family("f")]))
        let long = Bytes([UInt8](repeating: 1, count: Limits.rowBytesMax + 1))
        let qualifier = Bytes([UInt8](repeating: 1, count: Limits.qualifierBytesMax + 1))
        let huge = Bytes([UInt8](repeating: 1, count: Limits.valueBytesMax + 1))
        let wrong: [RowMutation] = [
            .put("", "f:q", "v"), .put(long, "f:q", "v"), .put("r", Column("f", qualifier), "v"),
            .put("r", "f:q", huge), .put("r", "f:q", "v", at: -1),
            .put("r", "f:q", "v", timeToLive: 0), RowMutation(row: "r", changes: []),
        ]
        for mutation in wrong {
            #expect(
                code { try table.write([.put("good", "f:q", "v"), mutation]) } == .invalidArgument)
        }
        #expect(code { try table.write([.put("r", "g:q", "v")]) } == .notFound)
        #expect(try table.scan().rest().isEmpty)
        #expect(code { _ = try table.get("") } == .invalidArgument)
        #expect(code { _ = try table.get("r", Projection(maxVersions: 0)) } == .invalidArgument)
        #expect(code { _ = try table.scan(.all, .family("g")) } == .notFound)
        let backwards = Projection(timeRange: TimeRange(min: 5, max: 4))
        #expect(code { _ = try table.get("r", backwards) } == .invalidArgument)
        let limit = Bytes([UInt8](repeating: 2, count: Limits.rowBytesMax))
        try table.write([.put(limit, "f:q", "v", at: .max)])
        #expect(try table.get(limit)?.cells.first?.timestamp == harness.clock.nowMilliseconds)
    }

    @Test("read-only tables refuse writes")
    func readOnly() throws {
        let harness = try TableHarness()
        var definition = TableDefinition("t", families: [Family("f")])
        let table = try harness.store.createTable(definition)
        try table.write([.put("r", "f:q", "v")])
        definition.isReadOnly = true
        _ = try harness.store.alterTable("t", to: definition)
        #expect(code { try table.write([.put("r", "f:q", "w")]) } == .invalidArgument)
        #expect(try table.get("r")?.values == ["f:q=v"])
    }
}
