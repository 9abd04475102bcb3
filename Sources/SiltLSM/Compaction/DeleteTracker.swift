internal import SiltFormat
package import SiltModel

/// Which values the delete markers of one row of one family mask, by HBase's rules.
///
/// Feed it a row's cells in cell order: `startRow`, then for each column `startColumn`, then `add` for each marker and `masks` for
/// each value. Family markers are stored with the empty qualifier and so come first. A marker that a read must not see (newer than
/// its snapshot; outside its time range when the family keeps deleted cells) is simply not added.
///
/// At equal time stamps a marker masks a value, whichever was written first, unless the server gave both their time stamps: then
/// only values of lower sequence are masked, so that a put after a delete within one time stamp is not lost. A value whose writer
/// chose the time stamp of a marker is masked, as in HBase.
package struct DeleteTracker {
    /// Everything up to a time stamp; at the time stamp itself only sequences below `sequenceEnd`.
    private struct Bound {
        var timestamp = Int64.min
        var sequenceEnd: UInt64 = 0

        mutating func add(_ newTimestamp: Int64, _ newSequenceEnd: UInt64) {
            if newTimestamp > timestamp {
                timestamp = newTimestamp
                sequenceEnd = newSequenceEnd
            } else if newTimestamp == timestamp, newSequenceEnd > sequenceEnd {
                sequenceEnd = newSequenceEnd
            }
        }

        func hasExactly(_ other: Int64, _ sequence: UInt64) -> Bool {
            other == timestamp && sequence < sequenceEnd
        }

        func covers(_ other: Int64, _ sequence: UInt64) -> Bool {
            other < timestamp || hasExactly(other, sequence)
        }
    }

    private var family = Bound()
    private var familyVersions: [Bound] = []
    private var column = Bound()
    private var version = Bound()

    /// Whether no marker of the row or column was seen since `startRow`: nothing can be masked.
    package private(set) var isEmpty = true

    /// A tracker before its first row.
    package init() {}

    /// Forgets the markers of the row before.
    package mutating func startRow() {
        if isEmpty { return }
        family = Bound()
        familyVersions.removeAll(keepingCapacity: true)
        column = Bound()
        version = Bound()
        isEmpty = true
    }

    /// Forgets the markers of the column before; those of the family stay.
    package mutating func startColumn() {
        if isEmpty { return }
        column = Bound()
        version = Bound()
    }

    /// Takes note of a marker; `.put` is ignored.
    package mutating func add(_ type: CellType, timestamp: Int64, flags: UInt8, sequence: UInt64) {
        let isServers = flags & CellFlags.hasServerTimestamp != 0
        let sequenceEnd = isServers ? sequence : .max
        switch type {
        case .put: return
        case .delete:
            // Cells come in descending time stamps, so only the newest noted one can still match.
            if timestamp != version.timestamp { version = Bound() }
            version.add(timestamp, sequenceEnd)
        case .deleteColumn: column.add(timestamp, sequenceEnd)
        case .deleteFamily: family.add(timestamp, sequenceEnd)
        case .deleteFamilyVersion:
            if let last = familyVersions.indices.last, familyVersions[last].timestamp == timestamp {
                familyVersions[last].add(timestamp, sequenceEnd)
            } else {
                familyVersions.append(Bound(timestamp: timestamp, sequenceEnd: sequenceEnd))
            }
        }
        isEmpty = false
    }

    /// Whether a value of the current column with this time stamp and sequence is deleted.
    package func masks(timestamp: Int64, flags: UInt8, sequence: UInt64) -> Bool {
        if isEmpty { return false }
        let sequence = flags & CellFlags.hasServerTimestamp != 0 ? sequence : 0
        if family.covers(timestamp, sequence) || column.covers(timestamp, sequence) { return true }
        if version.hasExactly(timestamp, sequence) { return true }
        return !familyVersions.isEmpty && masksFamilyVersion(timestamp, sequence)
    }

    /// Whether every value of the current column from this time stamp down is deleted: the rest of the column can be skipped.
    package func masksColumn(below timestamp: Int64) -> Bool {
        !isEmpty && (timestamp < family.timestamp || timestamp < column.timestamp)
    }

    /// Binary search: markers were added in descending time stamps.
    private func masksFamilyVersion(_ timestamp: Int64, _ sequence: UInt64) -> Bool {
        var low = 0
        var high = familyVersions.count
        while low < high {
            let middle = (low + high) / 2
            if familyVersions[middle].timestamp > timestamp {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < familyVersions.count && familyVersions[low].hasExactly(timestamp, sequence)
    }
}
