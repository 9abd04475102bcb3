import SiltBytes
import SiltIO
import SiltModel
import Siltstone

/// The workloads through the asynchronous interface: every operation is an `await`.
extension BenchThread {
    mutating func run(on table: Table) async throws {
        let clock = SystemClock()
        var last = clock.monotonicNanoseconds
        let end = settings.durationSeconds.map { last + UInt64($0 * 1e9) }
        let batch = workload.writes ? settings.batch(of: workload) : 1
        var operation = operations.lowerBound
        if workload.scansAll { return try await scanAll(table) }
        while end != nil || operation < operations.upperBound {
            if workload.writes {
                operationCount += try await put(table, operation, batch)
            } else {
                try await readOne(table)
                operationCount += 1
            }
            operation += batch
            let now = clock.monotonicNanoseconds
            histogram.record(now - last)
            last = now
            if let end, now >= end { break }
        }
    }

    private mutating func put(_ table: Table, _ operation: Int, _ batch: Int) async throws -> Int {
        let end = min(operation + batch, max(operations.upperBound, operation + 1))
        var mutations: [RowMutation] = []
        mutations.reserveCapacity(batch)
        for place in operation..<end {
            let number = nextWritten(place)
            mutations.append(mutation(number))
        }
        try await table.write(mutations, durability: settings.durability(of: workload))
        return end - operation
    }

    private mutating func readOne(_ table: Table) async throws {
        switch workload {
        case .readmissing:
            let number = random.next(below: settings.keyCount)
            if try await table.get(settings.keys.missingKey(number), projection) != nil {
                throw CommandFailure(
                    .failed, "a row that was never written is there number=\(number)")
            }
        case .seekrandom:
            let number = nextStored()
            var expected = number
            let range = RowRange(start: settings.keys.key(number))
            for try await row in table.scan(range, projection).limit(100) {
                if settings.checks { try check(row, after: &expected) }
                foundCount += 1
            }
        default:
            let number = nextStored()
            try check(try await table.get(settings.keys.key(number), projection), number)
        }
    }

    private mutating func scanAll(_ table: Table) async throws {
        let clock = SystemClock()
        let isReversed = workload == .readreverse
        var expected = isReversed ? settings.keyCount - 1 : 0
        var last = clock.monotonicNanoseconds
        for try await row in table.scan(RowRange(isReversed: isReversed), projection) {
            if settings.checks {
                if isReversed {
                    try check(row, before: &expected)
                } else {
                    try check(row, after: &expected)
                }
            }
            foundCount += 1
            operationCount += 1
            let now = clock.monotonicNanoseconds
            histogram.record(now - last)
            last = now
        }
        if settings.checks { try checkEnd(expected, isReversed) }
    }
}
