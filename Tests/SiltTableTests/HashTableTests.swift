import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Testing

@testable import SiltTable

@Suite("Tables that hash row keys")
struct HashTableTests {
    /// A table without buckets and one with, which are told the same.
    private final class Pair {
        let harness: TableHarness
        private(set) var plain: StoredTable
        private(set) var hashed: StoredTable

        init(buckets: Int = 8, splitPoints: [Bytes] = []) throws {
            harness = try TableHarness()
            let families = [Family("f", maxVersions: 3), Family("g")]
            plain = try harness.store.createTable(TableDefinition("plain", families: families))
            hashed = try harness.store.createTable(
                TableDefinition(
                    "hashed", families: families, splitPoints: splitPoints, hashBuckets: buckets))
        }

        /// Does the same to both and compares what comes of it.
        func both<Value: Equatable>(
            _ comment: Comment? = nil, _ body: (StoredTable) throws -> Value
        ) throws {
            // Far enough for two writes: time stamps are those of the clock, in whatever region.
            harness.clock.advance(milliseconds: 5)
            let expected = try body(plain)
            #expect(try body(hashed) == expected, comment)
        }

        func fill(_ count: Int = 60) throws {
            for number in 0..<count {
                let row = HashTableTests.row(number)
                try both { table in
                    try table.write([
                        .put(row, "f:a", Bytes("\(number)")), .put(row, "f:b", "x"),
                    ])
                    if number % 3 == 0 { try table.write([.put(row, "g:c", "c")]) }
                    if number == count / 2 { try table.flush() }
                    return true
                }
            }
        }

        func reopen() throws {
            try harness.reopen()
            plain = try harness.store.table("plain")
            hashed = try harness.store.table("hashed")
        }
    }

    private static func row(_ number: Int) -> Bytes { Bytes("row\(1000 + number)") }

    @Test("the bucket of a row is a part of the format")
    func buckets() {
        let rows: [Bytes] = ["", "a", "row1000", "row1001", [0], [0xff, 0, 1]]
        #expect(rows.map { RowBuckets.bucket(of: $0, among: 8) } == [4, 5, 6, 4, 4, 6])
        var counts = [Int](repeating: 0, count: 8)
        for number in 0..<8_000 {
            counts[RowBuckets.bucket(of: Self.row(number), among: 8)] += 1
        }
        #expect(counts.allSatisfy { $0 > 850 && $0 < 1_150 })
    }

    @Test("ascending keys go to all buckets, each of which is cut as asked")
    func regions() throws {
        let pair = try Pair(buckets: 4, splitPoints: ["row1030"])
        try pair.fill()
        let regions = pair.hashed.regions()
        #expect(regions.map(\.bucket) == [0, 0, 1, 1, 2, 2, 3, 3])
        #expect(regions.map(\.start) == (0..<8).map { $0 % 2 == 0 ? .empty : "row1030" })
        #expect(regions.allSatisfy { $0.cellCount > 0 })
        #expect(pair.hashed.definition.hashBuckets == 4)
        #expect(pair.hashed.definition.splitPoints == ["row1030"])
        #expect(pair.plain.regions().map(\.bucket) == [nil])
        // Who cuts scans along regions must not read a row twice.
        let whole = pair.hashed.rowRegions()
        #expect(whole.count == 1 && whole[0].start.isEmpty && whole[0].end.isEmpty)
        #expect(whole[0].cellCount == regions.reduce(0) { $0 + $1.cellCount })
    }

