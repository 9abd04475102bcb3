import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Atomic updates")
struct AtomicUpdateTests {
    private func make() throws -> (TableHarness, StoredTable) {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f", maxVersions: 5)], splitPoints: ["m"]))
        return (harness, table)
    }

    @Test("increments add, wrap and refuse other cells")
    func increment() throws {
        let (harness, table) = try make()
        #expect(try table.increment("r", [("f:n", 5), ("f:m", -1)]).map(\.1) == [5, -1])
        #expect(try table.increment("r", [("f:n", 5), ("f:n", 1)]).map(\.1) == [10, 11])
        #expect(
            try table.get("r", .columns("f:n"))?.cells.first?.value == [0, 0, 0, 0, 0, 0, 0, 11])
        #expect(try table.increment("r", [("f:n", .max)]).map(\.1) == [.min + 10])
        try table.write([.put("r", "f:text", "abc")])
        #expect(throws: SiltstoneError.self) {
            try table.increment("r", [("f:n", 1), ("f:text", 1)])
        }
        #expect(try table.increment("r", [("f:n", 0)]).map(\.1) == [.min + 10])
        try table.write([.marker("r", "f:n", .deleteColumn)])
        #expect(try table.increment("r", [("f:n", 7)]).map(\.1) == [7])
        try harness.reopen()
        #expect(try harness.store.table("t").increment("r", [("f:n", 1)]).map(\.1) == [8])
    }

    @Test("an update is newer than a cell from the future")
    func future() throws {
        let (harness, table) = try make()
        let ahead = harness.clock.nowMilliseconds + 10_000
        try table.write([.put("r", "f:n", [0, 0, 0, 0, 0, 0, 0, 1], at: ahead)])
        #expect(try table.increment("r", [("f:n", 1)]).map(\.1) == [2])
        #expect(try table.increment("r", [("f:n", 1)]).map(\.1) == [3])
        #expect(try table.get("r")?.cells.first?.timestamp == ahead + 2)
        #expect(try table.append("r", [("f:s", "ab"), ("f:s", "c")]).map(\.1) == ["ab", "abc"])
        #expect(try table.append("r", [("f:s", "d")]).map(\.1) == ["abcd"])
    }

    @Test("many increments and then a delete in one millisecond leave nothing")
    func incrementThenDelete() throws {
        let (_, table) = try make()
        for _ in 0..<100 { _ = try table.increment("r", [("f:n", 1)]) }
        try table.write([.marker("r", "f:n", .deleteColumn)])
        #expect(try table.get("r") == nil)
        #expect(try table.increment("r", [("f:n", 1)]).map(\.1) == [1])
    }

    @Test("conditions read as HBase's: the given value against the stored one")
    func conditions() throws {
        let (_, table) = try make()
        try table.write([.put("r", "f:q", "m"), .put("r", "f:e", "")])
        func holds(_ column: Column, _ comparison: CellCondition.Comparison, _ value: Bytes)
            throws -> Bool
        {
            try table.check(
                "r", CellCondition(column, comparison, value), then: .put("r", "f:x", "done"))
        }
        #expect(try holds("f:q", .equal, "m"))
        #expect(try !holds("f:q", .equal, "n"))
        #expect(try holds("f:q", .notEqual, "n"))
        #expect(try holds("f:q", .less, "a"))
        #expect(try !holds("f:q", .less, "m"))
        #expect(try holds("f:q", .lessOrEqual, "m"))
        #expect(try holds("f:q", .greater, "z"))
        #expect(try holds("f:q", .greaterOrEqual, "m"))
        #expect(try holds("f:none", .equal, .empty))
        #expect(try holds("f:e", .equal, .empty))
        #expect(try !holds("f:q", .equal, .empty))
        #expect(try holds("f:q", .notEqual, .empty))
        #expect(try !holds("f:none", .notEqual, "a"))
        #expect(try holds("f:none", .absent, .empty))
        #expect(try !holds("f:e", .absent, .empty))
        #expect(try table.check("r", "f:none", equals: nil, then: .put("r", "f:none", "now")))
        #expect(try !table.check("r", "f:none", equals: nil, then: .put("r", "f:none", "again")))
        #expect(try table.get("r", .columns("f:none"))?.values == ["f:none=now"])
        #expect(throws: SiltstoneError.self) {
            try table.check("r", "f:q", equals: "m", then: .put("other", "f:q", "x"))
        }
    }

    @Test("concurrent updates of one row lose nothing, among blind writes")
    func concurrency() throws {
        let (_, table) = try make()
        let wins = Atomic<Int>(0)
        runThreads(4) { thread in
            for index in 0..<50 {
                _ = try? table.increment("r", [("f:n", 1)])
                try? table.write([.put(Bytes("x\(thread)"), "f:q", Bytes("\(index)"))])
                let applied = try? table.check(
                    Bytes("lock\(index)"), "f:q", equals: nil,
                    then: .put(Bytes("lock\(index)"), "f:q", "mine"))
                if applied == true { wins.add(1, ordering: .relaxed) }
            }
        }
        #expect(try table.increment("r", [("f:n", 0)]).map(\.1) == [200])
        #expect(wins.load(ordering: .relaxed) == 50)
    }
}
