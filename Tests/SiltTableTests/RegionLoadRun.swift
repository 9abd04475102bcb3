import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Synchronization

/// Two writers, two scanners, a reader of single rows, and one thread that splits and merges.
final class RegionLoadRun: Sendable {
    static let threadCount = 6
    static let rowCount = RowHistory.rowCount

    let store: TableStore
    let table: StoredTable
    let changes: Int
    let history = RowHistory()
    let isDone = Atomic(false)
    let faults = Mutex<[String]>([])
    let scans = Count()
    let gets = Count()
    /// The most table files that a region had when it was looked at.
    let mostFiles = Count()
    private let writes = Count()
    private let slowWrites = Count()
    /// The longest write since the last change ended, in microseconds.
    private let longestWrite = Count()
    private let longestWrites = Mutex<[Int]>([])

    init(store: TableStore, table: StoredTable, changes: Int) {
        self.store = store
        self.table = table
        self.changes = changes
    }

    /// What a run came to, for people.
    var figures: String {
        "writes \(writes.value) over_50_ms \(slowWrites.value) scans \(scans.value) gets \(gets.value) "
            + "most_files \(mostFiles.value)"
    }

    /// The longest write during each change, in milliseconds, whatever it waited for.
    var longestWriteMilliseconds: [Double] {
        longestWrites.withLock { $0.map { Double($0) / 1e3 } }
    }

    func work(_ thread: Int) {
        do {
            switch thread {
            case 0, 1: try write(thread)
            case 2, 3: try scan(isReversed: thread == 3)
            case 4: try get()
            default: try change()
            }
        } catch {
            fault("thread \(thread): \(error)")
            isDone.store(true, ordering: .relaxed)
        }
    }

    private func fault(_ text: String) { faults.withLock { $0.append(text) } }

    private func write(_ writer: Int) throws {
        var random = Xoshiro256(seed: UInt64(writer + 1))
        let clock = ContinuousClock()
        while !isDone.load(ordering: .relaxed) {
            let number = Int(random.next() % UInt64(Self.rowCount))
            let mutation = history.begin(writer, number)
            let start = clock.now
            try table.write([mutation])
            let microseconds = Int((clock.now - start) / .microseconds(1))
            history.end(writer, number)
            writes.add(1)
            if microseconds > 50_000 { slowWrites.add(1) }
            longestWrite.raise(to: microseconds)
        }
    }

    private func scan(isReversed: Bool) throws {
        while !isDone.load(ordering: .relaxed) {
            let before = history.ended
            let scanner = try table.scan(RowRange(isReversed: isReversed))
            var rows: [Row] = []
            while let row = try scanner.next() {
                if let last = rows.last?.key, isReversed ? row.key >= last : row.key <= last {
                    fault("out of order \(last) \(row.key)")
                }
                rows.append(row)
            }
            for text in history.faults(in: rows, since: before) { fault("scan: \(text)") }
            scans.add(1)
        }
    }

    /// Rows that may be there, by the way of one column and by that of whole rows, and rows that never were.
    private func get() throws {
        var random = Xoshiro256(seed: 3)
        let projections = [Projection.all, .columns("f:q")]
        var round = 0
        while !isDone.load(ordering: .relaxed) {
            round += 1
            let number = Int(random.next() % UInt64(Self.rowCount))
            let writer = round & 1
            // Long enough for the quick way to be taken: it remembers one projection.
            let projection = projections[round / 500 & 1]
            let before = history.ended(writer, number)
            let row = try table.get(RowHistory.row(writer, number), projection)
            if let text = history.fault(in: row, writer, number, since: before) {
                fault("get \(projection): \(text)")
            }
            let missing = Bytes("\(RowHistory.row(writer, number))x")
            if let row = try table.get(missing, projection) { fault("never written: \(row)") }
            gets.add(2)
        }
    }

