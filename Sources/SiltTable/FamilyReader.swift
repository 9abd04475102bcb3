import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// Reads one family's part of rows from a cursor, in HBase's order of evaluation.
///
/// For each cell in order: delete markers, the cell's own time to live, the time range, then versions
/// together with the family's time to live; columns that nobody asked for are passed over first, save
/// for family markers, which stand at the empty qualifier and so come before every other column.
struct FamilyReader {
    private enum Step {
        /// Go on with the next cell.
        case next
        /// The rest of this column is of no interest.
        case skipColumn
        /// Nothing of interest comes before this wanted column.
        case skipToWanted
        /// Nothing of interest is left in the row.
        case skipRow
    }

    /// This many cells are passed one by one before seeking: a seek costs about as much.
    private static let skippedCellCountMax = 8

    /// The cursor; after `readRow` at the first cell behind the row (unless that read was the last).
    let cursor: TreeCursor
    private let familyName: String
    private let wanted: [PlannedColumn]?
    private let timeRange: TimeRange
    private let isRaw: Bool
    private let ignoresMarkersOutside: Bool
    private let mayHaveFamilyMarkers: Bool

    private var deletes = DeleteTracker()
    private var versions: VersionTracker
    private var known = KnownColumns()
    /// The first wanted column that was not passed yet.
    private var wantedIndex = 0
    private var skippedCellCount = 0
    private let versionCountMax: Int
    private var versionCount = 0
    /// The column that the cursor is in.
    private var current: PlannedColumn?
    private var isColumnDone = false

    /// A reader of a family at a moment.
    init(
        _ plan: FamilyPlan, of read: ReadPlan, cursor: TreeCursor, mayHaveFamilyMarkers: Bool,
        nowMilliseconds: Int64
    ) {
        self.cursor = cursor
        familyName = plan.family.settings.name
        wanted = plan.columns
        timeRange = read.timeRange
        isRaw = read.isRaw
        ignoresMarkersOutside = plan.keepsDeletedCells
        self.mayHaveFamilyMarkers = mayHaveFamilyMarkers
        versionCountMax = min(plan.maxVersions, plan.family.settings.maxVersions)
        versions = VersionTracker(
            plan.family.settings, maxVersions: plan.maxVersions, nowMilliseconds: nowMilliseconds)
    }

    /// The flags of the cell appended last.
    private(set) var lastFlags: UInt8 = 0

    /// Whether the cursor stands in the row of a prefix.
    func isInRow(_ prefix: [UInt8]) -> Bool {
        guard cursor.isValid, cursor.rowPrefixByteCount == prefix.count else { return false }
        // Safety: a column key is at least as long as its row prefix, and is looked at before the cursor moves.
        let key = unsafe cursor.columnKey
        return unsafe KeyComparison.equal(
            UnsafeRawBufferPointer(rebasing: key[..<prefix.count]), prefix)
    }

    /// Appends the row's wanted cells.
    ///
    /// The cursor must stand at the row's first cell, or at the first that can be wanted.
    ///
    /// - Parameter isLast: whether this reader is not used again: then the row's rest is not passed over.
    mutating func readRow(_ prefix: [UInt8], isLast: Bool, into cells: inout [Cell])
        throws(SiltstoneError)
    {
        deletes.startRow()
        known.startRow()
        wantedIndex = 0
        skippedCellCount = 0
        current = nil
        while isInRow(prefix) {
            switch try step(prefix.count, &cells) {
            case .next:
                try cursor.next()
            case .skipColumn:
                guard let current, try shouldSeek() else { continue }
                var key = prefix + current.suffix
                key[key.count - 1] = 1
                try cursor.seek(key)
            case .skipToWanted:
                guard let wanted, try shouldSeek() else { continue }
                try cursor.seek(prefix + wanted[wantedIndex].suffix)
            case .skipRow:
                if isLast { return }
                guard try shouldSeek() else { continue }
                var key = prefix
                key[key.count - 1] = 1
                try cursor.seek(key)
            }
        }
    }

    /// Passes a cell over, or says that it is time to seek.
    private mutating func shouldSeek() throws(SiltstoneError) -> Bool {
        skippedCellCount += 1
        if skippedCellCount > FamilyReader.skippedCellCountMax {
            skippedCellCount = 0
            return true
        }
        try cursor.next()
        return false
    }

