import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@Suite("Semantics of cells")
struct CellSemanticsTests {
    /// Where the cells are when they are read.
    enum Place: CaseIterable { case memory, file, reopened }

    private func make(_ family: Family) throws -> (TableHarness, StoredTable) {
        let harness = try TableHarness()
        return (harness, try harness.store.createTable(TableDefinition("t", families: [family])))
    }

    private func move(_ harness: TableHarness, to place: Place) throws -> StoredTable {
        switch place {
        case .memory: break
        case .file: try harness.store.flush()
        case .reopened: try harness.reopen()
        }
        return try harness.store.table("t")
    }

    @Test("versions come newest first, and as many as asked", arguments: Place.allCases)
    func versions(_ place: Place) throws {
        var (harness, table) = try make(Family("f", maxVersions: 3))
        for stamp in [Int64(10), 40, 20, 30] {
            try table.write([.put("r", "f:q", Bytes("v\(stamp)"), at: stamp)])
        }
        table = try move(harness, to: place)
        #expect(try table.get("r")?.text == ["f:q@40=v40"])
        #expect(
            try table.get("r", .columns("f:q", maxVersions: 9))?.text
                == ["f:q@40=v40", "f:q@30=v30", "f:q@20=v20"])
        let early = Projection(maxVersions: 9, timeRange: TimeRange(min: 10, max: 30))
        #expect(try table.get("r", early)?.text == ["f:q@20=v20", "f:q@10=v10"])
    }

    @Test("the last write wins at one time stamp", arguments: Place.allCases)
    func overwrite(_ place: Place) throws {
        var (harness, table) = try make(Family("f", maxVersions: 3))
        try table.write([.put("r", "f:q", "one", at: 5)])
        try table.write([.put("r", "f:q", "two", at: 5)])
        table = try move(harness, to: place)
        #expect(try table.get("r", Projection(maxVersions: 9))?.text == ["f:q@5=two"])
    }

    @Test("each marker masks what it should and nothing else", arguments: Place.allCases)
    func markers(_ place: Place) throws {
        var (harness, table) = try make(Family("f", maxVersions: 9))
        for row in ["version", "column", "family", "familyVersion"] as [Bytes] {
            for column in ["f:", "f:a", "f:b"] as [Column] {
                for stamp in [Int64(1), 2, 3] {
                    try table.write([.put(row, column, Bytes("\(stamp)"), at: stamp)])
                }
            }
        }
        try table.write([
            .marker("version", "f:a", .deleteVersion, at: 2),
            .marker("column", "f:a", .deleteColumn, at: 2),
            .marker("family", "f:a", .deleteFamily, at: 2),
            .marker("familyVersion", "f:a", .deleteFamilyVersion, at: 2),
        ])
        table = try move(harness, to: place)
        func stamps(_ row: Bytes) throws -> [String] {
            try table.get(row, Projection(maxVersions: 9))?.cells.map {
                "\($0.column.qualifier)\($0.timestamp)"
            } ?? []
        }
        #expect(try stamps("version") == ["3", "2", "1", "a3", "a1", "b3", "b2", "b1"])
        #expect(try stamps("column") == ["3", "2", "1", "a3", "b3", "b2", "b1"])
        #expect(try stamps("family") == ["3", "a3", "b3"])
        #expect(try stamps("familyVersion") == ["3", "1", "a3", "a1", "b3", "b1"])
        // Single columns take the fast path, which must not miss the family's markers.
        #expect(
            try table.get("family", .columns("f:b", maxVersions: 9))?.text == ["f:b@3=3"])
        #expect(
            try table.get("familyVersion", .columns("f:b", maxVersions: 9))?.text
                == ["f:b@3=3", "f:b@1=1"])
        // A put that comes later with an older time stamp stays masked until a merge of everything.
        try table.write([.put("family", "f:a", "late", at: 1)])
        #expect(try stamps("family") == ["3", "a3", "b3"])
    }

    @Test("a delete without a time stamp deletes the newest version only")
    func deleteNewest() throws {
        let (harness, table) = try make(Family("f", maxVersions: 9))
        for stamp in [Int64(1), 2, 3] { try table.write([.put("r", "f:q", "v", at: stamp)]) }
        try table.write([.marker("r", "f:q", .deleteVersion)])
        #expect(try table.get("r", Projection(maxVersions: 9))?.cells.map(\.timestamp) == [2, 1])
        let two = CellMutation("f:q", .deleteVersion)
        try table.write([RowMutation(row: "r", changes: [two, two])])
        #expect(try table.get("r") == nil)
        try table.write([.put("r", "f:q", "again", at: harness.tick())])
        #expect(try table.get("r")?.values == ["f:q=again"])
    }

    @Test("put, delete, put in one millisecond never loses the last put", arguments: Place.allCases)
    func quickReplacement(_ place: Place) throws {
        // The clock stands still throughout.
        var (harness, table) = try make(Family("f"))
        for round in 0..<50 {
            try table.write([.put("r", "f:q", "old")])
            switch round % 3 {
            case 0: try table.write([.marker("r", "f:q", .deleteColumn)])
            case 1: try table.write([.marker("r", "f:q", .deleteFamily)])
            default: try table.write([.marker("r", "f:q", .deleteVersion)])
            }
            // A delete of the newest version brings up the one before it.
            let before = round % 3 == 2 ? ["f:q=new\(round - 1)"] : nil
            #expect(try table.get("r")?.values == before)
            try table.write([.put("r", "f:q", Bytes("new\(round)"))])
            #expect(try table.get("r")?.values == ["f:q=new\(round)"])
        }
        table = try move(harness, to: place)
        #expect(try table.get("r")?.values == ["f:q=new49"])
        // The same within one batch, where all share a time stamp.
        try table.write([
            .put("s", "f:q", "first"), .marker("s", "f:q", .deleteFamily),
            .put("s", "f:q", "second"),
        ])
        #expect(try table.get("s")?.values == ["f:q=second"])
        try table.write([.put("s", "f:q", "third"), .marker("s", "f:q", .deleteColumn)])
        #expect(try table.get("s") == nil)
    }

    @Test(
        "a delete masks values written later under its very time stamp, and those of its own mutation",
        arguments: Place.allCases)
    func sameTimestamp(_ place: Place) throws {
        var (harness, table) = try make(Family("f"))
        let now = harness.clock.nowMilliseconds
        let markers: [CellMutation.Action] = [.deleteColumn, .deleteFamily]
        for (index, marker) in markers.enumerated() {
            let row = Bytes("r\(index)")
            try table.write([.put(row, "f:q", "old"), .marker(row, "f:q", marker)])
            let stamps = try table.scan(.all, Projection(isRaw: true)).rest().flatMap(\.cells)
            let stamp = try #require(stamps.map(\.timestamp).max())
            #expect(stamp >= now)
            try table.write([.put(row, "f:q", "chosen", at: stamp)])
            let both = [
                CellMutation("f:q", marker),
                CellMutation("f:q", .put(value: "new", timeToLiveMilliseconds: nil)),
            ]
            try table.write([RowMutation(row: Bytes("both\(index)"), changes: both)])
        }
        table = try move(harness, to: place)
        #expect(try table.scan().rest() == [])
        for index in markers.indices {
            try table.write([.put(Bytes("r\(index)"), "f:q", "after")])
            #expect(try table.get(Bytes("r\(index)"))?.values == ["f:q=after"])
        }
    }

    @Test("cells expire by their family's and by their own time to live", arguments: Place.allCases)
    func timeToLive(_ place: Place) throws {
        var (harness, table) = try make(
            Family("f", maxVersions: 3, timeToLiveMilliseconds: 1000))
        let start = harness.tick()
        try table.write([.put("r", "f:a", "family", at: start)])
        try table.write([.put("r", "f:b", "own", at: start, timeToLive: 100)])
        table = try move(harness, to: place)
        harness.clock.set(nowMilliseconds: start + 100)
        #expect(try table.get("r")?.values == ["f:a=family", "f:b=own"])
        harness.clock.set(nowMilliseconds: start + 101)
        #expect(try table.get("r")?.values == ["f:a=family"])
        harness.clock.set(nowMilliseconds: start + 1000)
        #expect(try table.get("r")?.values == ["f:a=family"])
        harness.clock.set(nowMilliseconds: start + 1001)
        #expect(try table.get("r") == nil)
        #expect(try table.scan().rest().isEmpty)
    }

    @Test("minimum versions outlive the time to live", arguments: Place.allCases)
    func minVersions(_ place: Place) throws {
        var (harness, table) = try make(
            Family("f", maxVersions: 3, minVersions: 1, timeToLiveMilliseconds: 10))
        for stamp in [Int64(1), 2, 3] { try table.write([.put("r", "f:q", "v", at: stamp)]) }
        table = try move(harness, to: place)
        harness.clock.set(nowMilliseconds: 2_000_000)
        #expect(try table.get("r", Projection(maxVersions: 9))?.cells.map(\.timestamp) == [3])
    }

    @Test("kept deleted cells show in time ranges that end before the marker")
    func keepDeletedCells() throws {
        let (_, table) = try make(Family("f", maxVersions: 9, keepDeletedCells: .yes))
        try table.write([.put("r", "f:q", "old", at: 10)])
        try table.write([.marker("r", "f:q", .deleteColumn, at: 20)])
        #expect(try table.get("r") == nil)
        let before = Projection(timeRange: TimeRange(min: 0, max: 20))
        #expect(try table.get("r", before)?.text == ["f:q@10=old"])
        try table.compact()
        #expect(try table.get("r", before)?.text == ["f:q@10=old"])
        #expect(try table.get("r") == nil)
    }

    @Test("raw reads show markers and what they mask")
    func raw() throws {
        let (_, table) = try make(Family("f"))
        try table.write([.put("r", "f:q", "a", at: 10), .put("r", "f:q", "b", at: 11)])
        try table.write([.marker("r", "f:q", .deleteColumn, at: 20)])
        let cells = try table.get("r", Projection(maxVersions: 9, isRaw: true))?.cells ?? []
        #expect(cells.map(\.type) == [.deleteColumn, .put, .put])
        #expect(cells.map(\.timestamp) == [20, 11, 10])
        #expect(try table.get("r") == nil)
    }

    @Test("a merge of everything drops markers and surplus versions")
    func compaction() throws {
        let (harness, table) = try make(Family("f", maxVersions: 2))
        for stamp in [Int64(1), 2, 3] { try table.write([.put("r", "f:q", "v", at: stamp)]) }
        try table.write([.marker("r", "f:q", .deleteVersion, at: 3)])
        // Before the merge the third version is still there and comes up.
        #expect(try table.get("r", Projection(maxVersions: 9))?.cells.map(\.timestamp) == [2, 1])
        try table.compact()
        #expect(try table.get("r", Projection(maxVersions: 9))?.cells.map(\.timestamp) == [2, 1])
        let raw = try table.get("r", Projection(maxVersions: 9, isRaw: true))?.cells ?? []
        #expect(raw.map(\.type) == [.put, .put])
        try harness.reopen()
        let reopened = try harness.store.table("t")
        #expect(
            try reopened.get("r", Projection(maxVersions: 9))?.cells.map(\.timestamp) == [2, 1])
    }
}
