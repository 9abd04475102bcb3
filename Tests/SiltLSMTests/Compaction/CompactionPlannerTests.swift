import SiltBytes
import SiltFormat
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Compaction planner")
struct CompactionPlannerTests {
    private static let now: Int64 = 1_700_000_000_000
    private let planner = CompactionPlanner(tableFileBytes: 1 << 20)

    private func file(
        _ number: UInt64, rows: ClosedRange<Int> = 0...99, bytes: Int = 1 << 20,
        cells: UInt64 = 10_000, markers: UInt64 = 0,
        times: ClosedRange<Int64> = now - 1_000...now
    ) -> TableHold {
        var file = TableFile(
            id: Identifier(high: 1, low: number), table: Identifier(high: 7, low: 7))
        file.byteCount = UInt64(bytes)
        file.entryCount = cells
        file.markerCount = markers
        file.smallest = key(rows.lowerBound)
        file.largest = key(rows.upperBound)
        file.minTimestamp = times.lowerBound
        file.maxTimestamp = times.upperBound
        return TableHold(file)
    }

    private func key(_ row: Int) -> [UInt8] {
        CellKey.columnKey(row: Bytes("r\(1000 + row)"), qualifier: Bytes("q"))
    }

    private func tree(
        _ settings: Family = Family("f"), runs: [TableHold] = [], levels: [[TableHold]] = []
    ) -> TreeVersion {
        TreeVersion(
            options: TreeOptions(family: 0, settings: settings),
            active: MemtableSlot(capacityBytes: 1 << 16), runs: runs, levels: levels)
    }

    private func numbers(_ job: CompactionJob?) -> [UInt64]? { job?.inputs.map(\.file.id.low) }

    private func plan(_ tree: TreeVersion, running: [CompactionJob] = [], now: Int64 = now)
        -> CompactionJob?
    {
        planner.plan(tree, running: running, nowMilliseconds: now)
    }

    @Test("a few runs wait, four go into the first level when that is not much larger")
    func runs() {
        #expect(plan(tree(runs: [file(3), file(2), file(1)])) == nil)
        let job = plan(
            tree(runs: [file(4), file(3), file(2), file(1)], levels: [[file(9, bytes: 5 << 20)]]))
        #expect(numbers(job) == [4, 3, 2, 1, 9])
        #expect(job?.outputLevel == 1)
        #expect(job?.reachesBottom == true)
    }