    private func change() throws {
        var random = Xoshiro256(seed: 7)
        defer { isDone.store(true, ordering: .relaxed) }
        while store.regionChanges.count < changes, !isDone.load(ordering: .relaxed) {
            let regions = table.regions()
            mostFiles.raise(to: regions.map(\.fileCount).max() ?? 0)
            longestWrite.reset()
            let countBefore = store.regionChanges.count
            defer {
                if store.regionChanges.count > countBefore {
                    longestWrites.withLock { $0.append(longestWrite.value) }
                }
            }
            if regions.count > 8 || regions.count > 1 && random.next() & 1 == 0 {
                let first = Int(random.next() % UInt64(regions.count - 1))
                try store.merge("t", regions[first].id, regions[first + 1].id)
            } else {
                let number = Int(random.next() % UInt64(Self.rowCount))
                try store.split("t", at: RowHistory.row(0, number))
            }
        }
    }
}

/// What writers did to each row: of its operations, numbered from 1, every fifth deletes it.
///
/// Writers share regions, not rows. A read may show what any operation left that was the last one begun or ended at some moment
/// of the read.
final class RowHistory: Sendable {
    static let rowCount = 2_000

    private struct State {
        var begun = [[Int]](repeating: .init(repeating: 0, count: rowCount), count: 2)
        var ended = [[Int]](repeating: .init(repeating: 0, count: rowCount), count: 2)
    }

    private let state = Mutex(State())

    static func row(_ writer: Int, _ number: Int) -> Bytes {
        Bytes("row\(10_000 + number * 2 + writer)")
    }

    /// The operations that ended, by writer and row.
    var ended: [[Int]] { state.withLock { $0.ended } }

    func ended(_ writer: Int, _ number: Int) -> Int { state.withLock { $0.ended[writer][number] } }

    /// The next operation on a row.
    func begin(_ writer: Int, _ number: Int) -> RowMutation {
        let operation = state.withLock { state in
            state.begun[writer][number] += 1
            return state.begun[writer][number]
        }
        let row = Self.row(writer, number)
        if Self.deletes(operation) {
            return RowMutation(row: row, changes: [CellMutation("f:q", .deleteColumn)])
        }
        return .put(row, "f:q", Bytes("\(operation)"))
    }

    func end(_ writer: Int, _ number: Int) {
        state.withLock { $0.ended[writer][number] = $0.begun[writer][number] }
    }

    /// What is wrong with one row, read after `before` operations had ended.
    func fault(in row: Row?, _ writer: Int, _ number: Int, since before: Int) -> String? {
        let begun = state.withLock { $0.begun[writer][number] }
        return Self.fault(in: row, Self.row(writer, number), before...begun)
    }

    /// What is wrong with the rows of a whole table, read after those operations had ended.
    func faults(in rows: [Row], since before: [[Int]]? = nil) -> [String] {
        let state = state.withLock { $0 }
        let before = before ?? state.ended
        var found = Dictionary(rows.map { ($0.key, $0) }) { first, _ in first }
        var faults = found.count == rows.count ? [] : ["rows seen twice"]
        for writer in 0..<2 {
            for number in 0..<Self.rowCount {
                let row = Self.row(writer, number)
                let operations = before[writer][number]...state.begun[writer][number]
                if let text = Self.fault(in: found.removeValue(forKey: row), row, operations) {
                    faults.append(text)
                }
            }
        }
        return faults + found.keys.map { "never written: \($0)" }
    }

    private static func deletes(_ operation: Int) -> Bool { operation % 5 == 0 }

    private static func fault(in row: Row?, _ key: Bytes, _ operations: ClosedRange<Int>) -> String?
    {
        guard let row else {
            return operations.contains(where: deletes) ? nil : "lost \(key) \(operations)"
        }
        let values = row.cells.map { Int("\($0.value)") ?? 0 }
        guard row.key == key, values.count == 1, operations.contains(values[0]),
            !deletes(values[0])
        else { return "wrong \(key) \(operations): \(row)" }
        return nil
    }
}

/// A number that threads change.
final class Count: Sendable {
    private let number = Atomic(0)

    var value: Int { number.load(ordering: .relaxed) }

    func add(_ amount: Int) { number.add(amount, ordering: .relaxed) }

    func raise(to value: Int) { number.max(value, ordering: .relaxed) }

    func reset() { number.store(0, ordering: .relaxed) }
}
