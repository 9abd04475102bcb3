package import SiltModel

/// What all walks of one plan show: the read's wishes and the family's settings.
package final class WalkTerms: Sendable {
    /// The family's settings.
    package let settings: Family
    /// The versions wanted of each column.
    package let maxVersions: Int
    /// The time stamps wanted.
    package let timeRange: TimeRange
    /// The end of the only column wanted, `escape(qualifier) 00`; `nil` for all.
    package let column: [UInt8]?

    /// Terms.
    package init(_ settings: Family, maxVersions: Int, timeRange: TimeRange, column: [UInt8]?) {
        self.settings = settings
        self.maxVersions = maxVersions
        self.timeRange = timeRange
        self.column = column
    }
}

/// What one walk shows.
package struct WalkRule: Sendable {
    /// What does not change from walk to walk.
    package let terms: WalkTerms
    /// The time stamps wanted, as in the terms.
    package let timeRange: TimeRange
    /// Whether only one column is wanted.
    let isOneColumn: Bool
    /// The first key after the range, a row prefix; `nil` for none.
    package var upper: [UInt8]?
    /// The moment of the read, in milliseconds since 1970.
    package let nowMilliseconds: Int64

    /// A rule.
    package init(_ terms: WalkTerms, upper: [UInt8]?, nowMilliseconds: Int64) {
        self.terms = terms
        timeRange = terms.timeRange
        isOneColumn = terms.column != nil
        self.upper = upper
        self.nowMilliseconds = nowMilliseconds
    }

    /// The family's settings.
    package var settings: Family { terms.settings }

    /// The end of the only column wanted, `escape(qualifier) 00`; `nil` for all.
    package var column: [UInt8]? { terms.column }

    /// Whether what such a walk does not show, of the columns it looks at, is deleted or expired for every other.
    var seesEverything: Bool {
        timeRange.min <= 0 && timeRange.max == .max && settings.keepDeletedCells == .no
    }

    /// Whether markers outside the time range do not count.
    var ignoresMarkersOutside: Bool { settings.keepDeletedCells != .no }

    /// How many versions of a column are shown at most.
    var versionCountMax: Int { min(terms.maxVersions, settings.maxVersions) }
}
