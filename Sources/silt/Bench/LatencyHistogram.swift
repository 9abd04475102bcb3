/// Latencies in buckets that grow with them: 16 for each doubling, so a percentile is right to 6 %.
struct LatencyHistogram: Sendable {
    private static let bucketCount = 61 * 16
    private var counts = [Int](repeating: 0, count: LatencyHistogram.bucketCount)
    /// How many were recorded.
    private(set) var count = 0
    /// The longest, in nanoseconds.
    private(set) var maxNanoseconds: UInt64 = 0

    /// Adds one latency.
    mutating func record(_ nanoseconds: UInt64) {
        counts[LatencyHistogram.bucket(of: nanoseconds)] += 1
        count += 1
        if nanoseconds > maxNanoseconds { maxNanoseconds = nanoseconds }
    }

    /// Adds another thread's latencies.
    mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maxNanoseconds = max(maxNanoseconds, other.maxNanoseconds)
    }

    /// The latency that `share` of all do not exceed, in microseconds.
    func percentileMicroseconds(_ share: Double) -> Double {
        let wanted = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= wanted {
                let bound = min(LatencyHistogram.upperBound(of: index), maxNanoseconds)
                return Double(bound) / 1000
            }
        }
        return Double(maxNanoseconds) / 1000
    }

    private static func bucket(of nanoseconds: UInt64) -> Int {
        if nanoseconds < 16 { return Int(nanoseconds) }
        let shift = 59 - nanoseconds.leadingZeroBitCount
        return (shift + 1) * 16 + Int(nanoseconds >> UInt64(shift)) - 16
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        if bucket < 16 { return UInt64(bucket) }
        let shift = UInt64(bucket / 16 - 1)
        return (UInt64(bucket % 16 + 17) << shift) &- 1
    }
}
