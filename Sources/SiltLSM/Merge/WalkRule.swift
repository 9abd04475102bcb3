package import SiltModel

/// What a walk shows: the read's wishes and the family's settings.
package struct WalkRule: Sendable {
    /// The family's settings.
    package var settings: Family
    /// The versions wanted of each column.
    package var maxVersions: Int
    /// The time stamps wanted.
    package var timeRange: TimeRange
    /// The end of the only column wanted, `escape(qualifier) 00`; `nil` for all.
    package var column: [UInt8]?
    /// The first key after the range, a row prefix; `nil` for none.
    package var upper: [UInt8]?
    /// The moment of the read, in milliseconds since 1970.
    package var nowMilliseconds: Int64

    /// A rule.
    package init(
        _ settings: Family, maxVersions: Int, timeRange: TimeRange, column: [UInt8]?,
        upper: [UInt8]?, nowMilliseconds: Int64
    ) {
        self.settings = settings
        self.maxVersions = maxVersions
        self.timeRange = timeRange
        self.column = column
        self.upper = upper
        self.nowMilliseconds = nowMilliseconds
    }

    /// Whether what such a walk does not show, of the columns it looks at, is deleted or expired for every other.
    var seesEverything: Bool {
        timeRange.min <= 0 && timeRange.max == .max && settings.keepDeletedCells == .no
    }

    /// Whether markers outside the time range do not count.
    var ignoresMarkersOutside: Bool { settings.keepDeletedCells != .no }

    /// How many versions of a column are shown at most.
    var versionCountMax: Int { min(maxVersions, settings.maxVersions) }
}
