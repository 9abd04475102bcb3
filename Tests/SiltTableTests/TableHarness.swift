import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable

/// A table store on a memory disk with a clock that tests move.
final class TableHarness {
    let disk: MemoryDisk
    let clock: ManualClock
    var store: TableStore
    /// Also the seed: the clock may stand still, and identifiers must not repeat.
    private var openingCount: UInt64 = 1

    init(nowMilliseconds: Int64 = 1_000_000, disk: MemoryDisk = MemoryDisk()) throws {
        self.disk = disk
        clock = ManualClock(nowMilliseconds: nowMilliseconds)
        store = try TableHarness.open(disk, clock, seed: 1)
    }

    private static func open(_ disk: MemoryDisk, _ clock: ManualClock, seed: UInt64) throws
        -> TableStore
    {
        var options = EngineOptions()
        options.logSegmentBytes = 1 << 20
        options.runsMaintenance = false
        return try TableStore.open(.memory(disk: disk, clock: clock, seed: seed), options)
    }

    /// Closes and opens again.
    func reopen() throws {
        try store.close()
        openingCount += 1
        store = try TableHarness.open(disk, clock, seed: openingCount)
    }

    /// The time of the next mutation.
    func tick() -> Int64 {
        clock.advance(milliseconds: 1)
        return clock.nowMilliseconds
    }
}

extension RowMutation {
    /// One value.
    static func put(
        _ row: Bytes, _ column: Column, _ value: Bytes, at timestamp: Int64? = nil,
        timeToLive: Int64? = nil
    ) -> RowMutation {
        RowMutation(
            row: row,
            changes: [
                CellMutation(
                    column, .put(value: value, timeToLiveMilliseconds: timeToLive),
                    timestamp: timestamp)
            ])
    }

    /// One marker.
    static func marker(
        _ row: Bytes, _ column: Column, _ action: CellMutation.Action, at timestamp: Int64? = nil
    ) -> RowMutation {
        RowMutation(row: row, changes: [CellMutation(column, action, timestamp: timestamp)])
    }
}

extension Row {
    /// `family:qualifier@time=value` of each cell, for short expectations.
    var text: [String] {
        cells.map { "\($0.column)@\($0.timestamp)=\($0.value)" }
    }

    /// `family:qualifier=value` of each cell.
    var values: [String] { cells.map { "\($0.column)=\($0.value)" } }
}

extension RowScanner {
    /// All rows that are left.
    func rest() throws -> [Row] {
        var rows: [Row] = []
        while let row = try next() { rows.append(row) }
        return rows
    }
}
