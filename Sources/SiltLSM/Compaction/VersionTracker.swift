internal import SiltFormat
package import SiltModel

/// Which values of one column are within the family's versions and time to live, by HBase's rules.
///
/// Feed it the column's values in cell order that are not a duplicate, expired by their own TTL, masked, or out of the time range.
package struct VersionTracker {
    /// What to do with a value.
    package enum Decision {
        /// It is one of the versions.
        case include
        /// Neither it nor any older value of the column is.
        case skipColumn
    }

    /// So many of the newest values may be older than a time stamp.
    private struct Step {
        let oldestTimestamp: Int64
        let versions: Int
    }

    private let maxVersions: Int
    private let minVersions: Int
    private let oldestTimestamp: Int64
    private let now: Int64
    /// What a collection rule says beside all that.
    private let steps: [Step]
    private let hasSteps: Bool
    private var count = 0
    private var lastTimestamp: Int64?

    /// The rules of a family at a moment; `maxVersions` may be lower than the family's when a read wants fewer.
    package init(_ settings: Family, maxVersions: Int? = nil, nowMilliseconds now: Int64) {
        self.maxVersions = min(maxVersions ?? .max, settings.maxVersions)
        minVersions = settings.minVersions
        self.now = now
        oldestTimestamp =
            settings.timeToLiveMilliseconds.map { Self.timestamp(now, before: $0) } ?? .min
        guard let rule = settings.collectionRule else {
            (steps, hasSteps) = ([], false)
            return
        }
        steps = rule.middleSteps.map {
            Step(
                oldestTimestamp: Self.timestamp(now, before: $0.ageMilliseconds),
                versions: $0.versions)
        }
        hasSteps = !steps.isEmpty
    }

    private static func timestamp(_ now: Int64, before age: Int64) -> Int64 {
        let (oldest, overflow) = now.subtractingReportingOverflow(age)
        return overflow ? .min : oldest
    }

    /// Begins a column.
    package mutating func startColumn() {
        count = 0
        lastTimestamp = nil
    }

    /// Whether the column had a value of this time stamp already (with a higher sequence): then
    /// this one was overwritten.
    ///
    /// Ask for each value of the column, first of all.
    package mutating func isDuplicate(timestamp: Int64) -> Bool {
        if lastTimestamp == timestamp { return true }
        lastTimestamp = timestamp
        return false
    }

    /// Whether a value's own time to live, when it has one, has passed.
    package func isExpired(timestamp: Int64, flags: UInt8, value: UnsafeRawBufferPointer) -> Bool {
        // Safety: only the flag and `value.count` are looked at before the 8 bytes, which then exist.
        guard flags & CellFlags.hasTimeToLive != 0, value.count >= 8 else { return false }
        let timeToLive = unsafe Int64(littleEndian: value.loadUnaligned(as: Int64.self))
        let (end, overflow) = timestamp.addingReportingOverflow(timeToLive)
        return !overflow && end < now
    }

    /// Whether the family's time to live has passed for a value.
    package func isOlderThanTimeToLive(_ timestamp: Int64) -> Bool { timestamp < oldestTimestamp }

    /// Counts a value in.
    package mutating func admit(timestamp: Int64) -> Decision {
        count += 1
        if count > maxVersions { return .skipColumn }
        if hasSteps,
            steps.contains(where: { count > $0.versions && timestamp < $0.oldestTimestamp })
        {
            return .skipColumn
        }
        return timestamp < oldestTimestamp && count > minVersions ? .skipColumn : .include
    }
}
