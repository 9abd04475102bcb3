import Foundation
import SiltBytes
import SiltFormat
import SiltModel

/// A seeded generator (SplitMix64): the same numbers on every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// The seed and length of random tests, from the environment where given.
enum TestRun {
    static let seed: UInt64 = {
        let seed = ProcessInfo.processInfo.environment["SILT_SEED"].flatMap { UInt64($0) } ?? 1
        print("SILT_SEED=\(seed)")
        return seed
    }()
    static let steps =
        ProcessInfo.processInfo.environment["SILT_STEPS"].flatMap { Int($0) } ?? 40

    /// A folder of the package, from this file's place in it.
    static func folder(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(path).path
    }
}

/// One entry of a data block, with its cell key.
struct Entry: Equatable {
    var columnKey: [UInt8]
    var timestamp: Int64
    var type: UInt8
    var flags: UInt8
    var sequence: UInt64
    var value: [UInt8]

    var cellKey: [UInt8] {
        var key = columnKey
        CellKey.appendTail(timestamp: timestamp, type: type, sequence: sequence, to: &key)
        return key
    }

    /// Entries in cell order: `shape` chooses how alike keys, time stamps and values are.
    static func random(_ count: Int, shape: Int, _ random: inout SeededRandom) -> [Entry] {
        let types: [UInt8] = [4, 4, 4, 8, 10, 12, 14]
        var entries: [Entry] = []
        for index in 0..<count {
            var row = shape & 1 == 0 ? [] : Array("sensor/north/0000".utf8)
            row += random.bytes(1 + random.below(3)).map { shape & 2 == 0 ? $0 : $0 % 3 }
            let qualifier = shape & 4 == 0 ? random.bytes(random.below(12)).map { $0 % 4 } : [113]
            let timestamp: Int64 =
                switch shape % 5 {
                case 0: 1_700_000_000_000
                case 1: 1_700_000_000_000 + Int64(random.below(200))
                case 2: 1_700_000_000_000 + Int64(random.below(60_000))
                case 3: Int64(random.below(3))
                default: Int64(bitPattern: random.next())
                }
            entries.append(
                Entry(
                    columnKey: CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier)),
                    timestamp: timestamp, type: shape & 8 == 0 ? 4 : types[random.below(7)],
                    flags: shape & 16 == 0 ? 0 : UInt8(random.below(4)),
                    sequence: shape & 32 == 0 ? UInt64(index) : random.next(),
                    value: shape & 64 == 0 ? random.bytes(8) : random.bytes(random.below(40))))
        }
        entries.sort { $0.cellKey.lexicographicallyPrecedes($1.cellKey) }
        return entries
    }
}

extension BlockBuilder {
    static func block(_ entries: [Entry]) -> [UInt8] {
        var builder = BlockBuilder()
        for entry in entries {
            builder.append(
                columnKey: entry.columnKey, timestamp: entry.timestamp, type: entry.type,
                flags: entry.flags, sequence: entry.sequence, value: entry.value)
        }
        return builder.finish()
    }
}

extension BlockView {
    func entry(_ index: Int) -> Entry {
        Entry(
            columnKey: columnKey(index), timestamp: timestamp(index), type: type(index),
            flags: flags(index), sequence: sequence(index), value: unsafe [UInt8](value(index)))
    }

    /// Reads everything that can be read, so that a wrong offset would be met.
    func readAll() -> Int {
        var sum = 0
        for index in 0..<count {
            let entry = entry(index)
            sum &+= entry.value.reduce(0) { $0 &+ Int($1) } &+ entry.columnKey.count
            sum &+= lowerBound(entry.cellKey) &+ columnKeyByteCount(index)
        }
        return sum
    }
}

/// Calls `body` with a view over a copy of `payload` that lies alone in memory, of exactly its
/// size.
func withBlock<Result>(_ payload: [UInt8], _ body: (BlockView) throws -> Result) throws -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 1)
    defer { unsafe memory.deallocate() }
    unsafe memory.copyBytes(from: payload)
    return try body(try unsafe BlockView(UnsafeRawBufferPointer(memory)))
}

/// The places at which to damage `count` bytes: all when few, else a spread.
func places(in count: Int, most: Int = 600) -> [Int] {
    count <= most ? Array(0..<count) : (0..<most).map { $0 * count / most }
}
