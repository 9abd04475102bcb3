import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Regions")
struct RegionTests {
    private func makeTable(_ harness: TableHarness, rows: Int = 20) throws -> StoredTable {
        let table = try harness.store.createTable(
            TableDefinition("t", families: [Family("f"), Family("g", maxVersions: 3)]))
        for number in 0..<rows {
            try table.write([.put(RegionTests.row(number), "f:q", Bytes("\(number)"))])
        }
        return table
    }

    private static func row(_ number: Int) -> Bytes { Bytes("r\(1000 + number)") }

    private func rows(_ table: StoredTable, _ range: RowRange = .all) throws -> [Bytes] {
        try table.scan(range).rest().map(\.key)
    }

    @Test("a split shares the files, keeps every cell, and survives a reopening")
    func split() throws {
        let harness = try TableHarness()
        var table = try makeTable(harness)
        try table.flush()
        try table.write([.put(RegionTests.row(3), "g:x", "memory")])
        let files = table.regions().map(\.fileCount)
        #expect(try harness.store.split("t", at: RegionTests.row(10)))
        #expect(try !harness.store.split("t", at: RegionTests.row(10)))
        #expect(files == [1])
        #expect(table.regions().map(\.start) == [.empty, RegionTests.row(10)])
        #expect(table.regions().map(\.fileCount) == [1, 1])
        let all = (0..<20).map { RegionTests.row($0) }
        for _ in 0..<2 {
            #expect(try rows(table) == all)
            #expect(try rows(table, RowRange(isReversed: true)) == all.reversed())
            #expect(try table.get(RegionTests.row(3))?.values == ["f:q=3", "g:x=memory"])
            #expect(try table.get(RegionTests.row(12))?.values == ["f:q=12"])
            try harness.reopen()
            table = try harness.store.table("t")
        }
        try table.compact()
        #expect(table.regions().map(\.cellCount) == [11, 10])
        #expect(try rows(table) == all)
    }

    @Test("merged regions have one region's files and rows again")
    func merge() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try table.flush()
        try harness.store.split("t", at: RegionTests.row(5))
        try harness.store.split("t", at: RegionTests.row(12))
        let regions = table.regions()
        #expect(throws: SiltstoneError.self) {
            try harness.store.merge("t", regions[0].id, regions[2].id)
        }
        try table.write([.put(RegionTests.row(30), "f:q", "later")])
        try harness.store.merge("t", regions[1].id, regions[0].id)
        let two = table.regions()
        #expect(two.map(\.start) == [.empty, RegionTests.row(12)])
        try harness.store.merge("t", two[0].id, two[1].id)
        let one = table.regions()
        #expect(one.map(\.start) == [.empty])
        // The halves of the file are one again.
        #expect(one[0].fileCount <= 2)
        #expect(try rows(table).count == 21)
        #expect(throws: SiltstoneError.self) {
            try harness.store.merge("t", regions[0].id, regions[1].id)
        }
    }

    @Test("an open scan goes on through splits and merges, in order and without a row twice")
    func openScan() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try harness.store.split("t", at: RegionTests.row(10))
        for isReversed in [false, true] {
            let scanner = try table.scan(RowRange(isReversed: isReversed))
            var found: [Bytes] = []
            while let row = try scanner.next() {
                found.append(row.key)
                if found.count == 3 {
                    try harness.store.split("t", at: RegionTests.row(15))
                    try harness.store.split("t", at: RegionTests.row(4))
                    while table.regions().count > 1 {
                        let regions = table.regions()
                        try harness.store.merge("t", regions[0].id, regions[1].id)
                    }
                    try harness.store.split("t", at: RegionTests.row(7))
                }
            }
            let all = (0..<20).map { RegionTests.row($0) }
            #expect(found == (isReversed ? all.reversed() : all))
        }
    }

    @Test("after a kill, what the log holds under a region that is gone goes to those of its rows")
    func replay() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness)
        try harness.store.split("t", at: RegionTests.row(10))
        try table.write([.put(RegionTests.row(11), "f:q", "second")])
        try harness.store.split("t", at: RegionTests.row(15))
        try table.write([.put(RegionTests.row(2), "f:q", "first")])
        let regions = table.regions()
        try harness.store.merge("t", regions[0].id, regions[1].id)
        try table.write([.put(RegionTests.row(16), "g:q", "third")])
        let disk = harness.disk.crashed(
            keeping: .processKill, random: SeededRandom(seed: 1))
        let again = try TableHarness(disk: disk)
        let found = try again.store.table("t")
        #expect(found.regions().map(\.start) == [.empty, RegionTests.row(15)])
        #expect(try rows(found) == (0..<20).map { RegionTests.row($0) })
        #expect(try found.get(RegionTests.row(11))?.values == ["f:q=second"])
        #expect(try found.get(RegionTests.row(2))?.values == ["f:q=first"])
        #expect(try found.get(RegionTests.row(16))?.values == ["f:q=16", "g:q=third"])
        #expect(again.store.recovery.skippedSectionCount == 0)
    }

    @Test(
        "a region that grows over its table's size is split in the background, and its halves get own files"
    )
    func sizePolicy() throws {
        var options = EngineOptions()
        options.flushBytes = 64 << 10
        options.logSegmentBytes = 1 << 20
        options.sweepGraceMilliseconds = 0
        let clock = ManualClock(nowMilliseconds: 1_000_000)
        let disk = MemoryDisk()
        let environment = Environment.memory(disk: disk, clock: clock, seed: 3)
        let store = try TableStore.open(environment, options)
        let table = try store.createTable(
            TableDefinition(
                "t",
                families: [Family("f", compression: .none)],
                attributes: ["MAX_FILESIZE": "200000"]))
        let value = Bytes([UInt8](repeating: 7, count: 1_000))
        for number in 0..<1_500 {
            try table.write([.put(Bytes("row\(10_000 + number * 7 % 1_500)"), "f:q", value)])
            if number % 50 == 0 { environment.workers.drain() }
        }
        environment.workers.drain()
        #expect(table.regions().count > 2)
        #expect(try rows(table) == (0..<1_500).map { Bytes("row\(10_000 + $0)") })
        _ = store.hotRegions()
        clock.advance(milliseconds: 1_000)
        let busy = Bytes("row10007")
        for _ in 0..<50 { _ = try table.get(busy) }
        let hottest = try #require(store.hotRegions(limit: 1).first)
        #expect(hottest.region.start <= busy)
        #expect(hottest.region.end.isEmpty || busy < hottest.region.end)
        #expect(hottest.requestsPerSecond >= 50)
        try store.close()
    }

    @Test("a protected table is not dropped until the protection is taken away")
    func protection() throws {
        let harness = try TableHarness()
        var definition = TableDefinition(
            "t", families: [Family("f")], attributes: ["DELETION_PROTECTION": "true"])
        _ = try harness.store.createTable(definition)
        #expect(throws: SiltstoneError.self) { try harness.store.dropTable("t") }
        definition.attributes = [:]
        _ = try harness.store.alterTable("t", to: definition)
        try harness.store.dropTable("t")
        #expect(harness.store.tables().isEmpty)
    }

    @Test("the middle row cuts a region in two; one row cannot be cut")
    func middle() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, rows: 9)
        let region = table.regions()[0].id
        #expect(try harness.store.split("t", region: region))
        #expect(table.regions()[1].start == RegionTests.row(4))
        _ = try harness.store.createTable(TableDefinition("one", families: [Family("f")]))
        let one = try harness.store.table("one")
        try one.write([.put("r", "f:q", "x")])
        #expect(try !harness.store.split("one", region: one.regions()[0].id))
    }
}
