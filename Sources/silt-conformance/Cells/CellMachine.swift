import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable

/// A store on a memory disk, with a clock that the cases move.
final class CellMachine {
    private let disk = MemoryDisk()
    let clock: ManualClock
    private var store: TableStore
    /// Also the seed: the clock may stand still, and identifiers must not repeat.
    private var openingCount: UInt64 = 1

    init(nowMilliseconds: Int64) throws(SiltstoneError) {
        clock = ManualClock(nowMilliseconds: nowMilliseconds)
        store = try CellMachine.open(disk, clock, seed: 1)
    }

    private static func open(_ disk: MemoryDisk, _ clock: ManualClock, seed: UInt64)
        throws(SiltstoneError) -> TableStore
    {
        var options = EngineOptions()
        options.logSegmentBytes = 1 << 20
        options.runsMaintenance = false
        return try TableStore.open(.memory(disk: disk, clock: clock, seed: seed), options)
    }

    func createTable(_ definition: TableDefinition) throws(SiltstoneError) {
        _ = try store.createTable(definition)
    }

    func table() throws(SiltstoneError) -> StoredTable { try store.table("t") }

    /// Moves the clock as every mutation without a time stamp does.
    func tick() { clock.advance(milliseconds: 1) }

    /// Closes the store and opens it again.
    func reopen() throws(SiltstoneError) {
        try store.close()
        openingCount += 1
        store = try CellMachine.open(disk, clock, seed: openingCount)
    }

    func close() throws(SiltstoneError) { try store.close() }

    /// Cuts the table in two at a row, if it is not cut there already.
    func split(at row: Bytes) throws(SiltstoneError) { try store.split("t", at: row) }

    /// What is done after every step when the command line says so.
    func force(_ step: ConformanceArguments.ForcedStep) throws(SiltstoneError) {
        switch step {
        case .flush: try table().flush()
        case .compact, .minor: try table().compactRuns()
        case .major: try table().compact()
        case .split: try splitOrMerge()
        case .reopen: try reopen()
        }
    }

    /// Splits the largest region until there are some, then merges them all again, and so on.
    private func splitOrMerge() throws(SiltstoneError) {
        var regions = try table().regions()
        let bucketCount = regions.count { $0.start.isEmpty }
        if regions.count >= bucketCount + Self.regionsMax - 1 {
            // Where the first row is, a bucket begins.
            while let second = regions.indices.first(where: { !regions[$0].start.isEmpty }) {
                try store.merge("t", regions[second - 1].id, regions[second].id)
                regions = try table().regions()
            }
            return
        }
        for region in regions {
            if try store.split("t", region: region.id) { return }
        }
        // No region has two rows: one of them gets a neighbour without rows.
        for row in ["m", "row", "s"] {
            if try store.split("t", at: Bytes(row)) { return }
        }
    }

    private static let regionsMax = 4
}
