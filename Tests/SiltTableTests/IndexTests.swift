import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@Suite("Column indexes")
struct IndexTests {
    static let city: Column = "f:city"
    static let age: Column = "f:age"
    static let score: Column = "g:score"

    static func filter(
        _ column: Column, _ comparison: CompareOperator, _ comparator: FilterComparator
    ) -> Filter {
        .singleColumnValue(
            Filter.ColumnTest(
                family: Bytes(column.family), qualifier: column.qualifier, comparison, comparator),
            Filter.RowRule(dropsIfMissing: true))
    }

    static func long(_ number: Int64) -> Bytes {
        Bytes((0..<8).map { UInt8(truncatingIfNeeded: number >> Int64(56 - $0 * 8)) })
    }

    /// The rows of a filtered scan, with a check that an index was asked and that a full scan says the same.
    @discardableResult
    static func rows(
        _ table: StoredTable, _ filter: Filter, range: RowRange = .all, isIndexed: Bool = true,
        _ comment: Comment? = nil
    ) throws -> [String] {
        let projection = Projection(filter: filter)
        #expect(try (table.indexUsed(for: projection) != nil) == isIndexed, comment)
        let found = try table.scan(range, projection).rest()
        let full = try table.scan(range, projection, usesIndexes: false).rest()
        #expect(found == full, comment)
        return found.map { "\($0.key)" }
    }

    static func makeTable(_ store: TableStore) throws -> StoredTable {
        try store.createTable(
            TableDefinition(
                "people", families: [Family("f", maxVersions: 3), Family("g")],
                splitPoints: ["m"]))
    }

