import SiltBytes
import SiltModel
import SiltTable
import Testing

@Suite("Put batches")
struct PutBatchTests {
    private func makeTable(_ harness: TableHarness) throws -> StoredTable {
        try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: 3), Family("g")], splitPoints: ["m"]))
    }

    @Test(
        "all values are stored, escaped keys and two regions included, and the batch is used again")
    func store() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        var batch = PutBatch(table)
        try batch.write()
        let odd = Bytes([1, 0, 1])
        try batch.put("a", "f:q", "1")
        try batch.put("z", "g:q", "2", timestamp: 7)
        try batch.put(odd, Column("f", odd), "3")
        try batch.put("a", "f:q", "4", timestamp: 5)
        #expect(batch.count == 4)
        #expect(try table.get("a") == nil)
        try batch.write()
        #expect(batch.count == 0)
        #expect(try table.get("a")?.cells.first?.value == "1")
        #expect(try table.get("z")?.cells.map(\.timestamp) == [7])
        #expect(try table.get(odd)?.cells.first?.value == "3")
        let all = try table.get("a", Projection(maxVersions: 3))
        #expect(all?.cells.map(\.value) == ["1", "4"])
        try batch.put("b", "f:q", "5")
        try batch.write()
        try harness.reopen()
        let again = try harness.store.table("t")
        #expect(try again.scan().rest().map(\.key) == [odd, "a", "b", "z"])
    }

    @Test("what is refused is not added, and what was added before stays")
    func refuse() throws {
        let table = try makeTable(TableHarness())
        var batch = PutBatch(table)
        try batch.put("a", "f:q", "1")
        for (row, column) in [("", "f:q"), ("a", "h:q")] as [(Bytes, Column)] {
            #expect(throws: SiltstoneError.self) { try batch.put(row, column, "2") }
        }
        #expect(throws: SiltstoneError.self) { try batch.put("a", "f:q", "2", timestamp: -1) }
        #expect(batch.count == 1)
        batch.removeAll()
        try batch.put("b", "f:q", "3")
        try batch.write()
        #expect(try table.scan().rest().map(\.key) == ["b"])
    }

    @Test("an index that is added after the values were enters them")
    func index() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        var batch = PutBatch(table)
        try batch.put("a", IndexTests.city, "Rome")
        try batch.put("z", IndexTests.city, "Oslo", timestamp: 9)
        try harness.store.createIndex("t", ColumnIndex(IndexTests.city))
        try batch.write()
        let filter = IndexTests.filter(IndexTests.city, .equal, .binary("Oslo"))
        #expect(try IndexTests.rows(table, filter) == ["z"])
    }
}
