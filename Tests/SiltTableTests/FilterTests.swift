import SiltBytes
import SiltModel
import Testing

@testable import SiltTable

@Suite("Filters of reads")
struct FilterTests {
    private func filled() throws -> (TableHarness, StoredTable) {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: 3), Family("g")], splitPoints: ["b", "c"]))
        for row in ["a1", "a2", "b1", "c1"] {
            for (column, value) in [("f:x", "\(row)x"), ("f:y", "Hello"), ("g:z", "7")] {
                let name = Column(parsing: Array(column.utf8)[...])
                try table.write([.put(Bytes(row), name, Bytes(value), at: 10)])
            }
        }
        return (harness, table)
    }

    private func keys(_ filter: Filter, isReversed: Bool = false) throws -> [String] {
        let (_, table) = try filled()
        let range = RowRange(isReversed: isReversed)
        return try table.scan(range, Projection(filter: filter)).rest().map { "\($0.key)" }
    }

    @Test("rows are chosen by key, over regions and in both directions")
    func rows() throws {
        #expect(try keys(.prefix("a")) == ["a1", "a2"])
        #expect(try keys(.prefix("a"), isReversed: true) == ["a2", "a1"])
        #expect(try keys(.row(.greaterOrEqual, .binary("b"))) == ["b1", "c1"])
        #expect(try keys(.page(3)) == ["a1", "a2", "b1"])
        #expect(try keys(.inclusiveStop("b1")) == ["a1", "a2", "b1"])
        #expect(
            try keys(.whileMatch(.row(.notEqual, .binary("b1")))) == ["a1", "a2"])
        let ranges = [
            Filter.KeyRange(start: "a2", stop: "a3"), Filter.KeyRange(start: "c", stop: "d"),
        ]
        #expect(try keys(.multiRowRange(ranges)) == ["a2", "c1"])
        #expect(try keys(.multiRowRange(ranges), isReversed: true) == ["c1", "a2"])
        let fuzzy = Filter.FuzzyKey("?1", isFree: [true, false])
        #expect(try keys(.fuzzyRow([fuzzy])) == ["a1", "b1", "c1"])
        #expect(throws: SiltstoneError.self) { try keys(.multiRowRange([])) }
    }

    @Test("cells are chosen by value, column and time stamp")
    func cells() throws {
        let (_, table) = try filled()
        func values(_ filter: Filter) throws -> [String] {
            try table.get("a1", Projection(filter: filter))?.values ?? []
        }
        #expect(try values(.value(.equal, .substring("LL"))) == ["f:y=Hello"])
        #expect(try values(.value(.equal, .regex("^a\\dx$"))) == ["f:x=a1x"])
        #expect(try values(.qualifier(.greater, .binary("x"))) == ["f:y=Hello", "g:z=7"])
        #expect(try values(.firstKeyOnly) == ["f:x=a1x"])
        #expect(try values(.all([.keyOnly(), .family(.equal, .binary("g"))])) == ["g:z="])
        let test = Filter.ColumnTest(family: "f", qualifier: "y", .equal, .binary("Hello"))
        #expect(try values(.singleColumnValueExclude(test)) == ["f:x=a1x", "g:z=7"])
        #expect(try values(.timestamps([11])) == [])
        var projection = Projection()
        projection.cellsPerFamilyOffset = 1
        #expect(try table.get("a1", projection)?.values == ["f:y=Hello"])
    }

    @Test("patterns are Java's, as far as they go, and never take long")
    func patterns() throws {
        func isFound(_ pattern: String, _ text: String) throws -> Bool {
            let array = Array(text.utf8)
            return try TextPattern(pattern, ignoresCase: false).isFound(in: array.span)
        }
        #expect(try isFound("(?i)HEL+o", "say hello"))
        #expect(try !isFound("HEL+o", "say hello"))
        #expect(try isFound("a{2,3}b", "caab"))
        #expect(try !isFound("^a{3}$", "aaaa"))
        #expect(try isFound("[a-c&&[^b]]\\b", "xx a"))
        #expect(try isFound("\\Qa.b\\E$", "za.b\n"))
        #expect(try isFound("x.z", "x\nz"))
        #expect(try isFound("[^\\x{41}]é", "Bé"))
        let many = String(repeating: "a", count: 2_000)
        #expect(try !isFound("(a*)*(a|aa)+b", many))
        for bad in ["(", "a)", "[a", "*a", "a**", "(?=a)", "\\1", "a{2,1}", "a++", "\\p{L}", "\\"] {
            #expect(throws: SiltstoneError.self, "\(bad)") { try isFound(bad, "a") }
        }
    }

    @Test("numbers compare as numbers")
    func numbers() throws {
        func order(_ comparison: CompareOperator, _ number: Int64, _ bytes: [UInt8]) throws -> Bool
        {
            try ValueComparator(.long(number)).holds(comparison, bytes.span)
        }
        #expect(try order(.less, 0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]))
        #expect(try order(.greater, .max, [0, 0x80, 0, 0, 0, 0, 0, 0, 0]))
        let decimal = try ValueComparator(.decimal("1.50"))
        func holds(_ comparison: CompareOperator, _ bytes: [UInt8]) -> Bool {
            decimal.holds(comparison, bytes.span)
        }
        #expect(holds(.equal, [0, 0, 0, 1, 15]))
        #expect(holds(.less, [0, 0, 0, 0, 0xff]))
    }
}
