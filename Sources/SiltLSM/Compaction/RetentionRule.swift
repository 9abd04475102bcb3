package import SiltModel

/// Which cells a flush or compaction keeps.
///
/// A flush and a merge that leaves older data aside drop only what no read can ever see again: values overwritten at the same time
/// stamp, values that a marker masks (the marker stays), values past their time to live. So they change no answer. A merge down to
/// the bottom also drops the versions in excess and, last, the markers: as HBase's major compaction does.
package struct RetentionRule {
    /// How far the merge reaches.
    package enum Reach: Sendable, Hashable {
        /// Older data of the same keys lies outside the merge.
        case partial
        /// Nothing older lies outside. Markers older than `markersBefore` are dropped: data written later but outside the merge has
        /// no older time stamps, so the markers have nothing left to mask. Excess versions are dropped when `dropsVersions`: no
        /// marker outside the merge can still delete a newer version and so bring them back.
        case bottom(markersBefore: Int64, dropsVersions: Bool)
    }

    private let keepsDeleted: KeepDeletedCells
    private let minVersions: Int
    private let markersBefore: Int64
    private let dropsVersions: Bool
    /// Whether nothing older lies outside, which an expired value might have overwritten at its time stamp.
    private let dropsExpired: Bool
    private var deletes = DeleteTracker()
    private var versions: VersionTracker
    private var skipsColumn = false

    /// The rule of a family at a moment.
    package init(_ settings: Family, reach: Reach, nowMilliseconds now: Int64) {
        keepsDeleted = settings.keepDeletedCells
        minVersions = settings.minVersions
        versions = VersionTracker(settings, nowMilliseconds: now)
        switch reach {
        case .partial:
            (markersBefore, dropsVersions) = (.min, false)
            dropsExpired = false
        case .bottom(let before, let drops):
            (markersBefore, dropsVersions) = (before, drops)
            dropsExpired = true
        }
    }

    /// Begins a row (and its first column).
    package mutating func startRow() {
        deletes.startRow()
        startColumn()
    }

    /// Begins a column.
    package mutating func startColumn() {
        deletes.startColumn()
        versions.startColumn()
        skipsColumn = false
    }

    /// Whether the next cell, in cell order, is kept.
    package mutating func keeps(
        _ type: CellType, flags: UInt8, timestamp: Int64, sequence: UInt64,
        value: UnsafeRawBufferPointer
    ) -> Bool {
        if type != .put {
            deletes.add(type, timestamp: timestamp, flags: flags, sequence: sequence)
            return keepsMarker(timestamp)
        }
        if versions.isDuplicate(timestamp: timestamp) || skipsColumn { return false }
        // Safety: the buffer is only handed on.
        if unsafe versions.isExpired(timestamp: timestamp, flags: flags, value: value) {
            return !dropsExpired
        }
        if deletes.masks(timestamp: timestamp, flags: flags, sequence: sequence),
            dropsMasked(timestamp)
        {
            return false
        }
        if dropsVersions {
            if versions.admit(timestamp: timestamp) == .include { return true }
            skipsColumn = true
            return false
        }
        // With MIN_VERSIONS an old value may count again once a newer one is deleted.
        return minVersions > 0 || !versions.isOlderThanTimeToLive(timestamp)
    }

    private func keepsMarker(_ timestamp: Int64) -> Bool {
        switch keepsDeleted {
        case .no: timestamp >= markersBefore
        case .yes: true
        case .untilTimeToLive:
            timestamp >= markersBefore || !versions.isOlderThanTimeToLive(timestamp)
        }
    }

    private func dropsMasked(_ timestamp: Int64) -> Bool {
        switch keepsDeleted {
        case .no: true
        case .yes: false
        case .untilTimeToLive: versions.isOlderThanTimeToLive(timestamp)
        }
    }
}
