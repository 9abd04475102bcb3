import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Sorted view") struct SortedViewTests {
    /// Cells of one history in several runs, of which the last is a level of several files; some cells are in two runs, as
    /// after a replay, and some files count in part.
    private func makeRuns(_ random: inout TestRandom, shape: Int, store: TestTables) throws -> (
        cells: [TestCell], runs: [[TableFile]]
    ) {
        let runCount = 2 + random.below(7)
        var spread = [[TestCell]](repeating: [], count: runCount)
        var cells: [TestCell] = []
        for sequence in 1...1_500 as ClosedRange<UInt64> {
            var cell = TestCell.random(&random, shape: min(shape, 3), sequence: sequence)
            // Values of one column in rows that every run has.
            if shape >= 4 {
                cell.type = 4
                cell.flags = 0
                let row = "\u{0}row" + String(100_000 + random.below(shape == 4 ? 1_000 : 100_000))
                cell.columnKey = CellKey.columnKey(row: Bytes(row), qualifier: "q")
            }
            if cell.type == 10 || cell.type == 14 { cell.type = 12 }
            cells.append(cell)
            let run = random.below(runCount)
            spread[run].append(cell)
            if random.below(12) == 0, run + 1 < runCount { spread[run + 1].append(cell) }
        }
        var runs: [[TableFile]] = []
        for (number, own) in spread.enumerated() {
            let sorted = own.sorted { $0.key < $1.key }
            let settings = Family("f", blockBytes: [60, 700, 4_096][random.below(3)])
            guard number == runCount - 1 else {
                var file = try store.write(sorted, settings)
                if random.below(3) == 0 {
                    let ends = [sorted[sorted.count / 5], sorted[sorted.count * 4 / 5]]
                    let rows = try ends.map { try CellKey.component(of: $0.columnKey, at: 0).bytes }
                    file.clip = RowClip(start: Bytes(rows[0]), end: Bytes(rows[1]))
                }
                runs.append([file])
                continue
            }
            // A level: cells of one column stay in one file.
            var level: [TableFile] = []
            var part: [TestCell] = []
            for cell in sorted {
                if part.count >= 50, part.last?.columnKey != cell.columnKey {
                    level.append(try store.write(part, settings))
                    part = []
                }
                part.append(cell)
            }
            level.append(try store.write(part, settings))
            runs.append(level)
        }
        return (cells, runs)
    }

    private func makeRule(_ random: inout TestRandom, _ cells: [TestCell]) -> WalkRule {
        var settings = Family("f", maxVersions: 1 + random.below(2))
        if random.below(3) == 0 { settings.timeToLiveMilliseconds = 20 }
        let probe = cells[random.below(cells.count)].columnKey
        let rowCount = CellKey.rowPrefixByteCount(of: probe)
        return WalkRule(
            settings, maxVersions: 1 + random.below(3),
            timeRange: random.below(4) == 0 ? TimeRange(min: 5, max: 30) : .all,
            column: random.below(4) == 0 ? Array(probe[rowCount...]) : nil,
            upper: random.below(2) == 0
                ? rowPrefix(cells[random.below(cells.count)].columnKey) : nil,
            nowMilliseconds: 40)
    }

    private func rowPrefix(_ column: [UInt8]) -> [UInt8] {
        Array(column.prefix(CellKey.rowPrefixByteCount(of: column)))
    }

    @Test(
        "A walk by a view shows what a walk by the merge shows",
        arguments: [0, 1, 2, 3, 4, 5], 0..<4)
    func model(shape: Int, round: Int) throws {
        let seed = TestRandom.seed &+ UInt64(shape * 100 + round)
        var random = TestRandom(seed: seed)
        let store = TestTables(cacheBytes: 1 << 20)
        let (cells, runs) = try makeRuns(&random, shape: shape, store: store)
        let memtable = Memtable(capacityBytes: 4 << 20, firstLogSegment: 0)
        if round > 0 {
            // Some of the cells again, as after a replay, and a few that are newer.
            for number in 0..<(round == 1 ? 4 : 300) {
                var cell = cells[number * 4 + random.below(4)]
                if random.below(3) > 0 { cell.sequence = UInt64(2_000 + number) }
                cell.insert(into: memtable)
            }
        }
        let sources = TreeSources(
            memtables: [memtable], runs: runs.dropLast().flatMap { $0 },
            levels: [runs[runs.count - 1]])
        let view = try #require(try SortedView.make(of: runs, tables: store.tables) { false })
        #expect(store.blocks.statistics.indexBytes >= view.byteCount)
        func makeWalk(_ view: SortedView?) -> CellWalk {
            CellWalk(
                sources, tables: store.tables, sequence: .max, rule: makeRule(&random, cells),
                options: CursorOptions(), view: view)
        }
        let one = makeWalk(view)
        let other = makeWalk(nil)
        #expect(one.isViewed && !other.isViewed)
        for step in 0..<25 {
            let rule = makeRule(&random, cells)
            let sequence = [UInt64.max, 1_499, 2_500, UInt64(random.below(1_500))][random.below(4)]
            #expect(one.change(to: rule, sequence: sequence))
            #expect(other.change(to: rule, sequence: sequence))
            var start = cells[random.below(cells.count)].columnKey
            if random.below(4) > 0 { start = rowPrefix(start) }
            if step == 0 { start = [] }
            if step == 1 { start = [0xff, 0xff] }
            let hint: Comment = "seed \(seed) step \(step) start \(start) sequence \(sequence)"
            if step % 5 == 4 {
                let bound = rule.upper
                let lower: [UInt8] = random.below(2) == 0 ? [] : start
                let steps = 1 + random.below(20)
                let begin = try other.seekBack(before: bound, lower: lower, steps: steps)
                #expect(
                    try one.seekBack(before: bound, lower: lower, steps: steps) == begin, hint)
                if begin == nil { continue }
            } else {
                try one.seek(start)
                try other.seek(start)
            }
            let batches = step % 3 == 0 ? .max : 1 + random.below(3)
            let shown = try ShownCell.take(other, batches: batches)
            #expect(try ShownCell.take(one, batches: batches) == shown, hint)
        }
    }

    @Test("Each seek finds the first cell at or after its key, whole cell keys too")
    func seeks() throws {
        var random = TestRandom(seed: TestRandom.seed &+ 77)
        for shape in 0..<6 {
            let store = TestTables(cacheBytes: 1 << 20)
            let (cells, runs) = try makeRuns(&random, shape: shape, store: store)
            let view = try #require(try SortedView.make(of: runs, tables: store.tables) { false })
            func makeCore(_ view: SortedView?) -> MergeCore {
                unsafe MergeCore([], runCount: runs.count, sequence: .max, view: view) {
                    unsafe TableRunCursor(
                        runs[$0], tables: store.tables, options: RunOptions(), base: $1)
                }
            }
            var one = makeCore(view)
            var other = makeCore(nil)
            for _ in 0..<200 {
                var key = cells[random.below(cells.count)].key.array
                switch random.below(4) {
                case 0: key.removeLast(random.below(key.count))
                case 1: key.append(UInt8(random.below(256)))
                case 2: key[random.below(key.count)] = UInt8(random.below(256))
                default: break
                }
                try unsafe key.withUnsafeBytes { try unsafe one.seek($0) }
                try unsafe key.withUnsafeBytes { try unsafe other.seek($0) }
                for _ in 0..<5 {
                    let found = try cell(of: one)
                    let wanted = try cell(of: other)
                    #expect(found == wanted, "shape \(shape) key \(key)")
                    try one.next()
                    try other.next()
                }
            }
        }
    }

    private func cell(of core: borrowing MergeCore) throws -> TestCell? {
        let cell = core.cell
        guard cell.isValid else { return nil }
        return unsafe TestCell(
            columnKey: Array(UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount)),
            timestamp: cell.timestamp, type: cell.type, flags: cell.flags, sequence: cell.sequence,
            value: Array(core.value))
    }

    @Test(
        "No view is made of one run, beyond its share of the cache, or when it is not wanted any more"
    )
    func refused() throws {
        var random = TestRandom(seed: TestRandom.seed &+ 78)
        let store = TestTables(cacheBytes: 16_000)
        let (_, runs) = try makeRuns(&random, shape: 5, store: store)
        #expect(try SortedView.make(of: runs, tables: store.tables) { false } == nil)
        let roomy = TestTables()
        let (_, more) = try makeRuns(&random, shape: 5, store: roomy)
        #expect(try SortedView.make(of: [more[0]], tables: roomy.tables) { false } == nil)
        #expect(try SortedView.make(of: more, tables: roomy.tables) { true } == nil)
        // From here on the files are open.
        _ = try SortedView.make(of: more, tables: roomy.tables) { false }
        let before = roomy.blocks.statistics.indexBytes
        do {
            let view = try #require(try SortedView.make(of: more, tables: roomy.tables) { false })
            #expect(roomy.blocks.statistics.indexBytes == before + view.byteCount)
        }
        #expect(roomy.blocks.statistics.indexBytes == before)
    }

    @Test(
        "Seeks pay for a view, which a worker makes; walks go on by it, and it goes with its version"
    )
    func life() throws {
        let fixture = try EngineFixture(groupCount: 1)
        func write(_ range: Range<Int>, _ value: String) throws {
            for number in range { try fixture.put("row\(1_000 + number)", "\(value)\(number)") }
        }
        for part in 0..<4 {
            for number in stride(from: part, to: 400, by: 4) {
                try fixture.put("row\(1_000 + number)", "first\(number)")
            }
            try fixture.groups[0].flush()
        }
        let group = fixture.groups[0]
        let rule = WalkRule(
            Family("a", maxVersions: 1), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
            nowMilliseconds: 9)
        func scan() throws -> (rows: [ShownCell], isViewed: Bool) {
            let snapshot = try group.snapshot()
            let walk = try #require(try snapshot.walk(family: 0, rule, CursorOptions()))
            try walk.seek([])
            let rows = try ShownCell.take(walk)
            snapshot.giveBack(walk, family: 0)
            return (rows, walk.isViewed)
        }
        let before = try scan()
        #expect(before.rows.count == 400 && !before.isViewed)
        weak let version = group.set.tree(0)
        let price = try #require(version?.viewPlace.price)
        for _ in 1..<(price - 1) { _ = try scan() }
        fixture.workers.drain()
        #expect(version?.viewPlace.isFilled == false)
        _ = try scan()
        fixture.workers.drain()
        #expect(version?.viewPlace.isFilled == true)
        weak let view = version?.viewPlace.view
        #expect(view != nil)
        let after = try scan()
        #expect(after.isViewed && after.rows == before.rows)
        // What is written then is in the memtable beside it.
        try write(100..<110, "second")
        let mixed = try scan()
        #expect(mixed.isViewed)
        #expect(mixed.rows.map(\.row) == before.rows.map(\.row))
        #expect(mixed.rows[105].value == Array("second105".utf8))
        // A walk that began before a flush and a merge goes on.
        do {
            let snapshot = try group.snapshot()
            let walk = try #require(try snapshot.walk(family: 0, rule, CursorOptions()))
            try walk.seek([])
            var rows = try ShownCell.take(walk, batches: 2)
            try write(200..<210, "third")
            try group.flush()
            try group.compact()
            fixture.workers.drain()
            rows += try ShownCell.take(walk)
            #expect(walk.isViewed && rows == mixed.rows)
        }
        fixture.engine.readEpoch.reclaim(attempts: 10)
        #expect(view == nil)
        let last = try scan()
        #expect(!last.isViewed && last.rows.count == 400)
        #expect(last.rows[205].value == Array("third205".utf8))
        try fixture.engine.close()
    }

    @Test(
        "A view that did not pay before other runs came makes the next one dearer, one that did cheaper"
    )
    func prices() throws {
        var random = TestRandom(seed: TestRandom.seed &+ 79)
        let store = TestTables()
        let (_, runs) = try makeRuns(&random, shape: 5, store: store)
        let view = try #require(try SortedView.make(of: runs, tables: store.tables) { false })
        var file = runs[0][0]
        file.entryCount = 4_000_000
        let sources = TreeSources(memtables: [], runs: [file, file, file], levels: [])
        var place = SortedViewPlace(sources)
        let first = place.price
        #expect(first > 1_000)
        // One that was never made says nothing.
        #expect(SortedViewPlace(sources, after: place).price == first)
        for _ in 0..<10 {
            place.fill(view)
            place = SortedViewPlace(sources, after: place)
        }
        // Eight times the cost, of which the first paid an eighth.
        #expect(place.price == first * 64)
        for _ in 0..<10 {
            for number in 1...place.price { #expect(place.countSeek() == (number == place.price)) }
            place.fill(view)
            for _ in 0..<(first * 8) { #expect(!place.countSeek()) }
            place = SortedViewPlace(sources, after: place)
        }
        #expect(place.price == first)
    }

    @Test("Versions with the same runs share the view, whatever their memtables")
    func sharing() throws {
        let fixture = try EngineFixture(groupCount: 1)
        let group = fixture.groups[0]
        for number in 0..<2 {
            try fixture.put("row\(number)", "value")
            try group.flush()
        }
        let tree = try #require(group.set.tree(0))
        let frozen = tree.freezing(
            lastSequence: 9, next: MemtableSlot(capacityBytes: 1 << 16), originsLeft: [])
        #expect(frozen.viewPlace === tree.viewPlace)
        let dropped = frozen.flushing(frozen.frozen, into: [], sequence: 9)
        #expect(dropped.viewPlace === tree.viewPlace)
        #expect(tree.with(options: tree.options).viewPlace === tree.viewPlace)
        let flushed = frozen.flushing(frozen.frozen, into: [tree.runs[0]], sequence: 9)
        #expect(flushed.viewPlace !== tree.viewPlace)
        try fixture.engine.close()
    }

    @Test(
        "Blocks read for their keys alone are read again for their values, and are checked like others"
    )
    func keysAlone() throws {
        var random = TestRandom(seed: TestRandom.seed &+ 80)
        for compression in [Compression.none, .lz4, .zstd(level: 3)] {
            let store = TestTables()
            var cells = (1...600 as ClosedRange<UInt64>).map {
                TestCell.random(&random, shape: 1, sequence: $0)
            }
            cells.sort { $0.key < $1.key }
            let file = try store.write(
                cells, Family("f", blockBytes: 2_000, compression: compression))
            let reader = try store.tables.reader(file)
            var options = RunOptions()
            options.readsValues = false
            var place = 0
            for number in 0..<reader.blockCount {
                let keys = try reader.block(number, options)
                #expect(!reader.slot(number).isFilled)
                let whole = try reader.block(number, RunOptions())
                #expect(reader.slot(number).isFilled)
                #expect(keys.view.count == whole.view.count)
                for entry in 0..<keys.view.count {
                    #expect(Bytes(keys.view.cellKey(entry)) == cells[place].key)
                    #expect(unsafe Array(whole.view.value(entry)) == cells[place].value)
                    place += 1
                }
            }
            #expect(place == cells.count)
            // A bit anywhere in a block is wrong: it is refused, though no value is asked for.
            let last = reader.index.entry(reader.blockCount - 1)
            let end = Int(last.offset) + last.storedByteCount
            try store.disk.flipBit(
                of: .object(file.key), offset: random.below(end), bit: random.below(8))
            let fresh = TableCache(
                objects: store.disk.objects, blocks: BlockCache(capacityBytes: 1 << 20),
                openFilesMax: 10)
            let other = try fresh.reader(file)
            #expect(throws: SiltstoneError.self) {
                for number in 0..<other.blockCount { _ = try other.block(number, options) }
            }
        }
    }
}
