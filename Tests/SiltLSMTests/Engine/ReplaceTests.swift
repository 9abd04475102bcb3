import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Regions that take the place of others")
struct ReplaceTests {
    private static let halves = [
        RowKeyRange(start: .empty, end: "m"), RowKeyRange(start: "m", end: .empty),
    ]

    /// Rows of both halves, the same for the same numbers.
    private static func row(_ number: Int) -> String { "\(number % 2 == 0 ? "a" : "z")\(number)" }

    private static func write(_ numbers: Range<Int>, to fixture: EngineFixture, group: Int = 0)
        throws(SiltstoneError)
    {
        for number in numbers { try fixture.put(row(number), "\(number)", group: group) }
    }

    /// Checks that two regions have these rows, and that they share them.
    private static func check(_ groups: [TreeGroup], have numbers: Range<Int>) throws {
        for (place, group) in groups.enumerated() {
            let expected = numbers.filter { $0 % 2 == place }.map { row($0) }.sorted()
            let cells = try EngineFixture.cells(group.snapshot())
            #expect(cells.map(\.row) == expected)
            #expect(cells.allSatisfy { $0.row.dropFirst() == $0.value })
        }
    }

    @Test(
        "batches that come while a split is made durable are in the new regions, before and after a crash",
        arguments: [0, 3, 1_500])
    func writesMeanwhile(_ count: Int) throws {
        let fixture = try EngineFixture(groupCount: 1)
        let old = fixture.groups[0]
        try Self.write(0..<10, to: fixture)
        try old.flush()
        try Self.write(10..<20, to: fixture)
        let before = try old.snapshot()
        let end = 20 + count
        var isPublished = false
        let (new, _) = try fixture.engine.replace([old], with: Self.halves) {
            _ throws(SiltstoneError) in
            try Self.write(20..<end, to: fixture)
            return { isPublished = true }
        }
        #expect(isPublished)
        try Self.check(new, have: 0..<end)
        #expect(try EngineFixture.cells(before).count == 20)
        // What was encoded for the old region goes to the new ones.
        try Self.write(end..<(end + 4), to: fixture)
        try Self.check(new, have: 0..<(end + 4))
        let left = fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try EngineFixture(left, ids: new.map(\.id))
        try Self.check(again.groups, have: 0..<(end + 4))
        for group in again.groups { try group.compact() }
        try Self.check(again.groups, have: 0..<(end + 4))
        try again.engine.close()
        let closed = try EngineFixture(left, ids: new.map(\.id))
        try Self.check(closed.groups, have: 0..<(end + 4))
    }

    @Test("a crash between the commit point and the change in memory loses nothing")
    func crashMeanwhile() throws {
        let fixture = try EngineFixture(groupCount: 1)
        try Self.write(0..<10, to: fixture)
        try fixture.groups[0].flush()
        try Self.write(10..<20, to: fixture)
        var left: MemoryDisk?
        var ids: [Identifier] = []
        #expect(throws: SiltstoneError.self) {
            try fixture.engine.replace(fixture.groups, with: Self.halves) {
                new throws(SiltstoneError) in
                ids = new.map(\.id)
                try Self.write(20..<30, to: fixture)
                left = fixture.disk.crashed(
                    keeping: .dropUnsynced, random: SeededRandom(seed: 1))
                throw SiltstoneError(.unavailable, "killed")
            }
        }
        let again = try EngineFixture(try #require(left), ids: ids)
        try Self.check(again.groups, have: 0..<30)
        #expect(again.report.skippedSectionCount == 0)
    }

    @Test("regions with memtables of both kinds become one again")
    func mergeMeanwhile() throws {
        let fixture = try EngineFixture(groupCount: 1)
        let (halves, _) = try fixture.engine.replace(fixture.groups, with: Self.halves) { _ in {} }
        try Self.write(0..<20, to: fixture)
        try halves[0].flush()
        try Self.write(20..<40, to: fixture)
        let all = [RowKeyRange(start: .empty, end: .empty)]
        let (one, _) = try fixture.engine.replace(halves, with: all) { _ throws(SiltstoneError) in
            try Self.write(40..<1_000, to: fixture)
            return {}
        }
        try Self.write(1_000..<1_004, to: fixture)
        let expected = Set((0..<1_004).map { Self.row($0) })
        #expect(Set(try EngineFixture.cells(one[0].snapshot()).map(\.row)) == expected)
        let left = fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try EngineFixture(left, ids: one.map(\.id))
        #expect(Set(try again.values().keys) == expected)
    }

    @Test("a change that could not be made durable leaves the old region, whose memory is flushed")
    func refused() throws {
        let fixture = try EngineFixture(groupCount: 1)
        try Self.write(0..<10, to: fixture)
        #expect(throws: SiltstoneError.self) {
            try fixture.engine.replace(fixture.groups, with: Self.halves) {
                _ throws(SiltstoneError) in
                try Self.write(10..<20, to: fixture)
                throw SiltstoneError(.storageFull, "no room for the schema")
            }
        }
        try Self.write(20..<30, to: fixture)
        #expect(try fixture.values().count == 30)
        try fixture.groups[0].flush()
        #expect(fixture.groups[0].metrics.trees.map(\.memtableCells) == [0, 0])
        #expect(try fixture.values().count == 30)
        let (new, _) = try fixture.engine.replace(fixture.groups, with: Self.halves) { _ in {} }
        try Self.check(new, have: 0..<30)
    }
}
