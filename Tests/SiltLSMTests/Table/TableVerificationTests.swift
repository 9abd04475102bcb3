import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Reading written files again")
struct TableVerificationTests {
    private static var options: EngineOptions {
        var options = EngineFixture.options
        options.verifiesFiles = true
        return options
    }

    private func fill(_ fixture: EngineFixture, _ value: String) throws {
        for number in 0..<50 {
            try fixture.put("row\(100 + number)", value + String(repeating: "v", count: 100))
            try fixture.put("row\(100 + number)", value, family: 1)
        }
    }

    @Test("a file that storage damaged is never named, and the cells stay", arguments: 1...20)
    func flush(_ seed: UInt64) throws {
        let fixture = try EngineFixture(groupCount: 1, options: Self.options)
        try fill(fixture, "a")
        let values = try fixture.values()
        // Of two files one is damaged.
        var plan = FaultPlan(seed: seed)
        plan.damagedFinishes = [1 + Int(seed % 2)]
        fixture.disk.install(plan)
        let error = #expect(throws: SiltstoneError.self) { try fixture.groups[0].flush() }
        #expect(error?.code == .corrupted)
        #expect(!fixture.engine.metrics.isPoisoned)
        // Killed now, everything is in the log; else the next attempt succeeds.
        let copy = fixture.disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        #expect(try EngineFixture(copy, groupCount: 1).values() == values)
        let other = try EngineFixture(
            fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1)),
            groupCount: 1, options: Self.options)
        #expect(try other.values() == values)
        #expect(try other.values(family: 1).count == 50)
    }

    @Test("a merge whose output storage damaged leaves the files as they were")
    func merge() throws {
        let fixture = try EngineFixture(groupCount: 1, options: Self.options)
        try fill(fixture, "a")
        try fixture.groups[0].flush()
        try fill(fixture, "b")
        try fixture.groups[0].flush()
        let cells = try fixture.cells()
        var plan = FaultPlan(seed: 5)
        plan.damagedFinishes = [1, 2]
        fixture.disk.install(plan)
        #expect(throws: SiltstoneError.self) { try fixture.groups[0].compact() }
        #expect(try fixture.cells() == cells)
        fixture.disk.install(.none)
        try fixture.groups[0].compact()
        #expect(try fixture.cells() == cells)
        try fixture.engine.close()
        #expect(try EngineFixture(fixture.disk, groupCount: 1).cells() == cells)
    }

    @Test("without the option the damage is found only when it is read")
    func without() throws {
        let fixture = try EngineFixture(groupCount: 1)
        try fill(fixture, "a")
        var plan = FaultPlan(seed: 1)
        plan.damagedFinishes = [1]
        fixture.disk.install(plan)
        try fixture.groups[0].flush()
        #expect(throws: SiltstoneError.self) { try fixture.cells() }
    }
}
