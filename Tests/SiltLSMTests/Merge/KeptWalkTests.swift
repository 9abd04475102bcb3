import Foundation
import SiltBytes
import SiltFormat
import SiltModel
import Synchronization
import Testing

@testable import SiltLSM

@Suite("Kept walk") struct KeptWalkTests {
    /// A memtable after the other, each of which gets its first cell by another thread as soon as it is shown.
    private final class FirstCells: Sendable {
        let memtables: [Memtable]
        /// The round that may be filled, and how many were.
        let shown = Atomic(-1)
        let filled = Atomic(0)
        let isOver = Atomic(false)

        init() {
            memtables = (0..<64).map { _ in
                Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
            }
        }

        func fill(_ cell: TestCell, delays: [Int]) {
            var round = 0
            while round < memtables.count, !isOver.load(ordering: .relaxed) {
                while shown.load(ordering: .acquiring) < round {
                    if isOver.load(ordering: .relaxed) { return }
                }
                for _ in 0..<delays[round % delays.count] { _ = filled.load(ordering: .acquiring) }
                cell.insert(into: memtables[round])
                round += 1
                filled.store(round, ordering: .releasing)
            }
        }
    }

    @Test("A walk that is kept shows what was written into a memtable that was empty about then")
    func firstCell() throws {
        let store = TestTables()
        let cell = TestCell(
            row: "row", qualifier: "q", timestamp: 5, type: 4, sequence: 1, value: [1])
        let rule = WalkRule(
            Family("f"), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
            nowMilliseconds: 9)
        // How long the writer waits: from before the walk is begun to after it is made.
        for part in 0..<80 {
            let cells = FirstCells()
            Thread.detachNewThread {
                cells.fill(cell, delays: (0..<64).map { $0 * (1 + part % 8) })
            }
            defer { cells.isOver.store(true, ordering: .relaxed) }
            for (round, memtable) in cells.memtables.enumerated() {
                let sources = TreeSources(memtables: [memtable], runs: [], levels: [])
                cells.shown.store(round, ordering: .releasing)
                let walk = CellWalk(
                    sources, tables: store.tables, sequence: 0, rule: rule,
                    options: CursorOptions())
                while cells.filled.load(ordering: .acquiring) <= round {}
                guard walk.change(to: rule, sequence: 1) else { continue }
                try walk.seek([])
                try #require(walk.fill() == 1, "part \(part) round \(round)")
            }
        }
    }
}
