import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import SiltTable
import Testing

@Suite("Encoded rows")
struct EncodedRowsTests {
    private func makeTable(_ harness: TableHarness) throws -> StoredTable {
        try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: 3), Family("g")], splitPoints: ["m"]))
    }

    private func values(_ cells: [(Int, String)]) -> CellValues {
        var values = CellValues()
        for (column, text) in cells {
            values.bytes.append(contentsOf: text.utf8)
            values.end(column: column)
        }
        return values
    }

    private let odd = Bytes([1, 0, 1])

    @Test("rows of two regions and the batch after them are stored as one, and again after more")
    func store() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        let other = try harness.store.createTable(TableDefinition("u", families: [Family("h")]))
        var rows = EncodedRows(table, columns: ["p", odd])
        var single = EncodedRows(other, columns: ["q"])
        try harness.store.write([rows, single], then: [])
        #expect(try rows.add(values([(0, "1"), (1, "")]), row: "a", family: "f", timestamp: 5))
        #expect(try rows.add(values([(1, "2")]), row: odd, family: "g", timestamp: nil))
        #expect(try rows.add(values([(0, "3")]), row: "z", family: "f", timestamp: 7))
        #expect(try rows.add(values([]), row: "y", family: "f", timestamp: 7))
        #expect(try single.add(values([(0, "4")]), row: "r", family: "h", timestamp: nil))
        try harness.store.write(
            [rows, single],
            then: [
                TableMutation(table: table, mutation: .put("a", "f:p", "later", at: 5)),
                TableMutation(table: other, mutation: .put("s", "h:q", "5")),
            ])
        rows.removeAll()
        single.removeAll()
        #expect(try rows.add(values([(0, "6")]), row: "b", family: "f", timestamp: 1))
        try harness.store.write([rows, single], then: [])
        try harness.reopen()
        let again = try harness.store.table("t").scan().rest()
        #expect(again.map(\.key) == [odd, "a", "b", "z"])
        #expect(again[1].cells.map(\.value) == ["", "later"])
        #expect(again[1].cells.map(\.column) == [Column("f", odd), "f:p"])
        #expect(again[1].cells.map(\.timestamp) == [5, 5])
        #expect(again[0].cells.map(\.value) == ["2"])
        #expect(try harness.store.table("u").scan().rest().map(\.key) == ["r", "s"])
    }

    @Test(
        "rows that need not be durable at once are so with the next batch that is",
        arguments: [([.syncWAL], []), ([.syncWAL, .fsyncWAL], ["0", "1"])]
            as [([Durability], [Bytes])])
    func limit(limits: [Durability], kept: [Bytes]) throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        for (index, limit) in limits.enumerated() {
            var rows = EncodedRows(table, columns: ["p"])
            #expect(
                try rows.add(
                    values([(0, "v")]), row: Bytes(String(index)), family: "f", timestamp: 1))
            try harness.store.write([rows], then: [], atMost: limit)
        }
        #expect(try table.scan().rest().count == limits.count)
        let disk = harness.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try TableHarness(disk: disk)
        #expect(try again.store.table("t").scan().rest().map(\.key) == kept)
    }

    @Test("what is refused is not added")
    func refuse() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        var rows = EncodedRows(table, columns: ["p"])
        for (row, family, timestamp) in [("", "f", 1), ("a", "h", 1), ("a", "f", -1)]
            as [(Bytes, String, Int64)]
        {
            #expect(throws: SiltstoneError.self) {
                try rows.add(values([(0, "1")]), row: row, family: family, timestamp: timestamp)
            }
        }
        #expect(try rows.add(values([(0, "2")]), row: "b", family: "f", timestamp: 1))
        try harness.store.write([rows], then: [])
        #expect(try table.scan().rest().map(\.key) == ["b"])
    }

    @Test(
        "an index that is there before the rows refuses them, and one that is added after enters them"
    )
    func index() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        let city = IndexTests.city
        var rows = EncodedRows(table, columns: [city.qualifier])
        #expect(
            try rows.add(values([(0, "Rome")]), row: "a", family: city.family, timestamp: nil))
        #expect(try rows.add(values([(0, "Oslo")]), row: "z", family: city.family, timestamp: 9))
        try harness.store.createIndex("t", ColumnIndex(city))
        try harness.store.write([rows], then: [])
        let filter = IndexTests.filter(city, .equal, .binary("Oslo"))
        #expect(try IndexTests.rows(table, filter) == ["z"])
        rows.removeAll()
        #expect(
            try !rows.add(values([(0, "Oslo")]), row: "b", family: city.family, timestamp: 9))
    }
}
