import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("A table against its model")
struct TableModelTests {
    private static let families = [
        Family("a"),
        Family("b", maxVersions: 3, bloomFilter: .rowAndColumn, compression: .none),
        Family(
            "c", maxVersions: 4, minVersions: 1, timeToLiveMilliseconds: 40,
            compression: .zstd(level: 1)),
        Family("d", maxVersions: 3, keepDeletedCells: .yes, bloomFilter: .none, blockBytes: 1024),
        Family(
            "e",
            collectionRule: try? CollectionRule(
                parsing: "maxversions=5 or (maxage=10ms and maxversions=3) or maxage=60ms")),
        Family(
            "f", compression: .zstd(level: 1),
            collectionRule: try? CollectionRule(
                parsing: "(maxage=10ms and maxversions=3) or (maxage=50ms and maxversions=1)")),
    ]

    @Test(
        "random writes, flushes, merges, splits, schema changes, crashes and reopenings give the model's answers",
        arguments: 0..<4 as Range<UInt64>, [nil, 3])
    func random(_ number: UInt64, hashBuckets: Int?) throws {
        let seed = TestSettings.seed &+ number
        print("table model seed \(seed) buckets \(hashBuckets ?? 0)")
        var run = try ModelRun(
            seed: seed, families: Self.families, splitPoints: ["m"], hashBuckets: hashBuckets)
        for step in 0..<TestSettings.steps(400) { try run.step(step) }
        try run.compareAll("at the end")
        print(
            "table model seed \(seed) buckets \(hashBuckets ?? 0) operations "
                + "\(TestSettings.steps(400)) reads \(run.readCount) changes \(run.changeCount)")
        #expect(run.readCount > 20)
    }
}

/// One random run.
private struct ModelRun {
    let seed: UInt64
    var disk = MemoryDisk()
    let clock = ManualClock(nowMilliseconds: 1_000_000)
    var store: TableStore
    var table: StoredTable
    var model: TableModel
    var generator: MutationGenerator
    /// Reads that were compared, and flushes, merges, splits, schema changes, crashes and reopenings.
    var readCount = 0
    var changeCount = 0
    /// A table has no more than some 250 families in its life.
    private var newFamilyCount = 0

    init(seed: UInt64, families: [Family], splitPoints: [Bytes], hashBuckets: Int?) throws {
        self.seed = seed
        store = try ModelRun.open(disk, clock, seed: seed)
        table = try store.createTable(
            TableDefinition(
                "t", families: families, splitPoints: splitPoints, hashBuckets: hashBuckets))
        model = TableModel(families: families)
        generator = MutationGenerator(seed: seed, families: families)
    }

    private static func open(_ disk: MemoryDisk, _ clock: ManualClock, seed: UInt64) throws
        -> TableStore
    {
        var options = EngineOptions()
        options.logSegmentBytes = 1 << 20
        options.runsMaintenance = false
        // Obsolete files go at the next sweep: what is deleted too early is missed.
        options.sweepGraceMilliseconds = 0
        return try TableStore.open(.memory(disk: disk, clock: clock, seed: seed), options)
    }

    mutating func step(_ number: Int) throws {
        let label = "seed \(seed) step \(number)"
        let now = clock.nowMilliseconds
        switch generator.below(100) {
        case 0..<60:
            clock.advance(milliseconds: 1)
            let mutations = (0...generator.below(2)).map { _ in
                generator.mutation(nowMilliseconds: now)
            }
            // What a delete of the newest version means is read before the batch: one row a batch then.
            let batch =
                mutations.contains { $0.changes.contains { $0.action == .deleteVersion } }
                ? [mutations[0]] : mutations
            try table.write(batch, durability: .syncWAL)
            for mutation in batch {
                model.apply(mutation, nowMilliseconds: clock.nowMilliseconds)
            }
            for row in Set(batch.map(\.row)).sorted() { try compare(row, label) }
        case 60..<75:
            let row = generator.row()
            let projection = generator.projection(nowMilliseconds: now)
            let expected = model.get(row, projection, nowMilliseconds: now)
            let found = try table.get(row, projection)
            check(found, expected, "\(label) \(row) \(projection)")
        case 75..<88:
            let range = generator.range()
            let projection = generator.projection(nowMilliseconds: now)
            let rows = try table.scan(range, projection).rest()
            let expected = model.scan(range, projection, nowMilliseconds: now)
            check(rows, expected, "\(label) \(range) \(projection)")
        case 88..<97: try change(number, label)
        default: clock.advance(milliseconds: Int64(generator.below(30)))
        }
    }

    /// Changes how the cells are stored, after which all of them are compared.
    private mutating func change(_ number: Int, _ label: String) throws {
        let choice = generator.below(9)
        switch choice {
        case 0..<3: try table.flush()
        case 3: try table.compactRuns()
        case 4:
            try table.compact()
            model.compact(nowMilliseconds: clock.nowMilliseconds)
        default: try changeSomething(number)
        }
        changeCount += 1
        let rows = try table.scan(.all, Self.everything).rest()
        let expected = model.scan(
            .all, Self.everything, nowMilliseconds: clock.nowMilliseconds)
        check(rows, expected, "\(label) change \(choice)")
    }

    private mutating func changeSomething(_ number: Int) throws {
        let opening = seed &+ UInt64(number) << 20
        switch generator.below(8) {
        case 0:
            try store.close()
            store = try ModelRun.open(disk, clock, seed: opening)
            table = try store.table("t")
        case 1:
            // Killed: everything was given to the system.
            disk = disk.crashed(keeping: .processKill, random: SeededRandom(seed: opening))
            store = try ModelRun.open(disk, clock, seed: opening)
            table = try store.table("t")
        case 2 where newFamilyCount < 200:
            newFamilyCount += 1
            var definition = table.definition
            let lost = definition.families.removeLast()
            _ = try store.alterTable("t", to: definition)
            definition.families.append(lost)
            _ = try store.alterTable("t", to: definition)
            model.removeCells(of: lost.name)
        case 3, 4:
            let regions = table.regions()
            // Neighbours: where the first row is, a bucket begins.
            let seconds = regions.indices.filter { !regions[$0].start.isEmpty }
            if seconds.isEmpty { return }
            let second = seconds[generator.below(seconds.count)]
            try store.merge("t", regions[second - 1].id, regions[second].id)
        case 5:
            let regions = table.regions()
            try store.split("t", region: regions[generator.below(regions.count)].id)
        default: try store.split("t", at: generator.row())
        }
        if generator.below(8) == 0 {
            clock.advance(milliseconds: 1)
            try store.sweep()
        }
    }

    mutating func compareAll(_ label: String) throws {
        for row in generator.rows { try compare(row, "seed \(seed) \(label)") }
    }

    private static let everything = Projection(maxVersions: .max)

    private mutating func compare(_ row: Bytes, _ label: String) throws {
        for projection in [Projection.all, Self.everything] {
            let expected = model.get(row, projection, nowMilliseconds: clock.nowMilliseconds)
            let found = try table.get(row, projection)
            check(found, expected, "\(label) \(row) \(projection)")
        }
    }

    private mutating func check<Answer: Equatable>(
        _ found: Answer, _ expected: Answer, _ label: @autoclosure () -> String
    ) {
        readCount += 1
        if found != expected {
            Issue.record("\(label())\nfound    \(found)\nexpected \(expected)")
        }
    }
}

extension RowScanner {
    fileprivate func rest() throws -> [Row] {
        var rows: [Row] = []
        while let row = try next() { rows.append(row) }
        return rows
    }
}
