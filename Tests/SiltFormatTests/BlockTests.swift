import SiltBytes
import SiltFormat
import SiltModel
import Testing

@Suite("Data blocks")
struct BlockTests {
    static let shapes = Array(0..<128)

    @Test("Every entry reads back as it was written", arguments: shapes)
    func roundTrip(shape: Int) throws {
        var random = SeededRandom(seed: TestRun.seed &+ UInt64(shape))
        let entries = Entry.random(1 + random.below(120), shape: shape, &random)
        try withBlock(BlockBuilder.block(entries)) { view in
            #expect(view.count == entries.count)
            for index in 0..<view.count {
                #expect(view.entry(index) == entries[index])
                #expect(view.cellKey(index) == entries[index].cellKey)
            }
            #expect(view.isInOrder)
        }
    }

    @Test("A search finds what a linear search by encoded cell key finds", arguments: shapes)
    func lowerBound(shape: Int) throws {
        var random = SeededRandom(seed: TestRun.seed &+ 1000 &+ UInt64(shape))
        let entries = Entry.random(1 + random.below(60), shape: shape, &random)
        let others = Entry.random(40, shape: shape, &random)
        let keys = entries.map(\.cellKey)
        var targets = keys + others.map(\.cellKey) + [[], [0], [0xff], [1, 1]]
        for key in keys.prefix(20) + others.map(\.cellKey).prefix(20) {
            targets.append(Array(key.prefix(random.below(key.count + 1))))
            targets.append(key + [0])
            targets.append(key + random.bytes(3))
            targets.append(random.bytes(random.below(12)).map { $0 % 5 })
        }
        try withBlock(BlockBuilder.block(entries)) { view in
            for target in targets {
                let wanted =
                    keys.firstIndex { !$0.lexicographicallyPrecedes(target) } ?? keys.count
                #expect(view.lowerBound(target) == wanted, "\(Hex.encode(target))")
                unsafe target.withUnsafeBytes { buffer in
                    let bound = unsafe CellKeyBound(buffer)
                    for index in keys.indices {
                        let order = view.compare(index, bound)
                        if keys[index] == target {
                            #expect(order == 0)
                        } else {
                            #expect((order < 0) == keys[index].lexicographicallyPrecedes(target))
                            #expect(order != 0)
                        }
                    }
                }
            }
            for entry in others {
                let wanted =
                    keys.firstIndex { !$0.lexicographicallyPrecedes(entry.cellKey) } ?? keys.count
                let found = unsafe entry.columnKey.withUnsafeBytes { key in
                    unsafe view.lowerBound(
                        columnKey: key, timestamp: entry.timestamp, type: entry.type,
                        sequence: entry.sequence)
                }
                #expect(found == wanted)
            }
        }
    }

    @Test("Comparing by parts agrees with comparing encoded keys, for all small keys")
    func exhaustiveOrder() throws {
        let components: [[UInt8]] = [
            [], [0], [1], [2], [0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [0xff], [0xff, 0],
        ]
        var entries: [Entry] = []
        for row in components.dropFirst() {
            for qualifier in components {
                for (timestamp, type) in [
                    (Int64.min, UInt8(4)), (-1, 14), (0, 4), (0, 8), (Int64.max, 4),
                ] {
                    entries.append(
                        Entry(
                            columnKey: CellKey.columnKey(
                                row: Bytes(row), qualifier: Bytes(qualifier)),
                            timestamp: timestamp, type: type, flags: 0, sequence: 7, value: []))
                }
            }
        }
        entries.sort { $0.cellKey.lexicographicallyPrecedes($1.cellKey) }
        try withBlock(BlockBuilder.block(entries)) { view in
            for (index, entry) in entries.enumerated() {
                #expect(view.lowerBound(entry.cellKey) == index)
                #expect(view.lowerBound(entry.cellKey + [0]) == index + 1)
            }
        }
        for (left, right) in zip(entries, entries.dropFirst()) {
            let a = (left.columnKey, -Double(left.timestamp), -Int(left.type))
            let b = (right.columnKey, -Double(right.timestamp), -Int(right.type))
            #expect(
                a.0.lexicographicallyPrecedes(b.0) || a.0 == b.0 && (a.1, a.2) < (b.1, b.2))
        }
    }