    @Test(
        "runs that nothing older overlaps go down unread; small, marked and busy ones and those in between stay"
    )
    func moves() throws {
        let levels = [[file(9, rows: 0...9, bytes: 5 << 20)]]
        let old = [
            file(4, rows: 40...49), file(3, rows: 30...39), file(2, rows: 20...29),
            file(1, rows: 10...19),
        ]
        let version = tree(runs: old, levels: levels)
        let job = try #require(plan(version))
        #expect(job.kind == .move)
        #expect(numbers(job) == [4, 3, 2, 1])
        let moved = version.compacting(job, into: job.inputs)
        #expect(moved.runs.isEmpty)
        #expect(moved.levels.map { $0.map(\.file.id.low) } == [[9, 1, 2, 3, 4]])
        // The marked run stays, and with it the newer one that overlaps it.
        let mixed = [
            file(6, rows: 60...69), file(5, rows: 50...59), file(4, rows: 40...49),
            file(3, rows: 15...15), file(2, rows: 10...19, markers: 1),
        ]
        #expect(numbers(plan(tree(runs: mixed, levels: levels))) == [6, 5, 4])
        #expect(
            numbers(plan(tree(runs: mixed, levels: levels), running: [job]))?.contains(9) != true)
        // One of four that could move is no reason to keep the others from a merge.
        let one = [file(4), file(3), file(2), file(1, rows: 10...19)]
        #expect(plan(tree(runs: one, levels: levels))?.kind == .merge)
        let small = old.map {
            file(
                $0.file.id.low, rows: Int($0.file.id.low) * 10...Int($0.file.id.low) * 10,
                bytes: 4 << 10)
        }
        #expect(plan(tree(runs: small, levels: levels))?.kind == .merge)
    }

    @Test("small runs above a large level are merged with one another")
    func tiers() {
        let runs = [file(4), file(3), file(2), file(1, bytes: 100 << 10)]
        let job = plan(tree(runs: runs, levels: [[file(9, bytes: 900 << 20)]]))
        #expect(numbers(job) == [4, 3, 2, 1])
        #expect(job?.outputLevel == 0)
        #expect(job?.reachesBottom == false)
    }

    @Test("runs that came while level 0 goes down are merged, and nothing busy is taken twice")
    func running() throws {
        let old = [file(4), file(3), file(2), file(1)]
        let below = [[file(9, bytes: 5 << 20)]]
        let first = try #require(plan(tree(runs: old, levels: below)))
        #expect(plan(tree(runs: old, levels: below), running: [first]) == nil)
        let more = [file(8), file(7), file(6), file(5)]
        let second = try #require(plan(tree(runs: more + old, levels: below), running: [first]))
        #expect(numbers(second) == [8, 7, 6, 5])
        #expect(second.outputLevel == 0)
        #expect(plan(tree(runs: more + old, levels: below), running: [first, second]) == nil)
    }

    @Test(
        "of a level beyond its size the file that overlaps least goes down; one that overlaps nothing moves"
    )
    func levels() throws {
        let below = [file(20, rows: 0...49, bytes: 40 << 20)]
        let level = [
            file(10, rows: 0...49, bytes: 3 << 20), file(11, rows: 50...99, bytes: 3 << 20),
        ]
        let job = try #require(plan(tree(levels: [level, below])))
        #expect(numbers(job) == [11])
        #expect(job.kind == .move)
        #expect(job.outputLevel == 2)
        let busy = try #require(
            plan(
                tree(levels: [level, below]),
                running: [CompactionJob(inputs: [level[1]], outputLevel: 1, reachesBottom: false)]))
        #expect(numbers(busy) == [10, 20])
        #expect(plan(tree(levels: [level, below]), running: [job]) == nil)
    }

    @Test("files past the time to live go unread, unless something may keep their cells")
    func expired() throws {
        let old = file(1, times: Self.now - 9_000...Self.now - 6_000)
        var settings = Family("f", timeToLiveMilliseconds: 5_000)
        let job = try #require(plan(tree(settings, levels: [[old]])))
        #expect(job.kind == .drop)
        #expect(numbers(job) == [1])
        let version = tree(settings, levels: [[old]])
        #expect(version.compacting(job, into: []).tables.isEmpty)
        #expect(plan(tree(settings, levels: [[old]]), now: Self.now - 3_500) == nil)
        settings.minVersions = 1
        #expect(plan(tree(settings, levels: [[old]])) == nil)
        settings.minVersions = 0
        settings.keepDeletedCells = .yes
        #expect(plan(tree(settings, levels: [[old]])) == nil)
    }

    @Test("a file half past its time is merged alone, in its level")
    func halfExpired() throws {
        let settings = Family("f", timeToLiveMilliseconds: 5_000)
        let half = file(1, times: Self.now - 20_000...Self.now)
        let job = try #require(plan(tree(settings, levels: [[half]])))
        #expect(job.kind == .merge)
        #expect(job.outputLevel == 1)
        let marked = file(1, markers: 5, times: Self.now - 20_000...Self.now)
        #expect(plan(tree(settings, levels: [[marked]])) == nil)
    }

    @Test(
        "markers are merged away: from runs down, and in the lowest level once nothing newer is older"
    )
    func markers() throws {
        let marked = file(1, markers: 6_000)
        let job = try #require(plan(tree(runs: [marked])))
        #expect(job.outputLevel == 1)
        #expect(job.reachesBottom)
        let lowest = try #require(plan(tree(levels: [[marked]])))
        #expect(numbers(lowest) == [1])
        #expect(lowest.outputLevel == 1)
        #expect(lowest.kind == .merge)
        // A newer run with older cells: the markers would stay, and the merge come again.
        let older = file(2, times: Self.now - 5_000...Self.now)
        #expect(plan(tree(runs: [older], levels: [[marked]])) == nil)
        #expect(plan(tree(levels: [[file(1, markers: 900)]])) == nil)
    }

    @Test("with windows of time, a window that is over is merged once, the newest as runs come")
    func windows() throws {
        let window: Int64 = 60_000
        let settings = Family("f", attributes: [TimeWindow.attribute: "\(window)"])
        let start = Self.now / window * window
        let past = start - window
        let current = [file(9, times: start...start + 5), file(8, times: start...start + 1)]
        let over = [file(5, times: past...past + 9), file(4, times: past...past + 7)]
        let earlier = file(1, times: past - window...past - 1)
        let job = try #require(plan(tree(settings, runs: current + over + [earlier])))
        #expect(numbers(job) == [5, 4])
        #expect(job.outputLevel == 0)
        #expect(plan(tree(settings, runs: current + [over[0], earlier])) == nil)
        let more = [file(11, times: start...start + 8), file(10, times: start...start + 7)]
        #expect(numbers(plan(tree(settings, runs: more + current + [earlier]))) == [11, 10, 9, 8])
        #expect(planner.debtBytes(tree(settings, runs: current + over + [earlier])) == 0)
    }
}

@Suite("Compaction pacer")
struct CompactionPacerTests {
    @Test(
        "merges follow the load while little waits, and are not held back when much does or nothing comes"
    )
    func pause() {
        let pacer = CompactionPacer()
        var now: UInt64 = 100_000_000_000
        for _ in 0..<20 {
            now += 1_000_000_000
            pacer.noteFlush(20_000_000, nowNanoseconds: now)
        }
        // 20 MB a second come in: three times as much may be merged.
        var paused: UInt64 = 0
        for _ in 0..<100 {
            paused += pacer.pause(after: 1_000_000, debt: 0, nowNanoseconds: now + paused)
        }
        #expect(paused > 1_000_000_000 && paused < 2_000_000_000, "\(paused)")
        #expect(pacer.pause(after: 1 << 30, debt: 0.5, nowNanoseconds: now) == 0)
        #expect(pacer.pause(after: 1 << 30, debt: 0, nowNanoseconds: now + 3_000_000_000) == 0)
    }
}
