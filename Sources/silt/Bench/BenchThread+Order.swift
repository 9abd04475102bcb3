import SiltBytes
import SiltModel

/// Whether scans give every stored row, in order.
extension BenchThread {
    /// The next row upwards from the key `expected`; moves `expected` behind it.
    mutating func check(_ row: Row, after expected: inout Int) throws {
        var number = expected
        while number < settings.keyCount, !stored.contains(number),
            row.key != settings.keys.key(number)
        { number += 1 }
        try check(row, isOf: number)
        expected = number + 1
    }

    /// As the other, for a cell that is looked at where it lies.
    @inline(__always)
    mutating func check(_ key: Bytes, _ value: borrowing Span<UInt8>, after expected: inout Int)
        throws
    {
        let number = stored.first(from: expected)
        if number < settings.keyCount, settings.keys.isKey(key, of: number, &keyScratch),
            settings.keys.isValue(value, of: number)
        {
            expected = number &+ 1
        } else {
            try checkOther(key, value, after: &expected)
        }
    }

    /// A cell that is not the next one that was stored when the workload began.
    @inline(never)
    private mutating func checkOther(
        _ key: Bytes, _ value: borrowing Span<UInt8>, after expected: inout Int
    ) throws {
        var number = stored.first(from: expected)
        if number >= settings.keyCount || !settings.keys.isKey(key, of: number, &keyScratch) {
            // One that another thread wrote meanwhile may come before it.
            let last = number
            number = expected
            while number < min(last, settings.keyCount),
                !settings.keys.isKey(key, of: number, &keyScratch)
            { number += 1 }
        }
        expected = number + 1
        if number >= settings.keyCount { return }
        guard settings.keys.isKey(key, of: number, &keyScratch) else {
            throw CommandFailure(
                .failed, "a scan gives another row than expected row=\(key) number=\(number)")
        }
        guard settings.keys.isValue(value, of: number) else {
            throw CommandFailure(
                .failed, "a row has a value that was never written number=\(number)")
        }
    }

    /// The next row downwards from the key `expected`; moves `expected` before it.
    mutating func check(_ row: Row, before expected: inout Int) throws {
        var number = expected
        while number >= 0, !stored.contains(number), row.key != settings.keys.key(number) {
            number -= 1
        }
        try check(row, isOf: number)
        expected = number - 1
    }

    private mutating func check(_ row: Row, isOf number: Int) throws {
        guard row.key == settings.keys.key(max(0, number)) || number >= settings.keyCount else {
            throw CommandFailure(
                .failed, "a scan gives another row than expected row=\(row.key) number=\(number)")
        }
        if number < settings.keyCount { try checkValue(row, number) }
    }

    /// Whether nothing that is stored is left.
    func checkEnd(_ expected: Int, _ isReversed: Bool) throws {
        let rest =
            isReversed
            ? 0..<max(0, expected + 1) : min(expected, settings.keyCount)..<settings.keyCount
        if let missing = rest.first(where: stored.contains) {
            throw CommandFailure(.failed, "a scan ends too early number=\(missing)")
        }
    }
}
