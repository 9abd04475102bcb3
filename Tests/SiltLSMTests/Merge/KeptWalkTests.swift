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

    @Test("Walks are kept for the versions that came last, so that few files stay open")
    func fewFiles() throws {
        let store = TestTables(openFilesMax: 40)
        let rule = WalkRule(
            Family("f"), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
            nowMilliseconds: 9)
        let versions = try (0..<50).map { index in
            let cell = TestCell(
                row: Bytes("row\(100 + index)"), qualifier: "q", timestamp: 5, type: 4,
                sequence: 1,
                value: [1])
            return (file: try store.write([cell]), walks: IdleWalks())
        }
        func use(_ version: (file: TableFile, walks: IdleWalks), fileCount: Int = 2) throws {
            let kept = version.walks.take()
            let walk =
                kept
                ?? CellWalk(
                    TreeSources(memtables: [], runs: [version.file], levels: []),
                    tables: store.tables, sequence: 1, rule: rule, options: CursorOptions())
            try walk.seek([])
            #expect(try walk.fill() == 1)
            version.walks.put(walk, fileCount: fileCount, among: store.tables.idleVersions)
        }
        // One that is used again and again is on the list once.
        for _ in 0..<100 { try use(versions[0]) }
        for version in versions { try use(version) }
        let kept = versions.map { $0.walks.take() != nil }
        #expect(kept == (0..<50).map { $0 >= 45 })
        // One alone may have more files than all may have together.
        try use(versions[3], fileCount: 1_000)
        #expect(versions[3].walks.take() != nil)
        try use(versions[4])
        #expect(versions[4].walks.take() != nil)
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