    @Test("an index of an existing table finds rows by value, in the order of their keys")
    func build() throws {
        let harness = try TableHarness()
        let table = try Self.makeTable(harness.store)
        try table.write([
            .put("zoe", Self.city, "London"), .put("ada", Self.city, "London"),
            .put("bob", Self.city, "Paris"), .put("eve", Self.city, "Londonderry"),
        ])
        try Self.rows(table, Self.filter(Self.city, .equal, .binary("London")), isIndexed: false)
        try harness.store.createIndex("people", ColumnIndex(Self.city))
        let london = Self.filter(Self.city, .equal, .binary("London"))
        #expect(try Self.rows(table, london) == ["ada", "zoe"])
        #expect(
            try Self.rows(table, london, range: RowRange(isReversed: true)) == ["zoe", "ada"])
        #expect(try Self.rows(table, london, range: RowRange(start: "b")) == ["zoe"])
        let prefix = Self.filter(Self.city, .equal, .binaryPrefix("London"))
        #expect(try Self.rows(table, prefix) == ["ada", "eve", "zoe"])
        let above = Self.filter(Self.city, .greater, .binary("London"))
        #expect(try Self.rows(table, above) == ["bob", "eve"])
        // Rows without the column pass this one: no index can answer.
        let lenient = Filter.singleColumnValue(
            Filter.ColumnTest(family: "f", qualifier: "city", .equal, .binary("London")))
        try Self.rows(table, lenient, isIndexed: false)
        try Self.rows(table, .all([london, .page(1)]), isIndexed: false)
    }

    @Test("numbers are found as numbers, longs as longs")
    func numbers() throws {
        let harness = try TableHarness()
        let table = try Self.makeTable(harness.store)
        try harness.store.createIndex("people", ColumnIndex(Self.age, order: .number))
        try harness.store.createIndex("people", ColumnIndex(Self.score, order: .long))
        for (row, age, score) in [
            ("a", "9", Int64(-5)), ("b", "10", 7), ("c", "-3.50", .max), ("d", "old", .min),
            ("e", "1e1", 0), ("f", "10.0000000000000000000000001", 8),
        ] {
            try table.write([
                .put(Bytes(row), Self.age, Bytes(age)),
                .put(Bytes(row), Self.score, Self.long(score)),
            ])
        }
        func ages(_ comparison: CompareOperator, _ number: String) throws -> [String] {
            try Self.rows(table, Self.filter(Self.age, comparison, .number(number)))
        }
        #expect(try ages(.equal, "10") == ["b", "e"])
        #expect(try ages(.less, "9.5") == ["a", "c"])
        #expect(try ages(.greater, "10") == ["f"])
        #expect(try ages(.lessOrEqual, "-3.5") == ["c"])
        func scores(_ comparison: CompareOperator, _ number: Int64) throws -> [String] {
            try Self.rows(table, Self.filter(Self.score, comparison, .long(number)))
        }
        #expect(try scores(.less, 0) == ["a", "d"])
        #expect(try scores(.greaterOrEqual, 7) == ["b", "c", "f"])
        // Only order says which comparator it serves.
        try Self.rows(table, Self.filter(Self.age, .equal, .binary("10")), isIndexed: false)
    }

    @Test("long values and long row keys have entries of bounded size")
    func longKeys() throws {
        let harness = try TableHarness()
        let table = try Self.makeTable(harness.store)
        try harness.store.createIndex("people", ColumnIndex(Self.city))
        let value = Bytes([UInt8](repeating: 0, count: 5_000))
        let other = Bytes([UInt8](repeating: 0, count: 4_999) + [1])
        let row = Bytes([UInt8](repeating: 7, count: Limits.rowBytesMax))
        let neighbour = Bytes([UInt8](repeating: 7, count: Limits.rowBytesMax - 1) + [8])
        try table.write([
            .put(row, Self.city, value), .put(neighbour, Self.city, value),
            .put("x", Self.city, other),
        ])
        let projection = Projection(filter: Self.filter(Self.city, .equal, .binary(value)))
        #expect(try table.scan(.all, projection).rest().map(\.key) == [row, neighbour])
        try Self.rows(table, Self.filter(Self.city, .equal, .binary(other)))
    }

    @Test("entries of values that are gone are taken away by the scan that meets them")
    func repair() throws {
        let harness = try TableHarness()
        let table = try Self.makeTable(harness.store)
        try harness.store.createIndex("people", ColumnIndex(Self.score))
        for index in 0..<10 { try table.write([.put(Bytes("r\(index)"), Self.score, "old")]) }
        for index in 0..<10 { try table.write([.put(Bytes("r\(index)"), Self.score, "new")]) }
        try table.flush()
        try table.compact()
        let entries = try #require(
            harness.store.tables(includesSystem: true).first {
                $0.definition.name.hasPrefix("silt:index.")
            })
        #expect(try entries.scan().rest().count == 20)
        #expect(try Self.rows(table, Self.filter(Self.score, .equal, .binary("old"))) == [])
        #expect(try entries.scan().rest().count == 10)
        #expect(try Self.rows(table, Self.filter(Self.score, .equal, .binary("new"))).count == 10)
    }

    @Test("an index survives reopening and schema changes, and goes with its family or table")
    func lifecycle() throws {
        let harness = try TableHarness()
        _ = try Self.makeTable(harness.store)
        try harness.store.createIndex("people", ColumnIndex(Self.city))
        try harness.store.createIndex("people", ColumnIndex(Self.score))
        #expect(throws: SiltstoneError.self) {
            try harness.store.createIndex("people", ColumnIndex(Self.city, order: .number))
        }
        try harness.reopen()
        let table = try harness.store.table("people")
        try table.write([.put("a", Self.city, "Rome")])
        #expect(try Self.rows(table, Self.filter(Self.city, .equal, .binary("Rome"))) == ["a"])

        var definition = TableDefinition("people", families: [Family("f", maxVersions: 9)])
        definition.attributes = ["note": "kept"]
        _ = try harness.store.alterTable("people", to: definition)
        #expect(table.indexes == [ColumnIndex(Self.city)])
        #expect(harness.store.tables(includesSystem: true).count == 2)
        try Self.rows(table, Self.filter(Self.city, .equal, .binary("Rome")))

        try harness.store.dropIndex("people", of: Self.city)
        try Self.rows(
            table, Self.filter(Self.city, .equal, .binary("Rome")), isIndexed: false)
        try harness.store.createIndex("people", ColumnIndex(Self.city))
        try harness.store.dropTable("people")
        #expect(harness.store.tables(includesSystem: true).isEmpty)
    }

    @Test("over random histories an index answers as a full scan does, at every moment")
    func random() throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["SILT_SEED"].flatMap { UInt64($0) } ?? 20_261_124
        let steps = environment["SILT_STEPS"].flatMap { Int($0) } ?? 1_500
        print("IndexTests seed=\(seed) steps=\(steps)")
        var random = SplitMix(seed)
        let harness = try TableHarness()
        _ = try harness.store.createTable(
            TableDefinition(
                "people",
                families: [
                    Family("f", maxVersions: 3),
                    Family("g", maxVersions: 2, timeToLiveMilliseconds: 200),
                ], splitPoints: ["r3"]))
        let columns: [Column] = ["f:city", "g:city"]
        try harness.store.createIndex("people", ColumnIndex(columns[0]))
        var isBuilt = false
        for step in 0..<steps {
            let table = try harness.store.table("people")
            let row = Bytes("r\(random.next() % 8)")
            let column = columns[Int(random.next() % 2)]
            let value = Bytes("v\(random.next() % 4)")
            let past = random.next() % 4 == 0 ? harness.tick() - Int64(random.next() % 50) : nil
            switch random.next() % 16 {
            case 0...7:
                let life = random.next() % 5 == 0 ? Int64(random.next() % 60) + 1 : nil
                try table.write([.put(row, column, value, at: past, timeToLive: life)])
            case 8: try table.write([.marker(row, column, .deleteColumn, at: past)])
            case 9: try table.write([.marker(row, column, .deleteVersion, at: past)])
            case 10:
                try table.write([.marker(row, Column(column.family, .empty), .deleteFamily)])
            case 11: try table.flush()
            case 12: if random.next() % 4 == 0 { try table.compact() }
            case 13: if random.next() % 8 == 0 { try harness.reopen() }
            case 14: _ = try table.append(row, [(column, "1")])
            default: harness.clock.advance(milliseconds: Int64(random.next() % 40))
            }
            if step == steps / 2 {
                try harness.store.createIndex("people", ColumnIndex(columns[1]))
                isBuilt = true
            }
            let current = try harness.store.table("people")
            for (number, asked) in columns.enumerated() where number == 0 || isBuilt {
                let comparison: CompareOperator = [.equal, .less, .greaterOrEqual][step % 3]
                let comment: Comment = "seed=\(seed) step=\(step)"
                try Self.rows(
                    current, Self.filter(asked, comparison, .binary(value)), comment)
            }
        }
    }
}

/// A small generator with a seed.
struct SplitMix {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
