import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Memtables, and cursors over table files in memory.
struct EngineBenchmarks {
    let measure: Measure

    private static let cellCount = 100_000

    func run() throws {
        let names = [
            "memtable insert", "memtable find", "merge 1 run", "merge 8 runs", "seek 8 runs",
        ]
        guard names.contains(where: measure.wants) else { return }
        let cells = Cells(Self.cellCount)
        try memtables(cells)
        for runCount in [1, 8] { try merges(cells, runCount) }
    }

    private func insert(_ key: [UInt8], _ sequence: Int, _ cells: Cells, _ memtable: Memtable) {
        key.withUnsafeBytes { key in
            cells.value.withUnsafeBytes { value in
                memtable.insert(
                    columnKey: key, timestamp: 1_700_000_000_000, type: 4, flags: 0,
                    sequence: UInt64(sequence), value: value)
            }
        }
    }

    private func memtables(_ cells: Cells) throws {
        measure.run("memtable insert", operations: Self.cellCount) {
            let memtable = Memtable(capacityBytes: 64 << 20, firstLogSegment: 1)
            for (number, key) in cells.shuffled.enumerated() {
                insert(key, number + 1, cells, memtable)
            }
            return UInt64(memtable.cellCount)
        }
        let memtable = Memtable(capacityBytes: 64 << 20, firstLogSegment: 1)
        for (number, key) in cells.keys.enumerated() { insert(key, number + 1, cells, memtable) }
        let tables = Self.tables(MemoryDisk())
        let cursor = try TreeCursor(
            TreeSources(memtables: [memtable], runs: [], levels: []), tables: tables,
            sequence: .max)
        try measure.run("memtable find", operations: Self.cellCount) {
            try Self.seekAll(cursor, cells.shuffled)
        }
    }

    private static func tables(_ disk: MemoryDisk) -> TableCache {
        TableCache(objects: disk.objects, blocks: BlockCache(capacityBytes: 256 << 20))
    }

    private static func seekAll(_ cursor: TreeCursor, _ keys: [[UInt8]]) throws -> UInt64 {
        var sum: UInt64 = 0
        for key in keys {
            try cursor.seek(key)
            sum &+= cursor.sequence
        }
        return sum
    }

    private func merges(_ cells: Cells, _ runCount: Int) throws {
        let disk = MemoryDisk()
        var settings = Family("f")
        settings.blockBytes = 16 << 10
        var runs: [TableFile] = []
        for run in 0..<runCount {
            let writer = try TableWriter(
                Identifier(high: 1, low: UInt64(run + 1)), table: Identifier(high: 7, low: 7),
                objects: disk.objects, settings: settings)
            var noise = Cells.Noise(5)
            for (number, key) in cells.keys.enumerated()
            where noise.next() % UInt64(runCount) == UInt64(run) {
                try key.withUnsafeBytes { key in
                    try cells.value.withUnsafeBytes { value in
                        try writer.append(
                            columnKey: key, timestamp: 1_700_000_000_000, type: 4, flags: 0,
                            sequence: UInt64(number + 1), value: value)
                    }
                }
            }
            runs.append(try writer.finish())
        }
        let cursor = try TreeCursor(
            TreeSources(memtables: [], runs: runs, levels: []), tables: Self.tables(disk),
            sequence: .max)
        try measure.run(
            "merge \(runCount) run\(runCount == 1 ? "" : "s")", operations: Self.cellCount
        ) {
            var sum: UInt64 = 0
            try cursor.seek([])
            while cursor.isValid {
                sum &+= cursor.sequence
                try cursor.next()
            }
            return sum
        }
        if runCount > 1 {
            let keys = Array(cells.shuffled.prefix(20_000))
            try measure.run("seek \(runCount) runs", operations: keys.count) {
                try Self.seekAll(cursor, keys)
            }
        }
    }
}
