import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Collection rules against plain settings")
struct CollectionRuleTests {
    @Test(
        "a rule that the plain settings can say gives their answers",
        arguments: [
            ("maxversions=3", 3, nil, 0), ("maxversions=3 or maxage=40ms", 3, 40, 0),
            ("maxversions=4 or (maxage=30ms and maxversions=2)", 4, 30, 2),
            ("maxage=25ms", 1_000, 25, 0), ("maxage=25ms and maxversions=2", 1_000, 25, 2),
        ] as [(String, Int, Int64?, Int)])
    func plain(_ rule: String, _ versions: Int, _ life: Int64?, _ least: Int) throws {
        let seed = TestSettings.seed
        print("collection rule seed \(seed)")
        let clock = ManualClock(nowMilliseconds: 1_000_000)
        var options = EngineOptions()
        options.runsMaintenance = false
        let store = try TableStore.open(
            .memory(disk: MemoryDisk(), clock: clock, seed: seed), options)
        let ruled = try store.createTable(
            TableDefinition(
                "ruled", families: [Family("f", collectionRule: CollectionRule(parsing: rule))]))
        let plain = try store.createTable(
            TableDefinition(
                "plain",
                families: [
                    Family(
                        "f", maxVersions: versions, minVersions: least, timeToLiveMilliseconds: life
                    )
                ]))
        var generator = MutationGenerator(seed: seed, families: plain.definition.families)
        for step in 0..<TestSettings.steps(600) {
            clock.advance(milliseconds: 1)
            let now = clock.nowMilliseconds
            let mutation = generator.mutation(nowMilliseconds: now)
            for table in [ruled, plain] { try table.write([mutation]) }
            switch generator.below(12) {
            case 0: for table in [ruled, plain] { try table.flush() }
            case 1: for table in [ruled, plain] { try table.compact() }
            case 2: clock.advance(milliseconds: Int64(generator.below(20)))
            default: break
            }
            let range = generator.range()
            let projection = generator.projection(nowMilliseconds: now)
            let expected = try Self.rows(plain.scan(range, projection))
            #expect(
                try Self.rows(ruled.scan(range, projection)) == expected,
                "seed \(seed) \(rule) step \(step)")
        }
    }

    private static func rows(_ scanner: RowScanner) throws -> [Row] {
        var rows: [Row] = []
        while let row = try scanner.next() { rows.append(row) }
        return rows
    }
}
