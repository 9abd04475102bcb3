import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

/// Cuts the world off at every k-th call that changes storage, over a script of commits, flushes and compactions on two regions.
@Suite("Crash")
struct CrashTests {
    /// What the script got acknowledged before it was cut off.
    private struct Progress {
        /// The highest batch acknowledged; batches are numbered from 1 in order.
        var acknowledged = 0
        /// The highest batch begun.
        var begun = 0
        var isWhole = false
    }

    private static let batchCount = 24
    private static let names = (0..<4).map { "k\($0)" }

    /// Batch n writes its number to both regions, both families, and replaces one of a few shared rows in each.
    private static func batch(_ number: Int, _ groups: [TreeGroup]) -> [GroupWrite] {
        groups.map { group in
            var buffer = OperationBuffer()
            for family in [UInt8(0), 1] {
                EngineFixture.put("b\(1_000 + number)", "\(number)", family: family, into: &buffer)
                EngineFixture.put(names[number % 4], "\(number)", family: family, into: &buffer)
            }
            return GroupWrite(group: group, operations: buffer)
        }
    }

    private static func run(
        _ disk: MemoryDisk, durability: Durability, isMaintained: Bool, workersRunEach: Int = 1,
        _ progress: inout Progress
    ) throws(SiltstoneError) {
        var options = EngineFixture.options
        options.runsMaintenance = isMaintained
        options.logSegmentBytes = 2 << 10
        options.logBytesMax = 8 << 10
        options.flushBytes = 8 << 10
        options.sweepGraceMilliseconds = 3
        let fixture = try EngineFixture(disk, options: options)
        for number in 1...batchCount {
            progress.begun = number
            _ = try fixture.engine.commit(batch(number, fixture.groups), durability: durability)
            progress.acknowledged = number
            fixture.clock.advance(milliseconds: 2)
            if isMaintained, number % workersRunEach == 0 { fixture.workers.runAll() }
            switch number {
            case 5: try fixture.groups[0].flush()
            case 9, 17: try fixture.engine.flushAll()
            case 12: try fixture.groups[1].compact()
            case 20: try fixture.groups[0].compact()
            case 21: try fixture.engine.sweep()
            default: break
            }
        }
        try fixture.engine.close()
        progress.isWhole = true
    }

    /// Reads everything back and holds it against what was promised.
    ///
    /// - Returns: the highest batch found.
    private static func check(_ fixture: EngineFixture, _ note: String) throws -> Int {
        var found: Set<Int> = []
        for group in 0..<2 {
            for family in [UInt8(0), 1] {
                let values = try fixture.values(group, family: family)
                let numbers = values.filter { $0.key.hasPrefix("b") }.compactMap { Int($0.value) }
                if group == 0, family == 0 { found = Set(numbers) }
                #expect(Set(numbers) == found, "a batch is half there \(note)")
                let last = found.max() ?? 0
                #expect(
                    found == (last == 0 ? [] : Set(1...last)),
                    "a batch before others is missing \(note)")
                for (index, name) in names.enumerated() {
                    let newest = (1...max(1, last)).last { $0 % 4 == index && $0 <= last }
                    #expect(values[name] == newest.map { "\($0)" }, "the newest value \(note)")
                }
            }
        }
        return found.max() ?? 0
    }

    @Test(
        "After a cut at any call, reopening holds all acknowledged batches and none half",
        arguments: [
            (FaultPlan.StopEffect.notApplied, CrashPolicy.dropUnsynced, false),
            (.applied, .keepUnsynced, true),
            (.torn, .mixed, true), (.torn, .keepSectors, false),
        ])
    func everyCall(_ effect: FaultPlan.StopEffect, _ policy: CrashPolicy, _ isMaintained: Bool)
        throws
    {
        var cut = 1
        while true {
            let note = "cut=\(cut) effect=\(effect) policy=\(policy)"
            let disk = MemoryDisk()
            disk.install(FaultPlan(stopAtMutatingCall: cut, stopEffect: effect, seed: UInt64(cut)))
            var progress = Progress()
            do {
                try Self.run(disk, durability: .fsyncWAL, isMaintained: isMaintained, &progress)
            } catch {
                #expect(error.code == .unavailable, "\(error) \(note)")
            }
            if progress.isWhole, !disk.isStopped { break }
            let after = disk.crashed(keeping: policy, random: SeededRandom(seed: UInt64(cut)))
            let found = try Self.check(EngineFixture(after), note)
            #expect(found >= progress.acknowledged, "an acknowledged batch is lost \(note)")
            #expect(found <= progress.begun, "\(note)")
            cut += 1
        }
        #expect(cut > 60, "the script is long enough to matter")
    }

    @Test(
        "SYNC_WAL survives a killed process wholly, and a power cut without gaps or halves",
        arguments: [CrashPolicy.processKill, .dropUnsynced, .mixed], [1, 3, 7])
    func syncLevel(_ policy: CrashPolicy, _ workersRunEach: Int) throws {
        for cut in stride(from: 1, through: 120, by: 3) {
            let note = "cut=\(cut) policy=\(policy) workersRunEach=\(workersRunEach)"
            let disk = MemoryDisk()
            // A killed process leaves what the system was given; only a power cut tears it.
            let effect = policy == .processKill ? FaultPlan.StopEffect.notApplied : .torn
            disk.install(FaultPlan(stopAtMutatingCall: cut, stopEffect: effect, seed: UInt64(cut)))
            var progress = Progress()
            try? Self.run(
                disk, durability: .syncWAL, isMaintained: true, workersRunEach: workersRunEach,
                &progress)
            let after = disk.crashed(keeping: policy, random: SeededRandom(seed: UInt64(cut)))
            let found = try Self.check(EngineFixture(after), note)
            if policy == .processKill { #expect(found >= progress.acknowledged, "\(note)") }
        }
    }

    @Test("Recovery can be cut off at any call and begin again")
    func recoveryCut() throws {
        let disk = MemoryDisk()
        disk.install(FaultPlan(stopAtMutatingCall: 70, stopEffect: .torn, seed: 5))
        var progress = Progress()
        try? Self.run(disk, durability: .fsyncWAL, isMaintained: false, &progress)
        let start = disk.crashed(keeping: .mixed, random: SeededRandom(seed: 9))
        var cut = 1
        var isWhole = false
        while !isWhole {
            let copy = start.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
            copy.install(FaultPlan(stopAtMutatingCall: cut, stopEffect: .torn, seed: UInt64(cut)))
            isWhole = (try? EngineFixture(copy)) != nil && !copy.isStopped
            let after = copy.crashed(keeping: .mixed, random: SeededRandom(seed: UInt64(cut)))
            let found = try Self.check(EngineFixture(after), "cut=\(cut)")
            #expect(found >= progress.acknowledged, "cut=\(cut)")
            cut += 1
        }
        #expect(cut > 4)
    }
}
