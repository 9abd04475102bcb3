import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Cell walk") struct CellWalkTests {
    /// Cells of one history without family markers, spread over memtables, runs and levels.
    private func makeSources(
        _ random: inout TestRandom, shape: Int, count: Int, store: TestTables
    ) throws -> (cells: [TestCell], sources: TreeSources) {
        var cells: [TestCell] = []
        for sequence in 1...UInt64(count) {
            var cell = TestCell.random(&random, shape: shape == 4 ? 3 : shape, sequence: sequence)
            // Shape 4: values only, over and over, in many rows.
            if shape == 4 {
                cell.type = 4
                cell.columnKey = CellKey.columnKey(
                    row: Bytes("\u{0}\u{1}row" + String(random.below(count / 2))), qualifier: "q")
            }
            if cell.type == 10 || cell.type == 14 { cell.type = 12 }
            cells.append(cell)
        }
        func isOrdered(_ left: TestCell, _ right: TestCell) -> Bool { left.key < right.key }
        func file(_ range: Range<Int>) throws -> TableFile {
            try store.write(cells[range].sorted(by: isOrdered), Family("f", blockBytes: 700))
        }
        let quarter = count / 4
        let level = try file(0..<(2 * quarter))
        let runs = [
            try file((2 * quarter + quarter / 2)..<(3 * quarter)),
            try file((2 * quarter)..<(2 * quarter + quarter / 2)),
        ]
        let memtable = Memtable(capacityBytes: 4 << 20, firstLogSegment: 0)
        for cell in cells[(3 * quarter)...] { cell.insert(into: memtable) }
        let empty = Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
        return (
            cells.sorted(by: isOrdered),
            TreeSources(memtables: [empty, memtable], runs: runs, levels: [[level]])
        )
    }

    /// What a walk must show, cell by cell.
    private func expected(_ cells: [TestCell], _ rule: WalkRule, from start: [UInt8]) throws
        -> [ShownCell]
    {
        var shown: [ShownCell] = []
        var column: [UInt8] = []
        var row: [UInt8] = []
        var deletes = DeleteTracker()
        var versions = VersionTracker(
            rule.settings, maxVersions: rule.terms.maxVersions,
            nowMilliseconds: rule.nowMilliseconds)
        var count = 0
        for cell in cells where !cell.columnKey.lexicographicallyPrecedes(start) {
            let prefix = Array(
                cell.columnKey.prefix(CellKey.rowPrefixByteCount(of: cell.columnKey)))
            if let upper = rule.upper, !prefix.lexicographicallyPrecedes(upper) { break }
            if prefix != row { deletes.startRow() }
            row = prefix
            if cell.columnKey != column {
                column = cell.columnKey
                deletes.startColumn()
                versions.startColumn()
                count = 0
            }
            let end = Array(cell.columnKey[prefix.count...])
            if let wanted = rule.column, wanted != end { continue }
            if cell.type != 4 {
                guard let type = CellType(rawValue: cell.type) else { continue }
                if rule.settings.keepDeletedCells == .no
                    || rule.timeRange.contains(cell.timestamp)
                {
                    deletes.add(
                        type, timestamp: cell.timestamp, flags: cell.flags, sequence: cell.sequence)
                }
                continue
            }
            if versions.isDuplicate(timestamp: cell.timestamp) { continue }
            if deletes.masks(
                timestamp: cell.timestamp, flags: cell.flags, sequence: cell.sequence)
            {
                continue
            }
            let isExpired = unsafe cell.value.withUnsafeBytes {
                unsafe versions.isExpired(
                    timestamp: cell.timestamp, flags: cell.flags, value: $0)
            }
            if isExpired || !rule.timeRange.contains(cell.timestamp) { continue }
            guard versions.admit(timestamp: cell.timestamp) == .include,
                count < rule.versionCountMax
            else { continue }
            count += 1
            let name = try CellKey.component(of: prefix, at: 0).bytes
            let hasLife = cell.flags & CellFlags.hasTimeToLive != 0 && cell.value.count >= 8
            shown.append(
                ShownCell(
                    row: name, end: end, timestamp: cell.timestamp,
                    value: hasLife ? Array(cell.value.dropFirst(8)) : cell.value,
                    startsRow: shown.last?.row != name))
        }
        return shown
    }

    private func collect(_ walk: CellWalk, from start: [UInt8]) throws -> [ShownCell] {
        try walk.seek(start)
        return try ShownCell.take(walk)
    }

    private func makeRules(_ random: inout TestRandom, _ cells: [TestCell]) -> [WalkRule] {
        var rules: [WalkRule] = []
        for index in 0..<8 {
            var settings = Family("f", maxVersions: index % 2 == 0 ? 1 : 3)
            if index % 3 == 1 { settings.timeToLiveMilliseconds = 20 }
            if index == 4 { settings.minVersions = 1 }
            if index == 5 { settings.keepDeletedCells = .yes }
            let probe = cells[random.below(cells.count)].columnKey
            let prefix = CellKey.rowPrefixByteCount(of: probe)
            rules.append(
                WalkRule(
                    settings, maxVersions: 1 + random.below(3),
                    timeRange: index % 4 == 3 ? TimeRange(min: 5, max: 30) : .all,
                    column: index > 5 ? Array(probe[prefix...]) : nil,
                    upper: index % 2 == 1
                        ? Array(cells[random.below(cells.count)].columnKey.prefix(prefix)) : nil,
                    nowMilliseconds: 40))
        }
        return rules
    }

    @Test("A walk shows what evaluating cell by cell shows", arguments: [0, 1, 2, 3, 4])
    func model(shape: Int) throws {
        var random = TestRandom(seed: TestRandom.seed &+ UInt64(shape))
        let store = TestTables(cacheBytes: 100_000)
        let (cells, sources) = try makeSources(&random, shape: shape, count: 1_600, store: store)
        let rules = makeRules(&random, cells)
        let kept = CellWalk(
            sources, tables: store.tables, sequence: 1_600, rule: rules[0],
            options: CursorOptions())
        for rule in rules {
            for sequence in [UInt64.max, 1_300, 700] {
                let visible = cells.filter { $0.sequence <= sequence }
                let walk = CellWalk(
                    sources, tables: store.tables, sequence: 1_600, rule: rule,
                    options: CursorOptions())
                #expect(walk.change(to: rule, sequence: sequence))
                #expect(try collect(walk, from: []) == expected(visible, rule, from: []))
                let probe = cells[random.below(cells.count)].columnKey
                let start = Array(probe.prefix(CellKey.rowPrefixByteCount(of: probe)))
                let wanted = try expected(visible, rule, from: start)
                #expect(try collect(walk, from: start) == wanted)
                // One that showed something else before.
                #expect(kept.change(to: rule, sequence: sequence))
                #expect(try collect(kept, from: start) == wanted)
                kept.rest()
            }
        }
    }

    @Test("A walk over one file of one column takes whole blocks")
    func stretches() throws {
        let store = TestTables()
        let cells = (0..<3_000).map { (number: Int) -> TestCell in
            let high = UInt8(number >> 8)
            let low = UInt8(number & 0xff)
            let row: [UInt8] = [0, 0, 1, high, low, 0x30]
            return TestCell(
                row: Bytes(row), qualifier: "q", timestamp: 5, type: 4,
                sequence: UInt64(number + 1), value: [low])
        }
        let sources = TreeSources(memtables: [], runs: [try store.write(cells)], levels: [])
        let rule = WalkRule(
            Family("f"), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
            nowMilliseconds: 9)
        let walk = CellWalk(
            sources, tables: store.tables, sequence: .max, rule: rule, options: CursorOptions())
        #expect(try collect(walk, from: []) == expected(cells, rule, from: []))
        #expect(walk.change(to: rule, sequence: 1_000))
        #expect(try collect(walk, from: []).count == 1_000)
    }

    @Test("A damaged block ends a walk after the cells before it")
    func damage() throws {
        let store = TestTables()
        let cells = (0..<300).map { (number: Int) -> TestCell in
            TestCell(
                row: Bytes(String(1_000 + number)), qualifier: "q", timestamp: 5, type: 4,
                sequence: UInt64(number + 1), value: [UInt8](repeating: 7, count: 100))
        }
        let file = try store.write(cells, Family("f", blockBytes: 2_048, compression: .none))
        let rule = WalkRule(
            Family("f"), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
            nowMilliseconds: 9)
        try store.disk.flipBit(of: .object(file.key), offset: 20_000, bit: 3)
        let walk = CellWalk(
            TreeSources(memtables: [], runs: [file], levels: []), tables: store.tables,
            sequence: .max, rule: rule, options: CursorOptions())
        try walk.seek([])
        var count = 0
        #expect(throws: SiltstoneError.self) {
            while true {
                let more = try walk.fill()
                if more == 0 { break }
                count += more
            }
        }
        #expect(count > 20 && count < 300)
    }

    @Test("What is deleted is passed over at once, until something is written there")
    func gaps() throws {
        let store = TestTables()
        func cell(_ number: Int, _ type: UInt8, _ sequence: Int) -> TestCell {
            TestCell(
                row: Bytes(String(100_000 + number)), qualifier: "q", timestamp: 5, type: type,
                sequence: UInt64(sequence), value: type == 4 ? [1] : [])
        }
        let count = 5_000
        let table = try store.write((0...count).map { cell($0, 4, 1) })
        let markers = Memtable(capacityBytes: 8 << 20, firstLogSegment: 0)
        for number in 10..<count { cell(number, 12, 2).insert(into: markers) }
        for other in [false, true] {
            // What is written later goes to the memtable of the markers, or to one of its own.
            let active = Memtable(capacityBytes: 8 << 20, firstLogSegment: 0)
            let target = other ? active : markers
            let gaps = DeletedGaps(active: target)
            let sources = TreeSources(
                memtables: other ? [active, markers] : [markers], runs: [table], levels: [])
            let rule = WalkRule(
                Family("f"), maxVersions: 1, timeRange: .all, column: nil, upper: nil,
                nowMilliseconds: 9)
            func rows(_ sequence: UInt64) throws -> [String] {
                let walk = CellWalk(
                    sources, tables: store.tables, sequence: sequence, rule: rule,
                    options: CursorOptions(), gaps: gaps)
                return try collect(walk, from: []).map { String(decoding: $0.row, as: UTF8.self) }
            }
            let left = (0..<10).map { String(100_000 + $0) } + [String(100_000 + count)]
            #expect(try rows(2) == left)
            let inside = CellKey.columnKey(row: Bytes(String(100_000 + 700)), qualifier: "q")
            let gap = unsafe inside.withUnsafeBytes {
                unsafe gaps.find($0, column: nil, sequence: 2, nowMilliseconds: 9)
            }
            #expect(gap?.start == CellKey.columnKey(row: "100010", qualifier: "q"))
            #expect(try rows(2) == left)
            // An older snapshot shows everything.
            #expect(try rows(1).count == count + 1)
            let sequence = other ? 3 : 4
            cell(2_000, 4, sequence).insert(into: target)
            #expect(try rows(2) == left)
            var more = left
            more.insert(String(102_000), at: 10)
            // The put at the marker's time stamp is masked by it; one later is not.
            #expect(try rows(UInt64(sequence)) == left)
            var later = cell(2_000, 4, sequence + 1)
            later.timestamp = 6
            later.insert(into: target)
            #expect(try rows(UInt64(sequence + 1)) == more)
            if !other {
                // Undo for the second round: delete it again.
                var marker = cell(2_000, 12, sequence + 2)
                marker.timestamp = 6
                marker.insert(into: target)
                #expect(try rows(UInt64(sequence + 2)) == left)
            }
        }
    }

    @Test("What is deleted of one column is passed over by walks of that column only")
    func columnGaps() throws {
        let store = TestTables()
        var cells: [TestCell] = []
        let count = 3_000
        for number in 0...count {
            let row = Bytes(String(100_000 + number))
            for qualifier in ["a", "q", "z"] {
                cells.append(
                    TestCell(
                        row: row, qualifier: Bytes(qualifier), timestamp: 5, type: 4, sequence: 1,
                        value: [1]))
            }
        }
        let table = try store.write(cells)
        let markers = Memtable(capacityBytes: 8 << 20, firstLogSegment: 0)
        for number in 10..<count {
            TestCell(
                row: Bytes(String(100_000 + number)), qualifier: "q", timestamp: 5, type: 12,
                sequence: 2, value: []
            ).insert(into: markers)
        }
        let gaps = DeletedGaps(active: markers)
        let sources = TreeSources(memtables: [markers], runs: [table], levels: [])
        func rows(_ qualifier: String?) throws -> Int {
            let column = qualifier.map { name in
                var end: [UInt8] = []
                CellKey.append(component: Array(name.utf8), to: &end)
                return end
            }
            let rule = WalkRule(
                Family("f"), maxVersions: 1, timeRange: .all, column: column, upper: nil,
                nowMilliseconds: 9)
            let walk = CellWalk(
                sources, tables: store.tables, sequence: 2, rule: rule, options: CursorOptions(),
                gaps: gaps)
            return try collect(walk, from: []).count
        }
        func gap(_ qualifier: String?) -> DeletedGap? {
            let inside = CellKey.columnKey(row: Bytes(String(101_000)), qualifier: "q")
            return unsafe inside.withUnsafeBytes {
                unsafe gaps.find(
                    $0, column: qualifier.map { Array($0.utf8) + [0] }, sequence: 2,
                    nowMilliseconds: 9)
            }
        }
        for _ in 0..<2 {
            #expect(try rows("q") == 11)
            #expect(gap("q") != nil)
            #expect(gap("a") == nil)
            #expect(gap(nil) == nil)
            #expect(try rows("a") == count + 1)
            #expect(try rows("z") == count + 1)
            #expect(try rows(nil) == 2 * (count + 1) + 11)
        }
    }
}

extension WalkRule {
    /// A rule with terms of its own.
    init(
        _ settings: Family, maxVersions: Int, timeRange: TimeRange, column: [UInt8]?,
        upper: [UInt8]?, nowMilliseconds: Int64
    ) {
        self.init(
            WalkTerms(settings, maxVersions: maxVersions, timeRange: timeRange, column: column),
            upper: upper, nowMilliseconds: nowMilliseconds)
    }
}