    @Test("every operation on rows does what it does to a table without buckets")
    func operations() throws {
        let pair = try Pair()
        try pair.fill()
        let rows = [3, 1, 999, 2].map { Self.row($0) }
        for _ in 0..<2 {
            try pair.both { try $0.get(rows) }
            try pair.both { try $0.get(rows[0], .columns("f:a")) }
            try pair.both { $0.getCached(rows[0], .columns("f:a")) != nil }
            try pair.both { try $0.exists(rows[2]) }
            try pair.both { table in
                try table.increment(rows[0], [("g:n", 5)]).map(\.1)
            }
            try pair.both { table in
                try table.append(rows[1], [("f:b", "y")]).map(\.1)
            }
            try pair.both { table in
                try table.check(
                    rows[1], "f:a", equals: "1", then: .put(rows[1], "f:a", "changed"))
            }
            try pair.both { table in
                try table.write([
                    .marker(rows[3], Column("f", .empty), .deleteFamily),
                    .marker(rows[0], "f:b", .deleteVersion), .put(rows[2], "f:a", "there"),
                ])
                return try table.scan().rest()
            }
            try pair.both { table in
                try table.put(rows[3], "f:z", "put")
                return true
            }
            // By itself: two commits in one region have two time stamps.
            try pair.both { table in
                var batch = PutBatch(table)
                for number in 0..<20 { try batch.put(Self.row(200 + number), "f:a", "batch") }
                try batch.write()
                return try table.scan().rest().map(\.values)
            }
            try pair.reopen()
            try pair.both { try $0.scan(.all, Projection(maxVersions: 3)).rest() }
        }
        try pair.hashed.compact()
        try pair.both { try $0.scan(.all, Projection(maxVersions: 3)).rest() }
        #expect(throws: SiltstoneError.self) { try pair.hashed.get("") }
    }

    /// Filters that remember rows, cells or nothing.
    private static let filters: [Filter?] = [
        nil, .page(7), .prefix("row102"), .inclusiveStop("row1031"), .firstKeyOnly,
        .whileMatch(.row(.notEqual, .binary("row1025"))),
        .whileMatch(.value(.notEqual, .binary("31"))),
        .all([.prefix("row10"), .page(5), .qualifier(.equal, .binary("a"))]),
        .any([.page(2), .value(.equal, .substring("5"))]),
        .skip(.value(.notEqual, .binary("20"))), .columnCountGet(1),
        .columnPagination(limit: 1, offset: 1),
        .multiRowRange([
            .init(start: "row1010", stop: "row1013"), .init(start: "row1040", stop: "row1050"),
        ]), .row(.equal, .binary("row1007")), .row(.less, .binary("row1000")),
        .value(.equal, .binary("nowhere")),
    ]

    @Test("scans give one ordered stream, whatever the range, direction, limit and filter")
    func scans() throws {
        let pair = try Pair()
        try pair.fill()
        for number in stride(from: 0, to: 60, by: 7) {
            try pair.both { table in
                try table.write([
                    .marker(Self.row(number), Column("f", .empty), .deleteFamily)
                ])
                return true
            }
        }
        let ranges = [
            RowRange.all, RowRange(start: "row1010", stop: "row1033"),
            RowRange(start: "row1010", stop: "row1010", includesStop: true),
            RowRange(start: "row1010", includesStart: false), RowRange(start: "zzz"),
        ]
        for range in ranges {
            for isReversed in [false, true] {
                var range = range
                if isReversed {
                    (range.start, range.stop) = (range.stop, range.start)
                    range.isReversed = true
                }
                for filter in Self.filters {
                    for columns in [[], [.family("f")], [.column("g:c")]] as [[Projection.Selector]]
                    {
                        let projection = Projection(columns, maxVersions: 2, filter: filter)
                        let comment: Comment = "\(range) \(projection)"
                        try pair.both(comment) { try $0.scan(range, projection).rest() }
                        try pair.both(comment) { table in
                            let scanner = try table.scan(range, projection)
                            return try [scanner.next(), scanner.next(), scanner.next()]
                        }
                    }
                }
            }
        }
        try pair.both { table in
            var cells: [String] = []
            let scanner = try table.scan(RowRange(start: "row1005"))
            try scanner.forEachCell { row, column, _, value in
                cells.append("\(row) \(column) \(value.count)")
                return cells.count < 30
            }
            return cells
        }
    }

    @Test("a scan in parts has each row once")
    func parts() throws {
        let pair = try Pair(splitPoints: ["row1020"])
        try pair.fill()
        for range in [RowRange.all, RowRange(start: "row1010", stop: "row1040")] {
            let parts = try pair.hashed.scanParts(range)
            #expect(parts.count == 16)
            let rows = try parts.flatMap { try $0.open().rest() }
            #expect(rows.sorted { $0.key < $1.key } == (try pair.plain.scan(range).rest()))
        }
        #expect(try pair.hashed.scanParts(.all, Projection(filter: .page(3))).count == 1)
    }

