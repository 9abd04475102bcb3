import Foundation
import SiltBytes
import SiltIO
import SiltModel
import Siltstone
import Synchronization

/// The workloads through the blocking interface.
extension BenchThread {
    @available(*, noasync)
    mutating func run(on table: BlockingTable) throws {
        switch workload {
        case .fillseq, .fillrandom, .filluniquerandom, .fillbatch, .fillsync, .overwrite:
            try fill(table)
        case .readrandom, .readhot, .readwhilewriting: try read(table)
        case .readmissing: try readMissing(table)
        case .seekrandom: try seek(table)
        case .readseq: try scanCells(table)
        case .scanrows, .readreverse:
            try scanAll(table, isReversed: workload == .readreverse)
        case .deleteseek: try seekFirst(table)
        case .compact:
            try each { _, _ in
                try table.flush()
                try table.compact()
                return 1
            }
        case .fillseries, .fillseriesdouble: try fillSeries(table)
        case .readseries, .readseriesdouble: try readSeries(table)
        case .fillruns: try fillRuns(table)
        case .drain, .mixed: break
        case .ycsba, .ycsbb, .ycsbc, .ycsbd, .ycsbe, .ycsbf: try runYCSB(table)
        }
    }

    @available(*, noasync)
    private mutating func fill(_ table: BlockingTable) throws {
        let batch = settings.batch(of: workload)
        let durability = settings.durability(of: workload)
        let keys = settings.keys
        let column = BenchSettings.column
        if batch == 1 {
            try each { thread, operation in
                let number = thread.nextWritten(operation)
                try table.put(
                    keys.key(number, in: &thread.keyScratch), column,
                    keys.value(number, in: &thread.valueScratch), durability: durability)
                return 1
            }
            return
        }
        var values = table.batch()
        try each(step: batch) { thread, operation in
            let end = min(operation + batch, max(thread.operations.upperBound, operation + 1))
            for place in operation..<end {
                let number = thread.nextWritten(place)
                try values.put(
                    keys.key(number, in: &thread.keyScratch), column,
                    keys.value(number, in: &thread.valueScratch))
            }
            try values.write(durability: durability)
            return end - operation
        }
    }

    @available(*, noasync)
    private mutating func read(_ table: BlockingTable) throws {
        let keys = settings.keys
        let projection = projection
        try each { thread, _ in
            let number = thread.nextStored()
            try thread.check(
                try table.get(keys.key(number, in: &thread.keyScratch), projection), number)
            return 1
        }
    }

    @available(*, noasync)
    private mutating func readMissing(_ table: BlockingTable) throws {
        let keys = settings.keys
        let keyCount = settings.keyCount
        let projection = projection
        try each { thread, _ in
            let number = thread.random.next(below: keyCount)
            let key = keys.missingKey(number, in: &thread.keyScratch)
            if try table.get(key, projection) != nil {
                throw CommandFailure(
                    .failed, "a row that was never written is there number=\(number)")
            }
            return 1
        }
    }

    @available(*, noasync)
    private mutating func seek(_ table: BlockingTable) throws {
        try each { thread, _ in
            let number = thread.nextStored()
            try thread.scan(table, from: number, count: 100)
            return 1
        }
    }

    /// Reads up to `count` rows from a key and checks the first, the values, and the order.
    @available(*, noasync)
    mutating func scan(_ table: BlockingTable, from number: Int, count: Int) throws {
        var left = count
        var expected = number
        let range = RowRange(start: settings.keys.key(number, in: &keyScratch))
        try table.forEachCell(in: range, projection) { row, _, _, value in
            if settings.checks { try check(row, value, after: &expected) }
            foundCount += 1
            left -= 1
            return left > 0
        }
        if settings.checks, left == count, stored.contains(number) {
            throw CommandFailure(.failed, "a scan finds nothing number=\(number)")
        }
    }

    /// The whole table once, cell by cell.
    ///
    /// A cell takes no longer than reading the clock does: latencies are means of 16 cells.
    @available(*, noasync)
    private mutating func scanCells(_ table: BlockingTable) throws {
        let clock = SystemClock()
        var last = clock.monotonicNanoseconds
        var expected = 0
        try table.forEachCell(in: .all, projection) { row, _, _, value in
            if settings.checks { try check(row, value, after: &expected) }
            foundCount += 1
            operationCount += 1
            if operationCount % 16 == 0 {
                let now = clock.monotonicNanoseconds
                histogram.record((now - last) / 16)
                last = now
            }
            return true
        }
        if settings.checks { try checkEnd(expected, false) }
    }

    @available(*, noasync)
    private mutating func scanAll(_ table: BlockingTable, isReversed: Bool) throws {
        var scan = try table.scan(RowRange(isReversed: isReversed), projection)
        var expected = isReversed ? settings.keyCount - 1 : 0
        try each { thread, _ in
            guard let row = try scan.next() else {
                if thread.settings.checks { try thread.checkEnd(expected, isReversed) }
                if thread.settings.durationSeconds == nil { return 0 }
                scan = try table.scan(RowRange(isReversed: isReversed), thread.projection)
                expected = isReversed ? thread.settings.keyCount - 1 : 0
                return 0
            }
            if thread.settings.checks {
                if isReversed {
                    try thread.check(row, before: &expected)
                } else {
                    try thread.check(row, after: &expected)
                }
            }
            thread.foundCount += 1
            return 1
        }
    }

    @available(*, noasync)
    private mutating func seekFirst(_ table: BlockingTable) throws {
        let last = settings.keyCount - 1
        try each { thread, _ in
            guard let row = try table.scan(.all, thread.projection).next(),
                row.key == thread.settings.keys.key(last)
            else { throw CommandFailure(.failed, "the one row that is left is not found") }
            try thread.check(row, last)
            return 1
        }
    }

    /// Overwrites stored keys at a rate until the measured threads are done.
    @available(*, noasync)
    mutating func overwriteMeanwhile(_ table: BlockingTable) throws {
        let clock = SystemClock()
        let begin = clock.monotonicNanoseconds
        let pause = DispatchSemaphore(value: 0)
        let cellBytes = settings.keys.keyBytes + settings.keys.valueBytes
        var writtenBytes = 0
        while !shared.isOver.load(ordering: .relaxed) {
            let number = random.next(below: settings.keyCount)
            try table.put(
                settings.keys.key(number), BenchSettings.column, settings.keys.value(number),
                durability: settings.durability)
            written.insert(number)
            operationCount += 1
            writtenBytes += cellBytes
            guard settings.writeRateBytes > 0 else { continue }
            let due = Double(writtenBytes) / Double(settings.writeRateBytes)
            let ahead = due - Double(clock.monotonicNanoseconds - begin) / 1e9
            if ahead > 0.001 { _ = pause.wait(timeout: .now() + ahead) }
        }
    }
}
