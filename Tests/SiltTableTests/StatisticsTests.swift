import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@Suite("Statistics") struct StatisticsTests {
    private static let count = 2_000

    private static func row(_ number: Int) -> Bytes { Bytes(String(100_000 + 2 * number)) }
    private static func missing(_ number: Int) -> Bytes { Bytes(String(100_001 + 2 * number)) }

    private func fill(_ harness: TableHarness) throws -> StoredTable {
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f", blockBytes: 1_024)]))
        for number in 0..<Self.count {
            try table.write([.put(Self.row(number), "f:q", "value")])
        }
        try table.flush()
        return table
    }

    @Test("filters are counted: asked, excluded and wrong", arguments: [true, false])
    func filters(ofColumn: Bool) throws {
        let harness = try TableHarness()
        let table = try fill(harness)
        // One column is read without a cursor, a family with one.
        let projection = ofColumn ? Projection.columns("f:q") : .family("f")
        for number in 0..<Self.count {
            #expect(try table.get(Self.row(number), projection) != nil)
        }
        let found = harness.store.statistics
        #expect(found.filterAskedCount == Self.count)
        #expect(found.filterExcludedCount == 0 && found.filterWrongCount == 0)
        #expect(found.readCount == Self.count)
        #expect(found.readAmplification >= 1 && found.readAmplification < 1.2)
        for number in 0..<(Self.count - 1) {
            #expect(try table.get(Self.missing(number), projection) == nil)
        }
        let all = harness.store.statistics
        #expect(all.filterAskedCount == 2 * Self.count - 1)
        #expect(all.filterExcludedCount + all.filterWrongCount == Self.count - 1)
        // Ten bits a key: about 1.3 % are wrong.
        #expect(all.filterWrongRatio > 0.001 && all.filterWrongRatio < 0.05)
        #expect(all.cacheHitRatio > 0.5)
        #expect(all.blockReadBytes > 0 && all.blockReadBytes <= 2 * all.tableBytes)
    }

    @Test("a scan counts as a read, its snapshot is shown with its age, and latencies have buckets")
    func scans() throws {
        let harness = try TableHarness()
        // At 0 on the monotonic clock nothing is timed.
        harness.clock.advance(milliseconds: 1)
        let table = try fill(harness)
        let scanner = try table.scan()
        #expect(try scanner.next()?.key == Self.row(0))
        #expect(harness.store.statistics.readCount == 1)
        #expect(harness.store.statistics.snapshotCount == 1)
        #expect(harness.store.statistics.oldSnapshots.isEmpty)
        harness.clock.advance(milliseconds: 700_000)
        let old = harness.store.statistics.oldSnapshots
        #expect(old.count == 1 && old[0].purpose == "scan" && old[0].ageMilliseconds >= 700_000)
        #expect(old[0].table == table.definition.name)
        let commits = harness.store.statistics.commits
        #expect(commits.sampleCount > 0)
        #expect(commits.buckets.last?.count ?? 0 <= commits.sampleCount)
        #expect(commits.buckets.map(\.count) == commits.buckets.map(\.count).sorted())
        while try scanner.next() != nil {}
        #expect(harness.store.statistics.snapshotCount == 0)
    }

    @Test(
        "a snapshot is given to a log once, when it has grown old, also if another had its place before"
    )
    func oldSnapshots() throws {
        let harness = try TableHarness()
        let table = try fill(harness)
        func open() throws -> RowScanner {
            let scanner = try table.scan()
            #expect(try scanner.next() != nil)
            return scanner
        }
        var forgotten: RowScanner? = try open()
        harness.clock.advance(milliseconds: 599_999)
        #expect(harness.store.takeOldSnapshots().isEmpty)
        harness.clock.advance(milliseconds: 1)
        let taken = harness.store.takeOldSnapshots()
        #expect(taken.map(\.table) == [table.definition.name])
        #expect(taken.map(\.ageMilliseconds) == [600_000])
        let words = try #require(taken.first?.warning)
        #expect(words.contains("table=\(table.definition.name) ") && words.contains("600000"))
        #expect(harness.store.takeOldSnapshots().isEmpty)
        #expect(harness.store.statistics.oldSnapshots.count == 1)
        // The next takes the place that is free now.
        forgotten = nil
        #expect(harness.store.statistics.snapshotCount == 0)
        forgotten = try open()
        #expect(harness.store.takeOldSnapshots().isEmpty)
        harness.clock.advance(milliseconds: 600_000)
        #expect(harness.store.takeOldSnapshots().count == 1)
        withExtendedLifetime(forgotten) {}
    }

    @Test("the JSON form names every figure once")
    func json() throws {
        let harness = try TableHarness()
        _ = try fill(harness)
        guard case .object(let members) = harness.store.statistics.json else {
            Issue.record("not an object")
            return
        }
        #expect(Set(members.map(\.name)).count == members.count)
        let json = harness.store.statistics.json
        #expect(json["batches"]?.integerValue == Int64(Self.count))
        #expect(json["commits"]?["buckets"]?.arrayValue?.isEmpty == false)
    }
}
