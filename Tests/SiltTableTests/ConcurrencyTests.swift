import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Concurrency")
struct ConcurrencyTests {
    @Test("readers see a row's mutation wholly or not at all, and never go back")
    func rowAtomicity() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition(
                "t", families: [Family("a"), Family("b")], splitPoints: ["m"]))
        @Sendable func mutation(_ row: Bytes, _ number: Int) -> RowMutation {
            RowMutation(
                row: row,
                changes: (["a:x", "a:y", "b:z"] as [Column]).map {
                    CellMutation(
                        $0, .put(value: Bytes("\(1000 + number)"), timeToLiveMilliseconds: nil))
                })
        }
        try table.write([mutation("r", 0), mutation("z", 0)])
        let isDone = Atomic<Bool>(false)
        let torn = Atomic<Int>(0)
        let backwards = Atomic<Int>(0)
        let reads = Atomic<Int>(0)
        runThreads(3) { thread in
            if thread == 0 {
                for number in 1...400 {
                    try? table.write([mutation("r", number), mutation("z", number)])
                    if number % 100 == 0 { try? table.flush() }
                }
                // A loaded machine may start the readers late.
                while reads.load(ordering: .relaxed) == 0 { try? table.flush() }
                isDone.store(true, ordering: .releasing)
                return
            }
            var last: Bytes = "1000"
            while !isDone.load(ordering: .acquiring) {
                let row = thread == 1 ? try? table.get("r") : try? table.scan().next()
                let values = Set((row?.cells ?? []).map(\.value))
                if values.count != 1 || row?.cells.count != 3 {
                    torn.add(1, ordering: .relaxed)
                }
                if let value = values.first {
                    if value < last { backwards.add(1, ordering: .relaxed) }
                    last = value
                }
                reads.add(1, ordering: .relaxed)
            }
        }
        #expect(torn.load(ordering: .relaxed) == 0)
        #expect(backwards.load(ordering: .relaxed) == 0)
        #expect(reads.load(ordering: .relaxed) > 0)
        #expect(try table.get("r")?.cells.map(\.value) == ["1400", "1400", "1400"])
    }

    @Test("server time stamps strictly increase within a region, whatever the clock does")
    func timestamps() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f", maxVersions: 1000)]))
        for step in 0..<60 {
            if step % 3 == 0 {
                harness.clock.set(nowMilliseconds: Int64(1_000_000 - step))
            } else if step % 7 == 0 {
                harness.clock.advance(milliseconds: 5)
            }
            try table.write([.put("r", "f:q", Bytes("\(step)"))])
            if step == 30 { try harness.store.flush() }
        }
        let cells = try table.get("r", Projection(maxVersions: 1000))?.cells ?? []
        #expect(cells.map { "\($0.value)" } == (0..<60).reversed().map { "\($0)" })
        try harness.reopen()
        harness.clock.set(nowMilliseconds: 1)
        let again = try harness.store.table("t")
        try again.write([.put("r", "f:q", "last")])
        #expect(try again.get("r")?.values == ["f:q=last"])
    }

    @Test("submitted batches complete in any number and are visible then")
    func submission() throws {
        let harness = try TableHarness()
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f")]))
        let missing = Atomic<Int>(0)
        let completed = Atomic<Int>(0)
        for index in 0..<100 {
            let row = Bytes("r\(index % 10)")
            harness.store.submit(
                [TableMutation(table: table, mutation: .put(row, "f:q", Bytes("\(index)")))],
                durability: .syncWAL
            ) { result in
                let isThere = (try? table.get(row)) != nil
                if case .failure = result { missing.add(1, ordering: .relaxed) }
                if !isThere { missing.add(1, ordering: .relaxed) }
                completed.add(1, ordering: .sequentiallyConsistent)
            }
        }
        // A batch over the same rows waits for those before it.
        try table.write((0..<10).map { .put(Bytes("r\($0)"), "f:q", "end") })
        while completed.load(ordering: .sequentiallyConsistent) < 100 {}
        #expect(missing.load(ordering: .relaxed) == 0)
        #expect(try table.scan().rest().allSatisfy { $0.values == ["f:q=end"] })
        let failed = Atomic<Bool>(false)
        harness.store.submit(
            [TableMutation(table: table, mutation: .put("", "f:q", "x"))], durability: nil
        ) { result in
            if case .failure(let error) = result, error.code == .invalidArgument {
                failed.store(true, ordering: .relaxed)
            }
        }
        let wasRefused = failed.load(ordering: .relaxed)
        #expect(wasRefused)
    }

    @Test("a lock is held by many readers or one writer, and writers get their turn")
    func locks() throws {
        let lock = ReadWriteLock()
        let readers = Atomic<Int>(0)
        let writers = Atomic<Int>(0)
        let violations = Atomic<Int>(0)
        let written = Atomic<Int>(0)
        runThreads(6) { thread in
            for _ in 0..<2000 {
                if thread < 2 {
                    lock.lockExclusive()
                    if writers.add(1, ordering: .sequentiallyConsistent).newValue != 1
                        || readers.load(ordering: .sequentiallyConsistent) != 0
                    {
                        violations.add(1, ordering: .relaxed)
                    }
                    written.add(1, ordering: .relaxed)
                    writers.subtract(1, ordering: .sequentiallyConsistent)
                    lock.unlockExclusive()
                } else {
                    lock.lockShared()
                    readers.add(1, ordering: .sequentiallyConsistent)
                    if writers.load(ordering: .sequentiallyConsistent) != 0 {
                        violations.add(1, ordering: .relaxed)
                    }
                    readers.subtract(1, ordering: .sequentiallyConsistent)
                    lock.unlockShared()
                }
            }
        }
        #expect(violations.load(ordering: .relaxed) == 0)
        #expect(written.load(ordering: .relaxed) == 4000)
    }
}