    @Test("regions split and merge within their bucket, while scans go on")
    func splits() throws {
        let pair = try Pair(buckets: 3)
        try pair.fill()
        let scanner = try pair.hashed.scan()
        let first = try (0..<10).map { _ in try scanner.next() }
        let before = pair.hashed.regions()
        for region in before {
            #expect(try pair.harness.store.split("hashed", region: region.id))
        }
        #expect(try pair.harness.store.split("hashed", at: Self.row(55)))
        let expected = try pair.plain.scan().rest()
        #expect(try first + scanner.rest() == expected)
        try pair.both { try $0.scan().rest() }
        try pair.reopen()
        try pair.both { try $0.scan(RowRange(isReversed: true)).rest() }
        var regions = pair.hashed.regions()
        #expect(regions.count == 7)
        // The last of one bucket and the first of the next are no neighbours.
        let border = try #require(regions.indices.dropFirst().first { regions[$0].start.isEmpty })
        #expect(throws: SiltstoneError.self) {
            try pair.harness.store.merge("hashed", regions[border - 1].id, regions[border].id)
        }
        while let second = regions.indices.first(where: { !regions[$0].start.isEmpty }) {
            try pair.harness.store.merge("hashed", regions[second - 1].id, regions[second].id)
            regions = pair.hashed.regions()
        }
        #expect(regions.map(\.bucket) == [0, 1, 2])
        try pair.both { try $0.scan().rest() }
    }

    @Test("snapshots, clones and restored tables have the buckets, and indexes find the rows")
    func snapshots() throws {
        let pair = try Pair()
        try pair.fill()
        let store = pair.harness.store
        try store.createIndex("hashed", ColumnIndex("f:a"))
        try store.createSnapshot("s", of: "hashed")
        try pair.hashed.write([.marker(Self.row(7), Column("f", .empty), .deleteFamily)])
        let clone = try store.cloneSnapshot("s", to: "clone")
        #expect(clone.definition.hashBuckets == 8)
        let expected = try pair.plain.scan().rest()
        #expect(try clone.scan().rest() == expected)
        #expect(try store.snapshotTable("s").scan().rest() == expected)
        try store.restoreSnapshot("s")
        #expect(try pair.hashed.scan().rest() == expected)
        let filter = IndexTests.filter("f:a", .greaterOrEqual, .binary("55"))
        for table in [clone, pair.hashed] {
            #expect(try table.indexUsed(for: Projection(filter: filter)) != nil)
            #expect(
                try IndexTests.rows(table, filter, range: RowRange(isReversed: true))
                    == [59, 58, 57, 56, 55, 9, 8, 7, 6].map { "\(Self.row($0))" })
        }
    }

    @Test("a table keeps its buckets for life, and their number has bounds")
    func alter() throws {
        let pair = try Pair(buckets: 2)
        try pair.fill(10)
        var definition = pair.hashed.definition
        definition.hashBuckets = 3
        #expect(throws: SiltstoneError.self) {
            try pair.harness.store.alterTable("hashed", to: definition)
        }
        // Who does not know of buckets changes nothing about them.
        definition.hashBuckets = nil
        definition.families.append(Family("h"))
        _ = try pair.harness.store.alterTable("hashed", to: definition)
        #expect(pair.hashed.definition.hashBuckets == 2)
        #expect(try pair.hashed.scan().rest().count == 10)
        definition = pair.plain.definition
        definition.hashBuckets = 2
        #expect(throws: SiltstoneError.self) {
            try pair.harness.store.alterTable("plain", to: definition)
        }
        for buckets in [-1, 0, 1, 257] {
            #expect(throws: SiltstoneError.self) {
                try pair.harness.store.createTable(
                    TableDefinition("t", families: [Family("f")], hashBuckets: buckets))
            }
        }
    }
}
