import SiltBytes
import SiltModel
import SiltTable
import Testing

@Suite("Scans")
struct RowScannerTests {
    private static let keys: [Bytes] = [
        [0], [0, 0], [1], [1, 1], "a", "a\u{0}", "a\u{1}", "ab", "g", "m", "m\u{0}", "z", [0xff],
        [0xff, 0xff],
    ]

    private func make(splitPoints: [Bytes], hashBuckets: Int? = nil) throws -> (
        TableHarness, StoredTable
    ) {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("a"), Family("b", maxVersions: 3)], splitPoints: splitPoints,
                hashBuckets: hashBuckets))
        for (index, key) in Self.keys.enumerated() {
            // Some rows live in one family only, some in both; half of them in files.
            if index % 3 != 0 { try table.write([.put(key, "a:q", "1")]) }
            if index % 3 != 1 { try table.write([.put(key, "b:q", "2")]) }
            if index == Self.keys.count / 2 { try table.flush() }
        }
        return (harness, table)
    }

    @Test(
        "ranges are exact at both ends, in both directions, over any regions",
        arguments: [[], ["m"], ["a", "b", "m", "n"]] as [[Bytes]], [nil, 5])
    func ranges(_ splitPoints: [Bytes], _ hashBuckets: Int?) throws {
        let (_, table) = try make(splitPoints: splitPoints, hashBuckets: hashBuckets)
        let ends: [Bytes] = [.empty] + Self.keys + ["zz", "b"]
        for start in ends {
            for stop in ends {
                for flags in 0..<8 {
                    let range = RowRange(
                        start: start, stop: stop, includesStart: flags & 1 == 0,
                        includesStop: flags & 2 != 0, isReversed: flags & 4 != 0)
                    let found = try table.scan(range).rest().map(\.key)
                    #expect(found == expected(range), "\(range)")
                }
            }
        }
    }

    private func expected(_ range: RowRange) -> [Bytes] {
        let keys = range.isReversed ? Self.keys.reversed() : Self.keys
        return keys.filter { key in
            if range.start == range.stop, !key.isEmpty, !range.start.isEmpty {
                return key == range.start && range.includesStart && range.includesStop
            }
            let isPastStart =
                range.start.isEmpty || (range.isReversed ? key < range.start : key > range.start)
                || (key == range.start && range.includesStart)
            let isBeforeStop =
                range.stop.isEmpty || (range.isReversed ? key > range.stop : key < range.stop)
                || (key == range.stop && range.includesStop)
            return isPastStart && isBeforeStop
        }
    }

    @Test("rows have the cells of their families in order, or of the wanted ones only")
    func families() throws {
        let (_, table) = try make(splitPoints: ["g"])
        #expect(try table.scan(RowRange(prefix: "g")).rest().map(\.values) == [["a:q=1", "b:q=2"]])
        let ofA = try table.scan(.all, .family("a")).rest()
        #expect(ofA.map(\.key) == Self.keys.indices.filter { $0 % 3 != 0 }.map { Self.keys[$0] })
        #expect(ofA.allSatisfy { $0.values == ["a:q=1"] })
        #expect(try table.scan(.all, .columns("b:none")).rest().isEmpty)
    }

    @Test("wide rows and many versions are passed over, not shown")
    func skipping() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f", maxVersions: 100)]))
        for row in 0..<20 {
            var changes: [CellMutation] = []
            for column in 0..<30 {
                for stamp in 1...30 {
                    changes.append(
                        CellMutation(
                            Column("f", Bytes("c\(100 + column)")),
                            .put(value: Bytes("\(row).\(stamp)"), timeToLiveMilliseconds: nil),
                            timestamp: Int64(stamp)))
                }
            }
            try table.write([RowMutation(row: Bytes("row\(100 + row)"), changes: changes)])
            if row == 10 { try table.flush() }
        }
        let all = try table.scan().rest()
        #expect(all.count == 20)
        #expect(all.allSatisfy { row in row.cells.count == 30 })
        #expect(all.allSatisfy { row in row.cells.allSatisfy { $0.timestamp == 30 } })
        let three = try table.scan(.all, .columns("f:c100", "f:c115", "f:c129")).rest()
        #expect(three.map { $0.cells.count } == [Int](repeating: 3, count: 20))
        let old = Projection([.column("f:c129")], timeRange: TimeRange(min: 1, max: 2))
        #expect(
            try table.scan(RowRange(isReversed: true), old).rest().map { "\($0.cells[0].value)" }
                == (0..<20).reversed().map { "\($0).1" })
        #expect(try table.get("row110", .columns("f:c100", "f:c129"))?.cells.count == 2)
    }

    @Test("a scan sees a region as it was when it came to it, and rows whole")
    func consistency() throws {
        let (_, table) = try make(splitPoints: ["n"])
        let scanner = try table.scan()
        let first = try #require(try scanner.next())
        #expect(first.key == [0])
        try table.write([
            RowMutation(
                row: "g",
                changes: [
                    CellMutation("a:q", .put(value: "new", timeToLiveMilliseconds: nil)),
                    CellMutation("b:q", .put(value: "new", timeToLiveMilliseconds: nil)),
                ]), .put("y", "a:q", "later"),
        ])
        try table.flush()
        try table.compact()
        let rest = try scanner.rest()
        #expect(rest.first { $0.key == "g" }?.values == ["a:q=1", "b:q=2"])
        #expect(rest.first { $0.key == "y" }?.values == ["a:q=later"])
    }
}
