import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Point gets") struct PointGetTests {
    /// A store whose cache holds a few blocks only.
    private func open(cacheBytes: Int = 40_000) throws -> TableStore {
        var options = EngineOptions()
        options.logSegmentBytes = 1 << 20
        options.cacheBytes = cacheBytes
        options.tableFileBytes = 32 << 10
        options.runsMaintenance = false
        return try TableStore.open(.memory(disk: MemoryDisk(), seed: 1), options)
    }

    private static let columns: [Column] = ["f:a", "f:b", "f:\u{0}c"]

    @Test("A get of one column gives what a read of the whole family has", arguments: [1, 3])
    func agreesWithFamily(maxVersions: Int) throws {
        let random = SeededRandom(seed: 11)
        let store = try open()
        let table = try store.createTable(
            TableDefinition(
                "t", families: [Family("f", maxVersions: maxVersions, blockBytes: 1_024)],
                splitPoints: ["m"]))
        let rows = (0..<60).map { Bytes([UInt8($0 % 3), UInt8($0 * 4), UInt8(ascii: "x")]) }
        var found = 0
        var cachedCount = 0
        for step in 0..<2_500 {
            let row = rows[random.next(below: 60)]
            let column = Self.columns[random.next(below: 3)]
            let time: Int64? = random.next() % 3 == 0 ? Int64(random.next() % 50) : nil
            let change: CellMutation
            switch random.next() % 16 {
            case 0: change = CellMutation(column, .deleteColumn, timestamp: time)
            case 1: change = CellMutation(column, .deleteVersion, timestamp: time ?? 5)
            default:
                let life: Int64? = random.next() % 20 == 0 ? 1_000_000 : nil
                change = CellMutation(
                    column,
                    .put(value: Bytes("\(step)"), timeToLiveMilliseconds: life), timestamp: time)
            }
            try table.write([RowMutation(row: row, changes: [change])])
            if step % 150 == 149 { try table.flush() }
            if step % 900 == 899 { try table.compact() }
            for _ in 0..<3 {
                let wanted = rows[random.next(below: 60)]
                let column = Self.columns[random.next(below: 3)]
                let cell = try table.get(wanted, .columns(column))?.cells.first
                let whole = try table.get(wanted, .family("f"))
                #expect(cell == whole?[column])
                if cell != nil { found += 1 }
                if let cached = table.getCached(wanted, .columns(column)) {
                    #expect(cached?.cells.first == cell)
                }
                if let cached = table.getCached(wanted, .family("f")) {
                    #expect(cached == whole)
                    cachedCount += 1
                }
            }
        }
        #expect(found > 1_000)
        #expect(cachedCount > 1_000)
        #expect(try table.get("not there", .columns("f:a")) == nil)
    }

    @Test("Without the disk a get answers from memory only")
    func cachedOnly() throws {
        let store = try open(cacheBytes: 8 << 20)
        let table = try store.createTable(TableDefinition("t", families: [Family("f")]))
        let wanted = Projection.columns("f:a")
        try table.write([.put("r", "f:a", "1")])
        #expect(try table.get("r", wanted)?.cells.count == 1)
        #expect(table.getCached("r", wanted) == .some(try table.get("r", wanted)))
        try table.flush()
        #expect(table.getCached("r", wanted) == nil)
        #expect(try table.get("r", wanted)?["f:a"]?.value == "1")
        let cached = try #require(table.getCached("r", wanted))
        #expect(cached?["f:a"]?.value == "1")
        // A filter that says no is an answer.
        #expect(table.getCached("q", wanted) == .some(nil))
        _ = try store.dropTable("t")
        #expect(table.getCached("r", wanted) == nil)
        #expect(throws: SiltstoneError.self) { try table.get("r", wanted) }
    }

    @Test("Whole rows and several columns are answered from memory, unless they are long")
    func cachedRows() throws {
        let store = try open(cacheBytes: 8 << 20)
        let families = [Family("f"), Family("g", maxVersions: 3)]
        let table = try store.createTable(TableDefinition("t", families: families))
        for (column, value) in [("f:a", "1"), ("f:b", "2"), ("g:c", "3"), ("g:c", "4")]
            as [(Column, Bytes)]
        {
            try table.write([.put("r", column, value)])
        }
        let wanted: [Projection] = [
            .all, .family("f"), .columns("f:a", "f:b", "g:c"),
            Projection([.family("g")], maxVersions: 3),
        ]
        func check() throws {
            for projection in wanted {
                let row = try #require(try table.get("r", projection))
                #expect(row.cells.count > 1)
                #expect(table.getCached("r", projection) == .some(row))
                #expect(table.getCached("q", projection) == .some(nil))
            }
        }
        try check()
        // Such as must read the disk, or that there is no such family, are not known.
        try table.flush()
        for projection in wanted { #expect(table.getCached("r", projection) == nil) }
        #expect(table.getCached("r", .family("x")) == nil)
        try check()
        let before = table.regions()[0].readCount
        for projection in wanted { #expect(table.getCached("r", projection) != nil) }
        #expect(table.regions()[0].readCount == before + wanted.count)

        let columns = (0..<2_000).map { Column("f", Bytes("\($0)")) }
        try table.write(columns.map { .put("many", $0, "x") })
        let large = Bytes([UInt8](repeating: 7, count: 100_000))
        try table.write([.put("large", "f:a", large), .put("large", "f:b", large)])
        for row: Bytes in ["many", "large"] {
            let count = table.regions()[0].readCount
            #expect(table.getCached(row) == nil)
            #expect(table.regions()[0].readCount == count)
            #expect(try table.get(row) != nil)
        }
        #expect(table.getCached("many", .columns("f:5", "f:7"))??.cells.count == 2)
    }

    @Test("A changed family is read by its new rules")
    func altered() throws {
        let store = try open()
        let table = try store.createTable(TableDefinition("t", families: [Family("f")]))
        try table.write([.put("r", "f:a", "1")])
        for _ in 0..<40 { #expect(try table.get("r", .columns("f:a")) != nil) }
        _ = try store.alterTable("t", to: TableDefinition("t", families: [Family("g")]))
        #expect(throws: SiltstoneError.self) { try table.get("r", .columns("f:a")) }
        #expect(try table.get("r", .columns("g:a")) == nil)
    }

    @Test("Readers see every column go forward while it is written, flushed and compacted")
    func goesForward() throws {
        let store = try open(cacheBytes: 20_000)
        let table = try store.createTable(
            TableDefinition("t", families: [Family("f", blockBytes: 1_024)]))
        let rows = (0..<200).map { Bytes("row\(1_000 + $0)") }
        for row in rows { try table.write([.put(row, "f:a", "100000")]) }
        let isDone = Atomic(false)
        let wrong = Atomic(0)
        let reads = Atomic(0)
        runThreads(4) { thread in
            let random = SeededRandom(seed: UInt64(thread) + 5)
            if thread == 0 {
                for number in 1...6_000 {
                    let row = rows[random.next(below: 200)]
                    try? table.write([.put(row, "f:a", Bytes("\(100_000 + number)"))])
                    if number % 200 == 0 { try? table.flush() }
                    if number % 1_000 == 0 { try? table.compact() }
                }
                isDone.store(true, ordering: .releasing)
                return
            }
            var last = [Bytes](repeating: "100000", count: rows.count)
            while !isDone.load(ordering: .acquiring) {
                let index = random.next(below: 200)
                let value = try? table.get(rows[index], .columns("f:a"))?["f:a"]?.value
                if let value, value >= last[index] {
                    last[index] = value
                } else {
                    wrong.add(1, ordering: .relaxed)
                }
                if (try? table.get("row9", .columns("f:a"))) != .some(nil) {
                    wrong.add(1, ordering: .relaxed)
                }
                reads.add(1, ordering: .relaxed)
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(reads.load(ordering: .relaxed) > 100)
        let statistics = store.engine.cacheStatistics
        #expect(statistics.hits > 0 && statistics.misses > 0 && statistics.evictions > 0)
    }
}
