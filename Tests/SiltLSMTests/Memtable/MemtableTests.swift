import Foundation
import SiltBytes
import SiltFormat
import SiltModel
import Synchronization
import Testing

@testable import SiltLSM

@Suite("Memtable") struct MemtableTests {
    @Test("Cells come back in key order, from any seek", arguments: [0, 1, 2, 3])
    func orderedLikeModel(shape: Int) {
        var random = TestRandom(seed: TestRandom.seed &+ UInt64(shape))
        let memtable = Memtable(capacityBytes: 64 << 20, firstLogSegment: 7)
        var model: [TestCell] = []
        for sequence in 1...UInt64(4_000) {
            let cell = TestCell.random(&random, shape: shape, sequence: sequence)
            cell.insert(into: memtable)
            model.append(cell)
        }
        model.sort { $0.key < $1.key }
        var cursor = MemtableCursor(memtable)
        #expect(TestCell.collect(&cursor, from: []) == model)
        for _ in 0..<200 {
            let probe = TestCell.random(&random, shape: shape, sequence: random.next() % 7_000)
            let key = random.next() & 1 == 0 ? probe.key.array : probe.columnKey
            let expected = model.partitioningIndex { $0.key >= Bytes(key) }
            #expect(
                TestCell.collect(&cursor, from: key, limit: 70)
                    == Array(model[expected...].prefix(70)))
            unsafe key.withUnsafeBytes { unsafe cursor.seekLast(before: $0) }
            #expect(TestCell.current(cursor) == (expected == 0 ? nil : model[expected - 1]))
        }
        unsafe cursor.seekLast(before: nil)
        #expect(TestCell.current(cursor) == model.last)
        #expect(memtable.cellCount == 4_000)
        #expect(memtable.maxSequence == 4_000)
        #expect(memtable.firstLogSegment == 7)
        #expect(memtable.minTimestamp == model.map(\.timestamp).min())
        #expect(memtable.maxTimestamp == model.map(\.timestamp).max())
        #expect(memtable.markerCount == model.filter { $0.type != 4 }.count)
        #expect(memtable.familyMarkerCount == model.filter { $0.type == 14 || $0.type == 10 }.count)
    }

    @Test("An empty memtable has no first and no last cell")
    func empty() {
        let memtable = Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
        var cursor = MemtableCursor(memtable)
        #expect(TestCell.collect(&cursor, from: []) == [])
        unsafe cursor.seekLast(before: nil)
        #expect(TestCell.current(cursor) == nil)
        unsafe [UInt8](repeating: 255, count: 3).withUnsafeBytes {
            unsafe cursor.seekLast(before: $0)
        }
        #expect(TestCell.current(cursor) == nil)
    }

    @Test("The same key again replaces the cell")
    func replaces() {
        let memtable = Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
        var cell = TestCell(
            row: "r", qualifier: "q", timestamp: 5, type: 4, sequence: 9, value: [1])
        cell.insert(into: memtable)
        cell.value = [2, 3]
        cell.insert(into: memtable)
        var cursor = MemtableCursor(memtable)
        #expect(TestCell.collect(&cursor, from: []) == [cell])
        #expect(memtable.cellCount == 1)
    }

    @Test("Room is refused before the arena is full, and what it promises fits")
    func room() {
        let memtable = Memtable(capacityBytes: 1 << 20, firstLogSegment: 0)
        var random = TestRandom(seed: 5)
        var sequence: UInt64 = 0
        while memtable.hasRoom(forBytes: 320, count: 10) {
            for _ in 0..<10 {
                sequence += 1
                let key = Bytes(Array("\(random.next() % 1_000_000)".utf8))
                TestCell(
                    row: key, qualifier: "", timestamp: 1, type: 4, sequence: sequence,
                    value: [1, 2, 3]
                )
                .insert(into: memtable)
            }
        }
        #expect(sequence > 8_000)
        #expect(memtable.byteCount <= 1 << 20)
        #expect(!memtable.hasRoom(forBytes: .max, count: 1))
        #expect(!memtable.hasRoom(forBytes: 1, count: .max))
        var cursor = MemtableCursor(memtable)
        #expect(TestCell.collect(&cursor, from: []).count == Int(sequence))
    }

    /// Rows are a permutation of numbers, so that what a reader must find follows from the count
    /// inserted so far.
    @Test(
        "Readers beside a writer find every cell inserted before, and walk in order",
        arguments: [false, true])
    func concurrentReaders(isAscending: Bool) async {
        let total = Int(ProcessInfo.processInfo.environment["SILT_STEPS"] ?? "") ?? 6_000
        let memtable = Memtable(capacityBytes: 1 << 30, firstLogSegment: 0)
        let inserted = Atomic<Int>(0)
        let failures = Atomic<Int>(0)
        @Sendable func cell(_ index: Int) -> TestCell {
            let number = isAscending ? index : index &* 7_919 % 1_000_003
            let digits = String(number + 10_000_000)
            return TestCell(
                row: Bytes("a long shared prefix/" + digits), qualifier: "q", timestamp: 1, type: 4,
                sequence: UInt64(index) + 1, value: Array(digits.utf8))
        }
        func reader(_ seed: UInt64) -> Thread {
            Thread {
                var random = TestRandom(seed: seed)
                var cursor = MemtableCursor(memtable)
                while inserted.load(ordering: .acquiring) < total {
                    let seen = inserted.load(ordering: .acquiring)
                    if seen == 0 { continue }
                    for _ in 0..<50 {
                        let wanted = cell(Int(random.next() % UInt64(seen)))
                        unsafe wanted.key.array.withUnsafeBytes { unsafe cursor.seek($0) }
                        if TestCell.current(cursor) != wanted {
                            failures.add(1, ordering: .relaxed)
                        }
                    }
                    let first = inserted.load(ordering: .acquiring)
                    let all = TestCell.collect(&cursor, from: [])
                    let isOrdered = zip(all, all.dropFirst()).allSatisfy { $0.key < $1.key }
                    let old = all.count { $0.sequence <= UInt64(first) }
                    if !isOrdered || old != first { failures.add(1, ordering: .relaxed) }
                }
            }
        }
        let readers = [reader(1), reader(2)]
        readers.forEach { $0.start() }
        for index in 0..<total {
            cell(index).insert(into: memtable)
            inserted.store(index + 1, ordering: .releasing)
        }
        while readers.contains(where: { !$0.isFinished }) { await Task.yield() }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(memtable.cellCount == total)
    }
}
