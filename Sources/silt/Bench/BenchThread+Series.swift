import SiltBytes
import SiltModel
import Siltstone

/// A time series: 100 sources that report every ten seconds, a few milliseconds late, as hundredths.
///
/// Pure integer arithmetic, so that `Benchmarks/compare-rocksdb` can make the same cells.
struct BenchSeries: Sendable {
    /// How many sources there are.
    static let sourceCount = 100
    /// Whether values are 8-byte doubles, big-endian, instead of text.
    let isDouble: Bool

    /// The key of a point: the source's name and the time, big-endian.
    func key(source: Int, time: Int64) -> Bytes {
        let digits = String(1000 + source)
        var bytes = Array("sensor-\(digits)/".utf8)
        for shift in stride(from: Int64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: time >> shift))
        }
        return Bytes(bytes)
    }

    /// When a source reports for the n-th time, in milliseconds.
    func time(source: Int, point: Int) -> Int64 {
        1_700_000_000_000 + Int64(point) * 10_000 + Int64(source * 97)
            + Int64(noise(source, point) >> 40 & 3)
    }

    /// What it reports.
    func value(source: Int, point: Int) -> Bytes {
        let place = (point * 7 + source * 131) % 4000
        let wave = place < 2000 ? place : 4000 - place
        let hundredths = 1500 + wave + Int(noise(source, point) & 31)
        if isDouble {
            let bits = (Double(hundredths) / 100).bitPattern
            return Bytes(
                stride(from: UInt64(56), through: 0, by: -8).map {
                    UInt8(truncatingIfNeeded: bits >> $0)
                })
        }
        let rest = hundredths % 100
        return Bytes("\(hundredths / 100).\(rest / 10)\(rest % 10)")
    }

    private func noise(_ source: Int, _ point: Int) -> UInt64 {
        BenchRandom.mix(UInt64(source) << 32 | UInt64(point))
    }
}

extension BenchThread {
    private var series: BenchSeries { BenchSeries(isDouble: workload.hasDoubles) }

    /// Puts the points of all sources in the order of time, in batches.
    @available(*, noasync)
    mutating func fillSeries(_ table: BlockingTable) throws {
        let series = series
        try each(step: 100) { thread, operation in
            let end = min(operation + 100, thread.operations.upperBound)
            var mutations: [RowMutation] = []
            for number in operation..<end {
                let (source, point) = (
                    number % BenchSeries.sourceCount, number / BenchSeries.sourceCount
                )
                let time = series.time(source: source, point: point)
                let change = CellMutation(
                    BenchSettings.column,
                    .put(
                        value: series.value(source: source, point: point),
                        timeToLiveMilliseconds: nil), timestamp: time)
                mutations.append(
                    RowMutation(row: series.key(source: source, time: time), changes: [change]))
            }
            try table.write(mutations, durability: thread.settings.durability)
            return end - operation
        }
    }

    /// Reads all points and compares each, key, time and value.
    @available(*, noasync)
    mutating func readSeries(_ table: BlockingTable) throws {
        let series = series
        let count = settings.keyCount
        var (source, point) = (0, 0)
        try table.forEachCell(in: .all, projection) { row, _, timestamp, value in
            // The last round of reports may not be whole.
            let time = series.time(source: source, point: point)
            let wanted = series.value(source: source, point: point).array
            var isSame = row == series.key(source: source, time: time) && timestamp == time
            isSame = isSame && value.count == wanted.count
            for index in 0..<min(value.count, wanted.count) {
                isSame = isSame && value[index] == wanted[index]
            }
            guard isSame else {
                throw CommandFailure(
                    .failed, "a point of a series is another one source=\(source) point=\(point)")
            }
            operationCount += 1
            foundCount += 1
            point += 1
            if point * BenchSeries.sourceCount + source >= count {
                (source, point) = (source + 1, 0)
            }
            return true
        }
        guard operationCount == count else {
            throw CommandFailure(.failed, "points of a series are missing found=\(operationCount)")
        }
    }

    /// Puts every key once, in eight runs that each become a table file; needs `--no-maintenance`.
    @available(*, noasync)
    mutating func fillRuns(_ table: BlockingTable) throws {
        let runCount = max(1, (operations.count + 7) / 8)
        try each(step: 100) { thread, operation in
            let end = min(operation + 100, thread.operations.upperBound)
            let mutations = (operation..<end).map { place in
                // First the number: a copy of the thread would make the set of written keys be copied.
                let number = thread.nextWritten(place)
                return thread.mutation(number)
            }
            try table.write(mutations, durability: thread.settings.durability)
            let isCut = operation / runCount != end / runCount
            if isCut || end == thread.operations.upperBound { try table.flush() }
            return end - operation
        }
    }
}
