import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@Suite("Families with collection rules")
struct CollectionTests {
    private func table(_ harness: TableHarness, _ rule: String) throws -> StoredTable {
        try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", collectionRule: try CollectionRule(parsing: rule))]))
    }

    @Test("versions disappear by number and age, from reads at once and from files with a merge")
    func staircase() throws {
        let harness = try TableHarness()
        let rule = "maxversions=4 or (maxage=100ms and maxversions=2) or maxage=1s"
        var table = try table(harness, rule)
        let start = harness.clock.nowMilliseconds
        for number in 0..<6 as Range<Int64> {
            try table.write([.put("r", "f:q", Bytes("\(number)"), at: start + number)])
        }
        func values() throws -> [String] {
            let wanted = Projection(maxVersions: .max)
            let row = try table.get("r", wanted)
            #expect(try table.scan(.all, wanted).rest() == (row.map { [$0] } ?? []))
            let column = try table.get("r", .columns("f:q", maxVersions: 100))
            #expect(column == row)
            return row?.cells.map { "\($0.value)" } ?? []
        }
        #expect(try values() == ["5", "4", "3", "2"])
        harness.clock.set(nowMilliseconds: start + 103)
        // Age equal to the limit stays.
        #expect(try values() == ["5", "4", "3"])
        harness.clock.set(nowMilliseconds: start + 500)
        #expect(try values() == ["5", "4"])
        try table.flush()
        #expect(try values() == ["5", "4"])
        try table.compact()
        #expect(table.regions()[0].cellCount == 2)
        try harness.reopen()
        table = try harness.store.table("t")
        #expect(table.definition.families[0].collectionRule?.text == rule)
        harness.clock.set(nowMilliseconds: start + 1_005)
        #expect(try values() == ["5"])
        #expect(try table.get("r", .columns("f:q")) != nil)
        harness.clock.set(nowMilliseconds: start + 1_006)
        #expect(try values().isEmpty)
        #expect(try table.get("r", .columns("f:q")) == nil)
    }

    @Test("a rule comes and goes with a change of the schema; what contradicts it is refused")
    func alter() throws {
        let harness = try TableHarness()
        let table = try table(harness, "maxversions=2")
        for number in 0..<4 as Range<Int64> {
            try table.write([.put("r", "f:q", Bytes("\(number)"), at: 1_000 + number)])
        }
        let all = Projection(maxVersions: .max)
        #expect(try table.get("r", all)?.cells.count == 2)
        var definition = table.definition
        definition.families[0].collectionRule = try CollectionRule(parsing: "maxage=30d")
        _ = try harness.store.alterTable("t", to: definition)
        #expect(try table.get("r", all)?.cells.count == 4)
        definition.families[0].maxVersions = 1
        #expect(throws: SiltstoneError.self) {
            try harness.store.alterTable("t", to: definition)
        }
        definition.families[0].collectionRule = nil
        _ = try harness.store.alterTable("t", to: definition)
        #expect(try table.get("r", all)?.cells.count == 1)
        definition.families[0].attributes["silt.gc"] = "nonsense"
        #expect(throws: SiltstoneError.self) {
            try harness.store.alterTable("t", to: definition)
        }
    }
}
