/// Latencies in buckets that grow with them: 8 for each doubling, so a percentile is right to an eighth.
package struct LatencyCounts: Sendable {
    private static let steps = 8
    /// Up to 17 seconds.
    private static let bucketCount = 32 * steps

    private var counts = [UInt64](repeating: 0, count: LatencyCounts.bucketCount)
    /// How many were recorded.
    package private(set) var count: UInt64 = 0
    /// Their sum, in nanoseconds.
    package private(set) var sumNanoseconds: UInt64 = 0
    /// The longest, in nanoseconds.
    package private(set) var maxNanoseconds: UInt64 = 0

    /// Nothing recorded.
    package init() {}

    /// Adds one latency.
    package mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] += 1
        count += 1
        sumNanoseconds &+= nanoseconds
        maxNanoseconds = max(maxNanoseconds, nanoseconds)
    }

    /// The latency that `share` of all do not exceed, in nanoseconds; 0 when there are none.
    package func percentileNanoseconds(_ share: Double) -> UInt64 {
        let wanted = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= wanted { return min(Self.upperBound(of: index), maxNanoseconds) }
        }
        return maxNanoseconds
    }

    /// How many are below 2 to the power of 10, 12, … 34 nanoseconds (a microsecond, four, … 17 seconds).
    package var cumulative: [(belowNanoseconds: UInt64, count: UInt64)] {
        stride(from: 10, through: 34, by: 2).map { power in
            let end = min(counts.count, Self.bucket(of: 1 << UInt64(power)))
            return (1 << UInt64(power), counts[..<end].reduce(0, +))
        }
    }

    private static func bucket(of nanoseconds: UInt64) -> Int {
        if nanoseconds < 16 { return Int(nanoseconds / 2) }
        let log = 63 - nanoseconds.leadingZeroBitCount
        let part = Int(nanoseconds >> UInt64(log - 3)) - steps
        return min((log - 3) * steps + part, bucketCount - 1)
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        if bucket < steps { return UInt64(bucket) * 2 + 1 }
        let log = bucket / steps + 3
        return (UInt64(steps + bucket % steps + 1) << UInt64(log - 3)) - 1
    }
}
