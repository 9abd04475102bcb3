import SiltBytes
import SiltIO
import SiltModel
import Synchronization

/// What the threads of a workload share.
final class BenchShared: Sendable {
    /// The number of the next key to insert.
    let nextKey: Atomic<Int>
    /// Whether the measured threads are done.
    let isOver = Atomic(false)

    init(nextKey: Int) { self.nextKey = Atomic(nextKey) }
}

/// One thread of a workload: makes operations, times them, checks what it reads.
struct BenchThread: Sendable {
    let workload: Workload
    let settings: BenchSettings
    /// The operations of this thread.
    let operations: Range<Int>
    /// The keys that were stored when the workload began.
    let stored: KeySet
    let shared: BenchShared
    let permutation: Permutation
    let zipfian: Zipfian?
    let projection = Projection([.column(BenchSettings.column)])

    var random: BenchRandom
    var keyScratch: [UInt8] = []
    var valueScratch: [UInt8] = []
    var written: KeySet
    var histogram = LatencyHistogram()
    var operationCount = 0
    var foundCount = 0

    init(
        _ workload: Workload, _ settings: BenchSettings, index: Int, operations: Range<Int>,
        stored: KeySet, shared: BenchShared, zipfian: Zipfian?
    ) {
        self.workload = workload
        self.settings = settings
        self.operations = operations
        self.stored = stored
        self.shared = shared
        self.zipfian = zipfian
        permutation = Permutation(count: settings.keyCount, seed: settings.keys.seed)
        random = BenchRandom(seed: settings.keys.seed &+ workload.streamSeed, stream: index)
        written = KeySet(count: settings.keyCount)
    }

    /// The number of the key that the next put stores.
    mutating func nextWritten(_ operation: Int) -> Int {
        let number: Int
        switch workload {
        case .fillseq: number = operation % settings.keyCount
        case .filluniquerandom, .fillruns: number = permutation[operation % settings.keyCount]
        default: number = random.next(below: settings.keyCount)
        }
        written.insert(number)
        return number
    }

    /// The number of a key that is there.
    mutating func nextStored() -> Int {
        let bound = workload == .readhot ? max(1, settings.keyCount / 100) : settings.keyCount
        for _ in 0..<1000 {
            let number = random.next(below: bound)
            if stored.contains(number) { return number }
        }
        return random.next(below: bound)
    }

    /// A put of a key.
    func mutation(_ number: Int) -> RowMutation {
        RowMutation(
            row: settings.keys.key(number),
            changes: [
                CellMutation(
                    BenchSettings.column,
                    .put(value: settings.keys.value(number), timeToLiveMilliseconds: nil))
            ])
    }

    /// Looks whether a get gave what it must.
    mutating func check(_ row: Row?, _ number: Int) throws {
        guard let row else {
            if settings.checks, stored.contains(number) {
                throw CommandFailure(
                    .failed, "a row that was written is missing number=\(number)")
            }
            return
        }
        foundCount += 1
        if settings.checks { try checkValue(row, number) }
    }

    /// Looks whether a row holds the value of its key.
    mutating func checkValue(_ row: Row, _ number: Int) throws {
        guard row.cells.count == 1,
            settings.keys.isValue(row.cells[0].value, of: number)
        else {
            throw CommandFailure(
                .failed, "a row has a value that was never written number=\(number)")
        }
    }

    /// Runs `body` for each operation until there are no more or the time is up.
    ///
    /// `body` returns how many operations it did.
    mutating func each(step: Int = 1, _ body: (inout BenchThread, Int) throws -> Int) throws {
        let clock = SystemClock()
        var last = clock.monotonicNanoseconds
        let end = settings.durationSeconds.map { last + UInt64($0 * 1e9) }
        var operation = operations.lowerBound
        while end != nil || operation < operations.upperBound {
            operationCount += try body(&self, operation)
            operation += step
            let now = clock.monotonicNanoseconds
            histogram.record(now - last)
            last = now
            if let end, now >= end { break }
        }
    }
}

extension Workload {
    /// Makes the random numbers of workloads differ.
    fileprivate var streamSeed: UInt64 {
        rawValue.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) }
    }
}
