import Foundation
import SiltBytes
import SiltFormat

@testable import SiltLSM

/// A repeatable source of random numbers.
struct TestRandom {
    private var state: UInt64

    /// The seed of `SILT_SEED`, or a fixed one.
    static let seed = UInt64(ProcessInfo.processInfo.environment["SILT_SEED"] ?? "") ?? 20_261

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d >> 8
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// A cell as a test sees it: plain data that compares.
struct TestCell: Equatable {
    var columnKey: [UInt8]
    var timestamp: Int64
    var type: UInt8
    var flags: UInt8 = 0
    var sequence: UInt64
    var value: [UInt8]

    init(
        row: Bytes, qualifier: Bytes, timestamp: Int64, type: UInt8, sequence: UInt64,
        value: [UInt8]
    ) {
        columnKey = CellKey.columnKey(row: row, qualifier: qualifier)
        self.timestamp = timestamp
        self.type = type
        self.sequence = sequence
        self.value = value
    }

    init(
        columnKey: [UInt8], timestamp: Int64, type: UInt8, flags: UInt8, sequence: UInt64,
        value: [UInt8]
    ) {
        self.columnKey = columnKey
        self.timestamp = timestamp
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.value = value
    }

    /// The whole cell key.
    var key: Bytes {
        var key = columnKey
        CellKey.appendTail(timestamp: timestamp, type: type, sequence: sequence, to: &key)
        return Bytes(key)
    }

    /// The shapes: 0 short random keys with zeros and ones, 1 long shared prefixes, 2 few columns
    /// with many versions, 3 ascending rows.
    static func random(_ random: inout TestRandom, shape: Int, sequence: UInt64) -> TestCell {
        let row: Bytes
        var qualifier: Bytes = "q"
        switch shape {
        case 0:
            row = Bytes((0...random.below(4)).map { _ in UInt8(random.below(4)) })
            qualifier = Bytes((0..<random.below(4)).map { _ in UInt8(random.below(3)) })
        case 1:
            row = Bytes("tenant/0001/device/00000000/" + String(random.below(5_000)))
            qualifier = Bytes("column-with-a-long-name-" + String(random.below(3)))
        case 2:
            row = Bytes(String(random.below(5)))
            qualifier = random.below(3) == 0 ? "" : "x"
        default:
            row = Bytes("row" + String(10_000_000 + sequence))
        }
        let type: UInt8 = random.below(4) > 0 ? 4 : [8, 10, 12, 14][random.below(4)]
        if type == 10 || type == 14 { qualifier = "" }
        var cell = TestCell(
            row: row, qualifier: qualifier, timestamp: Int64(random.below(50)) - 5, type: type,
            sequence: sequence,
            value: type == 4 ? random.bytes(random.below(40)) : [])
        cell.flags = UInt8(random.below(4))
        return cell
    }

    func insert(into memtable: Memtable) {
        unsafe columnKey.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                _ = unsafe memtable.insert(
                    columnKey: key, timestamp: timestamp, type: type, flags: flags,
                    sequence: sequence, value: value)
            }
        }
    }

    /// The cell of a whole cell key.
    init(key: [UInt8], flags: UInt8, value: [UInt8]) {
        let tail = key.suffix(CellKey.tailByteCount)
        columnKey = Array(key.dropLast(CellKey.tailByteCount))
        let time = tail.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        timestamp = Int64(bitPattern: ~time ^ 1 << 63)
        type = ~tail[tail.startIndex + 8]
        sequence = ~tail.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.flags = flags
        self.value = value
    }

    static func current(_ cursor: borrowing MemtableCursor) -> TestCell? {
        guard cursor.isValid else { return nil }
        return unsafe TestCell(
            key: Array(cursor.key), flags: cursor.flags, value: Array(cursor.value))
    }

    static func collect(_ cursor: inout MemtableCursor, from key: [UInt8], limit: Int = .max)
        -> [TestCell]
    {
        var cells: [TestCell] = []
        unsafe key.withUnsafeBytes { unsafe cursor.seek($0) }
        while cells.count < limit, let cell = current(cursor) {
            cells.append(cell)
            cursor.advance()
        }
        return cells
    }
}

extension Array {
    /// The first index at which a monotonic predicate holds.
    func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