    @Test("Versions of one column cost two bytes and their own columns each")
    func versionsAreCheap() throws {
        let key = CellKey.columnKey(row: "a rather long row key that repeats", qualifier: "q")
        let entries = (0..<1000).map { index in
            Entry(
                columnKey: key, timestamp: 5000 - Int64(index), type: 4, flags: 0,
                sequence: UInt64(2000 - index), value: [1, 2, 3, 4, 5, 6, 7, 8])
        }
        let payload = BlockBuilder.block(entries)
        #expect(payload.count < 1000 * (8 + 2 + 2 + 2) + 200)
        try withBlock(payload) { view in
            #expect(view.lowerBound(entries[700].cellKey) == 700)
            #expect(view.entry(999) == entries[999])
        }
    }

    @Test("Values beyond 64 KiB and keys of the greatest length are kept")
    func largeEntries() throws {
        var random = SeededRandom(seed: TestRun.seed)
        let row = Bytes([UInt8](repeating: 0, count: Limits.rowBytesMax))
        let entries = [
            Entry(
                columnKey: CellKey.columnKey(row: row, qualifier: Bytes(random.bytes(65_535))),
                timestamp: 1, type: 4, flags: 0, sequence: 1, value: random.bytes(100_000)),
            Entry(
                columnKey: CellKey.columnKey(row: "b", qualifier: ""), timestamp: 1, type: 4,
                flags: 1, sequence: 1, value: random.bytes(70_000)),
            Entry(
                columnKey: CellKey.columnKey(row: "b", qualifier: "x"), timestamp: 1, type: 4,
                flags: 0, sequence: 1, value: []),
        ]
        try withBlock(BlockBuilder.block(entries)) { view in
            for index in 0..<3 { #expect(view.entry(index) == entries[index]) }
        }
    }

    @Test("The builder counts, estimates and forgets")
    func builder() {
        var random = SeededRandom(seed: TestRun.seed)
        let entries = Entry.random(200, shape: 9 | 64, &random)
        var builder = BlockBuilder()
        for entry in entries {
            builder.append(
                columnKey: entry.columnKey, timestamp: entry.timestamp, type: entry.type,
                flags: entry.flags, sequence: entry.sequence, value: entry.value)
        }
        #expect(builder.count == 200)
        #expect(builder.markerCount == entries.filter { $0.type != 4 }.count)
        #expect(builder.firstCellKey == entries[0].cellKey)
        #expect(builder.lastCellKey == entries[199].cellKey)
        let estimate = builder.estimatedByteCount
        let first = builder.finish()
        #expect(abs(first.count - estimate) < first.count / 5)
        let (isEmpty, markerCount) = (builder.isEmpty, builder.markerCount)
        #expect(isEmpty && markerCount == 0)
        for entry in entries {
            builder.append(
                columnKey: entry.columnKey, timestamp: entry.timestamp, type: entry.type,
                flags: entry.flags, sequence: entry.sequence, value: entry.value)
        }
        #expect(builder.finish() == first)
    }

    @Test("A changed byte, before any checksum, gives an error or a block that reads safely")
    func damage() throws {
        var random = SeededRandom(seed: TestRun.seed)
        for shape in [0, 9, 29, 127] {
            let payload = BlockBuilder.block(Entry.random(24, shape: shape, &random))
            for place in payload.indices {
                for change in [UInt8(1), 0x80, 0xff] {
                    var copy = payload
                    copy[place] ^= change
                    _ = try? withBlock(copy) { $0.readAll() }
                }
            }
            for length in 0..<payload.count {
                #expect(throws: DecodingError.self) {
                    try withBlock(Array(payload[..<length])) { $0.readAll() }
                }
            }
            #expect(throws: DecodingError.self) { try withBlock(payload + [0]) { $0.readAll() } }
        }
    }

    @Test("Random bytes never trap")
    func garbage() throws {
        var random = SeededRandom(seed: TestRun.seed)
        for _ in 0..<(TestRun.steps * 50) {
            var bytes = random.bytes(random.below(300))
            if bytes.count > 12, random.below(2) == 0 {
                bytes.replaceSubrange(0..<6, with: [1, 1, 2, 0, 0, 0])
            }
            _ = try? withBlock(bytes) { $0.readAll() }
        }
    }
}
