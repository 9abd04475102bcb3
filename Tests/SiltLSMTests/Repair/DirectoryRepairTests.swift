import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Testing

@Suite("Repair of a directory")
struct DirectoryRepairTests {
    /// A closed directory with one region, a merged file of many blocks in family 0, and what it held.
    private func makeDisk() throws -> (disk: MemoryDisk, values: [String: String]) {
        let fixture = try EngineFixture(groupCount: 1)
        for number in 0..<600 {
            try fixture.put("row\(1000 + number)", String(repeating: "v\(number) ", count: 300))
        }
        try fixture.groups[0].flush()
        try fixture.groups[0].compact()
        let values = try fixture.values()
        try fixture.engine.close()
        return (fixture.disk, values)
    }

    private func copy(_ disk: MemoryDisk) -> MemoryDisk {
        disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
    }

    private func newest(_ suffix: String, _ disk: MemoryDisk) throws -> String {
        try #require(
            disk.files.map(\.0.description).filter { $0.contains(suffix) }.sorted().last)
    }

    private func manifest(_ disk: MemoryDisk) throws -> RegionManifest {
        let objects = Environment.memory(disk: disk, clock: ManualClock(), seed: 3).objects
        return try RegionManifest(decoding: objects.get(newest("/manifest/", disk)))
    }

    private func repair(_ disk: MemoryDisk, acceptsLoss: Bool) throws -> DirectoryRepair {
        let environment = Environment.memory(disk: disk, clock: ManualClock(), seed: 77)
        var repair = DirectoryRepair(environment, acceptsLoss: acceptsLoss)
        try repair.run()
        return repair
    }

    @Test("an undamaged directory is left as it is")
    func whole() throws {
        let (disk, values) = try makeDisk()
        let before = disk.files.map(\.0.description)
        let repair = try repair(disk, acceptsLoss: true)
        #expect(repair.actions.isEmpty && repair.losses.isEmpty && repair.refusals.isEmpty)
        #expect(disk.files.map(\.0.description) == before)
        #expect(try EngineFixture(disk, groupCount: 1).values() == values)
    }

    @Test("of a damaged table file all good blocks are saved, once loss is accepted")
    func damagedBlock() throws {
        let (original, values) = try makeDisk()
        let file = try #require(try manifest(original).trees[0].runs.first?.files.first)
        for offset in [100, Int(file.byteCount) / 4, Int(file.byteCount) / 8] {
            let disk = copy(original)
            try disk.flipBit(of: .object(file.key), offset: offset, bit: 3)
            let refused = try repair(disk, acceptsLoss: false)
            #expect(!refused.refusals.isEmpty && refused.actions.isEmpty)
            let done = try repair(disk, acceptsLoss: true)
            #expect(done.losses.count == 1 && done.losses[0].contains(file.key))
            let left = try EngineFixture(disk, groupCount: 1).values()
            #expect(left.count < values.count && left.count > values.count / 2)
            #expect(left.allSatisfy { values[$0.key] == $0.value })
            #expect(disk.files.contains { $0.0.description == "quarantine/" + file.key })
        }
    }

    @Test("damage to index, filter or footer loses nothing")
    func damagedTail() throws {
        let (original, values) = try makeDisk()
        let file = try #require(try manifest(original).trees[0].runs.first?.files.first)
        let bytes = try Environment.memory(disk: original, clock: ManualClock(), seed: 3).objects
            .get(file.key)
        let footer = try TableFooter(
            decodingEndOf: bytes, fileByteCount: UInt64(bytes.count))
        let offsets = [
            Int(footer.index.offset) + 3, Int(footer.filter.offset) + 5,
            Int(footer.properties.offset) + 4, bytes.count - 5, bytes.count - 40,
        ]
        for offset in offsets {
            let disk = copy(original)
            try disk.flipBit(of: .object(file.key), offset: offset, bit: 1)
            let done = try repair(disk, acceptsLoss: false)
            #expect(done.refusals.isEmpty && done.losses.isEmpty && !done.actions.isEmpty)
            #expect(try EngineFixture(disk, groupCount: 1).values() == values)
        }
    }

    @Test("a missing table file is taken out of the manifest and named")
    func missingFile() throws {
        let (disk, _) = try makeDisk()
        let file = try #require(try manifest(disk).trees[0].runs.first?.files.first)
        try Environment.memory(disk: disk, clock: ManualClock(), seed: 3).objects.delete([file.key])
        let done = try repair(disk, acceptsLoss: true)
        #expect(done.losses.contains { $0.contains(file.key) })
        let left = try EngineFixture(disk, groupCount: 1)
        #expect(try left.values().count < 600)
        #expect(try repair(disk, acceptsLoss: true).losses.isEmpty)
    }

    @Test("a damaged manifest is replaced by an older one and the files written since")
    func damagedManifest() throws {
        let (damaged, values) = try makeDisk()
        let key = try newest("/manifest/", damaged)
        try damaged.flipBit(of: .object(key), offset: 60, bit: 0)
        let disk = copy(damaged)
        #expect(throws: SiltstoneError.self) {
            _ = try EngineFixture(copy(damaged), groupCount: 1)
        }
        let done = try repair(disk, acceptsLoss: true)
        #expect(!done.actions.isEmpty)
        #expect(try EngineFixture(disk, groupCount: 1).values() == values)
    }
}
