import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// A projection resolved against a table's schema.
final class ReadPlan: Sendable {
    /// The projection.
    let projection: Projection
    /// The wanted families in the byte order of their names.
    let families: [FamilyPlan]
    /// The time stamps of interest.
    let timeRange: TimeRange
    /// Whether markers and deleted cells are shown.
    let isRaw: Bool
    /// Which of the admitted rows and cells are given; `nil` for all.
    let filter: Filter?
    /// How many cells of each family of a row are given at most.
    let cellsPerFamilyLimit: Int
    /// How many of them are passed over first.
    let cellsPerFamilyOffset: Int
    /// Whether the time matters, because cells expire.
    let needsTime: Bool

    /// The one column that is wanted of one family, when that is all and neither filter nor limits apply.
    let onlyColumn: PlannedColumn?

    /// What a walk over one family takes, when that is all there is to do.
    let plain: PlainPlan?

    init(_ projection: Projection, layout: TableLayout) throws(SiltstoneError) {
        guard projection.maxVersions >= 1 else {
            throw SiltstoneError(
                .invalidArgument, "versions must be at least 1 versions=\(projection.maxVersions)")
        }
        self.projection = projection
        let range = projection.timeRange
        guard range.min >= 0, range.min <= range.max else {
            throw SiltstoneError(
                .invalidArgument,
                "time range must not be negative or end before it begins min=\(range.min) max=\(range.max)"
            )
        }
        timeRange = range
        isRaw = projection.isRaw
        filter = projection.filter
        cellsPerFamilyLimit = projection.cellsPerFamilyLimit ?? .max
        cellsPerFamilyOffset = projection.cellsPerFamilyOffset
        guard cellsPerFamilyLimit >= 0, cellsPerFamilyOffset >= 0 else {
            throw SiltstoneError(
                .invalidArgument,
                "cells per family must not be negative limit=\(cellsPerFamilyLimit) offset=\(cellsPerFamilyOffset)"
            )
        }
        families =
            projection.selectors.isEmpty
            ? layout.families.map { FamilyPlan($0, columns: nil, projection) }
            : try ReadPlan.resolve(projection, layout)
        let isPlain =
            filter == nil && cellsPerFamilyLimit == .max && cellsPerFamilyOffset == 0
        if isPlain, families.count == 1, let columns = families[0].columns, columns.count == 1 {
            onlyColumn = columns[0]
        } else {
            onlyColumn = nil
        }
        needsTime = families.contains { $0.family.settings.timeToLiveMilliseconds != nil }
        plain =
            isPlain && !isRaw && families.count == 1
                && (families[0].columns == nil || onlyColumn != nil)
            ? PlainPlan(families[0], timeRange: range, column: onlyColumn) : nil
    }

    /// A whole family wins over single columns of it.
    private static func resolve(_ projection: Projection, _ layout: TableLayout)
        throws(SiltstoneError) -> [FamilyPlan]
    {
        if projection.selectors.count == 1, case .column(let column) = projection.selectors[0] {
            let family = try layout.family(named: column.family)
            return [FamilyPlan(family, columns: [column], projection)]
        }
        var columns = [[Column]?](repeating: [], count: layout.families.count)
        var isWanted = [Bool](repeating: false, count: layout.families.count)
        for selector in projection.selectors {
            let name =
                switch selector {
                case .family(let name): name
                case .column(let column): column.family
                }
            _ = try layout.family(named: name)
            for index in layout.families.indices where layout.families[index].settings.name == name
            {
                isWanted[index] = true
                if case .column(let column) = selector {
                    columns[index]?.append(column)
                } else {
                    columns[index] = nil
                }
            }
        }
        return layout.families.indices.compactMap { index in
            isWanted[index]
                ? FamilyPlan(layout.families[index], columns: columns[index], projection) : nil
        }
    }
}

/// A read of one family, or of one column of it, without a filter or limits.
final class PlainPlan: Sendable {
    /// The family's number.
    let family: UInt8
    /// The family's name.
    let familyName: String
    /// What is shown.
    let terms: WalkTerms

    init(_ plan: FamilyPlan, timeRange: TimeRange, column: PlannedColumn?) {
        family = plan.family.id
        familyName = plan.family.settings.name
        terms = WalkTerms(
            plan.family.settings, maxVersions: plan.maxVersions, timeRange: timeRange,
            column: column?.suffix)
    }
}

/// What is read of one family.
struct FamilyPlan: Sendable {
    /// The family.
    let family: StoredFamily
    /// The wanted columns, ascending, with the end of their column keys; `nil` means all.
    let columns: [PlannedColumn]?
    /// The versions wanted of each column.
    let maxVersions: Int

    init(_ family: StoredFamily, columns: [Column]?, _ projection: Projection) {
        var family = family
        if projection.isRaw {
            // Raw reads show surplus versions as long as they are stored.
            var settings = family.settings
            settings.collectionRule = nil
            settings.maxVersions = .max
            family = StoredFamily(id: family.id, settings: settings)
        }
        self.family = family
        maxVersions = projection.maxVersions
        guard let columns else {
            self.columns = nil
            return
        }
        var planned = columns.map { PlannedColumn($0) }
        if planned.count > 1 {
            planned.sort { $0.suffix.lexicographicallyPrecedes($1.suffix) }
            var distinct: [PlannedColumn] = []
            for column in planned where distinct.last?.suffix != column.suffix {
                distinct.append(column)
            }
            planned = distinct
        }
        self.columns = planned
    }

    /// Whether markers outside the time range do not count, as for families that keep deleted cells.
    var keepsDeletedCells: Bool { family.settings.keepDeletedCells != .no }

    /// The time stamps that can matter at a moment: those that expired before it are left out.
    func timeRange(_ wanted: TimeRange, nowMilliseconds: Int64) -> TimeRange {
        guard let life = family.settings.timeToLiveMilliseconds, family.settings.minVersions == 0
        else { return wanted }
        let (oldest, overflow) = nowMilliseconds.subtractingReportingOverflow(life)
        guard !overflow, oldest > wanted.min else { return wanted }
        return TimeRange(min: min(oldest, wanted.max), max: wanted.max)
    }
}

/// A column and the bytes of its column keys after the row prefix.
struct PlannedColumn: Sendable {
    let column: Column
    let suffix: [UInt8]

    init(_ column: Column) {
        self.column = column
        var suffix: [UInt8] = []
        suffix.reserveCapacity(column.qualifier.count + 1)
        CellKey.append(component: column.qualifier.array, to: &suffix)
        self.suffix = suffix
    }

    init(column: Column, suffix: [UInt8]) {
        self.column = column
        self.suffix = suffix
    }
}
