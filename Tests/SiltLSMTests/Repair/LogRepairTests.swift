import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Repair of a log")
struct LogRepairTests {
    private func crashed(rows: Int) throws -> (disk: MemoryDisk, segments: [DiskFile]) {
        let fixture = try EngineFixture(groupCount: 1)
        for index in 0..<rows { try fixture.put("r\(index)", String(repeating: "v", count: 100)) }
        let disk = fixture.disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
        return (disk, disk.files.map(\.file).filter { "\($0)".hasPrefix("wal/") })
    }

    private func repair(_ disk: MemoryDisk, acceptsLoss: Bool) throws -> DirectoryRepair {
        let environment = Environment.memory(disk: disk, clock: ManualClock(), seed: 78)
        var repair = DirectoryRepair(environment, acceptsLoss: acceptsLoss)
        try repair.run()
        return repair
    }

    /// Repairs a damaged log and checks that all is there but the rows of the sequences named.
    private func expectRepaired(
        _ disk: MemoryDisk, rows: Int, lost: Set<String>, naming words: [String]
    )
        throws
    {
        let refused = #expect(throws: SiltstoneError.self) {
            try EngineFixture(
                disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1)), groupCount: 1)
        }
        #expect(refused?.code == .corrupted)
        let copy = disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
        let left = try repair(copy, acceptsLoss: false)
        #expect(!left.refusals.isEmpty && left.actions.isEmpty && left.losses.isEmpty)
        let done = try repair(copy, acceptsLoss: true)
        for word in words {
            #expect(done.losses.contains { $0.contains(word) }, "\(word) in \(done.losses)")
        }
        let again = try repair(copy, acceptsLoss: true)
        #expect(again.losses.isEmpty && again.actions.isEmpty)
        let values = try EngineFixture(copy, groupCount: 1).values()
        #expect(Set(values.keys) == Set((0..<rows).map { "r\($0)" }).subtracting(lost))
        #expect(copy.files.contains { "\($0.file)".hasPrefix("quarantine/wal/") })
    }

    @Test("of a record damaged in the middle, its sequence is named and all others are kept")
    func record() throws {
        let (disk, segments) = try crashed(rows: 80)
        try disk.flipBit(of: segments[0], offset: 900, bit: 2)
        let image = Environment.memory(disk: disk, clock: ManualClock(), seed: 3)
        var sequence: UInt64 = 1
        guard case .segment(let incarnation, let number) = segments[0] else { return }
        var reader = try LogSegmentReader(image.log.read(incarnation, number))
        while let record = reader.next() {
            sequence = (record.sections.last?.firstSequence ?? 0) + 1
        }
        try expectRepaired(
            disk, rows: 80, lost: ["r\(sequence - 1)"],
            naming: ["sequences \(sequence) to \(sequence) ", "\(segments[0])"])
    }

    @Test("a damaged header of a segment loses nothing but itself")
    func header() throws {
        let (disk, segments) = try crashed(rows: 80)
        try disk.flipBit(of: segments[1], offset: 20, bit: 2)
        try expectRepaired(disk, rows: 80, lost: [], naming: ["the header of \(segments[1])"])
    }

    @Test("a missing segment is named with its sequences")
    func segment() throws {
        let (disk, segments) = try crashed(rows: 80)
        guard case .segment(let incarnation, let number) = segments[1] else { return }
        let image = Environment.memory(disk: disk, clock: ManualClock(), seed: 3)
        var reader = try LogSegmentReader(image.log.read(incarnation, number))
        var sequences: [UInt64] = []
        while let record = reader.next() { sequences += record.sections.map(\.firstSequence) }
        let first = try #require(sequences.first)
        let last = try #require(sequences.last)
        try disk.remove(segments[1])
        try expectRepaired(
            disk, rows: 80, lost: Set((first...last).map { "r\($0 - 1)" }),
            naming: ["sequences \(first) to \(last) "])
    }

    @Test("a repair that is cut short can be done again")
    func stopped() throws {
        let (disk, segments) = try crashed(rows: 80)
        try disk.flipBit(of: segments[1], offset: 900, bit: 2)
        var calls = 0
        while true {
            calls += 1
            let copy = disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
            copy.install(FaultPlan(stopAtMutatingCall: calls, stopEffect: .torn))
            let isDone = (try? repair(copy, acceptsLoss: true)) != nil
            let after = copy.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
            _ = try repair(after, acceptsLoss: true)
            #expect(try EngineFixture(after, groupCount: 1).values().count == 79)
            if isDone { break }
        }
        #expect(calls > 5)
    }
}
