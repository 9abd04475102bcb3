import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import SiltstoneTesting
import Testing

@Suite("Damaged bytes")
struct CorruptionTests {
    private let clock = ManualClock()

    private func open(_ disk: MemoryDisk, seed: UInt64 = 2) throws -> TableStore {
        var options = EngineOptions()
        options.logSegmentBytes = 16 << 10
        options.runsMaintenance = false
        return try TableStore.open(.memory(disk: disk, clock: clock, seed: seed), options)
    }

    /// A directory with every kind of file: merged and fresh table files, manifests, schemas, a log.
    private func makeDisk() throws -> MemoryDisk {
        let disk = MemoryDisk()
        let store = try open(disk, seed: 1)
        let table = try store.createTable(
            TableDefinition(
                "t",
                families: [
                    Family("f", maxVersions: 3), Family("g", compression: .none),
                    Family("h", compression: .zstd(level: 3)),
                ],
                splitPoints: ["m"]))
        var number = 0
        func fill(_ count: Int) throws {
            for _ in 0..<count {
                number += 1
                for row in ["a\(number % 40)", "z\(number % 40)"] {
                    try table.write([
                        RowMutation(
                            row: Bytes(row),
                            changes: [
                                CellMutation(
                                    Column("f", Bytes("q\(number % 3)")),
                                    .put(
                                        value: Bytes("value \(number)"),
                                        timeToLiveMilliseconds: nil)),
                                CellMutation(
                                    "g:q",
                                    .put(value: Bytes("\(number)"), timeToLiveMilliseconds: nil)),
                                CellMutation(
                                    "h:q",
                                    .put(
                                        value: Bytes("\(number).5"), timeToLiveMilliseconds: nil)),
                            ])
                    ])
                }
            }
        }
        try fill(100)
        try table.compact()
        try fill(60)
        try table.flush()
        try fill(5)
        return disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
    }

    private func copy(_ disk: MemoryDisk) -> MemoryDisk {
        disk.crashed(keeping: .processKill, random: SeededRandom(seed: 1))
    }

    private func rows(_ store: TableStore) throws -> [Row] {
        let scanner = try store.table("t").scan(.all, Projection(maxVersions: .max))
        var rows: [Row] = []
        while let row = try scanner.next() { rows.append(row) }
        return rows
    }

    @Test("a flipped bit gives an error that names file and offset, or changes no answer")
    func flippedBits() throws {
        let original = try makeDisk()
        let pristine = try open(copy(original))
        let expected = try rows(pristine)
        #expect(expected.count == 80)
        let random = SeededRandom(seed: TestSettings.seed)
        var flipCount = 0
        var errorCount = 0
        var wrong: [String] = []
        for (file, byteCount) in original.files {
            let samples = TestSettings.isExhaustive ? byteCount : min(byteCount, 16)
            for sample in 0..<samples {
                let offset = TestSettings.isExhaustive ? sample : random.next(below: byteCount)
                let disk = copy(original)
                try disk.flipBit(of: file, offset: offset, bit: random.next(below: 8))
                flipCount += 1
                switch outcome(of: disk, expected, file) {
                case .same: break
                case .named: errorCount += 1
                case .wrong(let reason): wrong.append("\(file) offset \(offset): \(reason)")
                }
            }
        }
        print("flips \(flipCount) errors \(errorCount) wrong \(wrong.count)")
        for line in wrong.prefix(30) { print(line) }
        #expect(wrong.isEmpty)
        #expect(errorCount > flipCount / 3)
    }

    private enum Outcome {
        case same
        case named
        case wrong(String)
    }

    private func outcome(of disk: MemoryDisk, _ expected: [Row], _ file: DiskFile) -> Outcome {
        do {
            let found = try rows(try open(disk))
            return found == expected ? .same : .wrong("other answer, \(found.count) rows")
        } catch let error as SiltstoneError {
            guard error.code == .corrupted, let location = error.location, location.offset != nil
            else { return .wrong("\(error)") }
            return location.file == file.description ? .named : .wrong("names another: \(error)")
        } catch { return .wrong("\(error)") }
    }
}