    /// Looks at the cell under the cursor.
    private mutating func step(_ prefixByteCount: Int, _ cells: inout [Cell])
        throws(SiltstoneError) -> Step
    {
        // Safety: a column key is longer than its row prefix; the slice is used before the cursor moves.
        let key = unsafe cursor.columnKey
        let suffix = unsafe UnsafeRawBufferPointer(rebasing: key[prefixByteCount...])
        let isFirstColumn = suffix.count == 1
        var isSame = false
        // Safety: `suffix` is borrowed for the comparison only.
        if let current { isSame = unsafe KeyComparison.equal(suffix, current.suffix) }
        if !isSame {
            // Safety: as above.
            if let step = try unsafe enterColumn(suffix) {
                if isFirstColumn, mayHaveFamilyMarkers, !isRaw {
                    noteFamilyMarker()
                    return .next
                }
                return step
            }
        }
        if isColumnDone {
            guard isFirstColumn, mayHaveFamilyMarkers, !isRaw else { return .skipColumn }
            noteFamilyMarker()
            return .next
        }
        return look(&cells)
    }

    /// Begins a column; when it is not wanted, says what to do.
    private mutating func enterColumn(_ suffix: UnsafeRawBufferPointer)
        throws(SiltstoneError) -> Step?
    {
        guard let wanted else {
            // Safety: passed on for comparison and copying only.
            current = try unsafe known.column(suffix, family: familyName)
            startColumn()
            return nil
        }
        while wantedIndex < wanted.count {
            // Safety: borrowed for the comparison only.
            let order = unsafe KeyComparison.order(suffix, wanted[wantedIndex].suffix)
            if order == 0 {
                current = wanted[wantedIndex]
                startColumn()
                return nil
            }
            if order < 0 {
                current = nil
                return .skipToWanted
            }
            wantedIndex += 1
        }
        current = nil
        return .skipRow
    }

    private mutating func startColumn() {
        deletes.startColumn()
        versions.startColumn()
        isColumnDone = false
        skippedCellCount = 0
        versionCount = 0
    }

    /// Takes note of a marker that is not the current column's own.
    private mutating func noteFamilyMarker() {
        switch cursor.type {
        case CellType.deleteFamily.rawValue: note(.deleteFamily)
        case CellType.deleteFamilyVersion.rawValue: note(.deleteFamilyVersion)
        default: return
        }
    }

    private mutating func note(_ type: CellType) {
        let timestamp = cursor.timestamp
        if ignoresMarkersOutside, !timeRange.contains(timestamp) { return }
        deletes.add(type, timestamp: timestamp, flags: cursor.flags, sequence: cursor.sequence)
    }

    /// Evaluates a cell of the current, wanted column.
    private mutating func look(_ cells: inout [Cell]) -> Step {
        let timestamp = cursor.timestamp
        guard let type = CellType(rawValue: cursor.type) else { return .next }
        if type != .put {
            if isRaw {
                if timeRange.contains(timestamp) { append(type, timestamp, &cells) }
            } else {
                note(type)
            }
            return .next
        }
        if versions.isDuplicate(timestamp: timestamp) { return .next }
        if timestamp < timeRange.min { return finishColumn() }
        if !isRaw, deletes.masks(timestamp: timestamp, sequence: cursor.sequence) {
            return deletes.masksColumn(below: timestamp) ? finishColumn() : .next
        }
        // Safety: the value is looked at before the cursor moves.
        if unsafe versions.isExpired(
            timestamp: timestamp, flags: cursor.flags, value: cursor.value)
        {
            return .next
        }
        if !timeRange.contains(timestamp) { return .next }
        guard versions.admit(timestamp: timestamp) == .include else { return finishColumn() }
        append(.put, timestamp, &cells)
        versionCount += 1
        return versionCount < versionCountMax ? .next : finishColumn()
    }

    /// The rest of the column is of no interest; after the last wanted one, neither is the rest of the row.
    private mutating func finishColumn() -> Step {
        isColumnDone = true
        guard let wanted, wantedIndex == wanted.count - 1 else { return .next }
        return .skipRow
    }

    private mutating func append(_ type: CellType, _ timestamp: Int64, _ cells: inout [Cell]) {
        guard let current else { return }
        lastFlags = cursor.flags
        // Safety: the value is copied below, before the cursor moves.
        var value = unsafe cursor.value
        // Safety: the flag says that 8 bytes of a time to live come first; checked against the count.
        if cursor.flags & CellFlags.hasTimeToLive != 0, value.count >= 8 {
            unsafe value = UnsafeRawBufferPointer(rebasing: value[8...])
        }
        // Safety: the bytes are copied before the cursor moves.
        let bytes = unsafe [UInt8](value)
        cells.append(
            Cell(current.column, timestamp: timestamp, type: type, value: Bytes(bytes)))
    }
}
