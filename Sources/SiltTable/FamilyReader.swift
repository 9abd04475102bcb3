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
        /// The filter passes nothing before its hint.
        case skipToHint
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
    /// The rest of the row is of no interest.
    private var isRowDone = false
    private let filter: FilterEvaluator?
    private let familyBytes: Bytes
    private let cellCountMax: Int
    private let cellOffset: Int
    private var passedCellCount = 0
    private var givenCellCount = 0
    /// What is left of the effort that reads may take.
    private(set) var effortLeft: Int

    /// A reader of a family at a moment.
    ///
    /// - Parameter effortMax: see `ReadBounds`; over all rows that are read.
    init(
        _ plan: FamilyPlan, of read: ReadPlan, cursor: TreeCursor, mayHaveFamilyMarkers: Bool,
        nowMilliseconds: Int64, filter: FilterEvaluator? = nil,
        effortMax: Int = ReadBounds.none.effortMax
    ) {
        effortLeft = effortMax
        self.cursor = cursor
        self.filter = filter
        familyBytes = Bytes(plan.family.settings.name)
        cellCountMax = read.cellsPerFamilyLimit
        cellOffset = read.cellsPerFamilyOffset
        familyName = plan.family.settings.name
        wanted = plan.columns
        timeRange = read.timeRange
        isRaw = read.isRaw
        ignoresMarkersOutside = plan.keepsDeletedCells
        self.mayHaveFamilyMarkers = mayHaveFamilyMarkers
        versionCountMax = min(plan.maxVersions, plan.family.settings.maxVersions)
        versions = VersionTracker(
            plan.family.settings, maxVersions: filter == nil ? plan.maxVersions : nil,
            nowMilliseconds: nowMilliseconds)
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
        isRowDone = false
        passedCellCount = 0
        givenCellCount = 0
        while isInRow(prefix) {
            effortLeft -= 1
            guard effortLeft >= 0 else { throw ReadBounds.exceeded }
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
            case .skipToHint:
                guard let hint = filter?.hint, try shouldSeek() else { continue }
                var key = prefix
                CellKey.append(component: hint, to: &key)
                try cursor.seek(key)
            case .skipRow:
                if isLast { return }
                guard try shouldSeek() else { continue }
                var key = prefix
                key[key.count - 1] = 1
                try cursor.seek(key)
            }
        }
    }

    /// Passes the row over, when the cursor is in it.
    mutating func passRow(_ prefix: [UInt8]) throws(SiltstoneError) {
        skippedCellCount = 0
        while isInRow(prefix) {
            guard try shouldSeek() else { continue }
            var key = prefix
            key[key.count - 1] = 1
            try cursor.seek(key)
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
        if isRowDone { return .skipRow }
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
        if !isRaw,
            deletes.masks(timestamp: timestamp, flags: cursor.flags, sequence: cursor.sequence)
        {
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
        if let filter { return lookFiltered(filter, timestamp, &cells) }
        versionCount += 1
        let step = give(timestamp, &cells)
        return isRowDone || versionCount < versionCountMax ? step : finishColumn()
    }

    /// Asks the filter about a value; the versions that the read wants are counted after it.
    private mutating func lookFiltered(
        _ filter: FilterEvaluator, _ timestamp: Int64, _ cells: inout [Cell]
    ) -> Step {
        guard let current else { return .next }
        // Safety: the value is looked at before the cursor moves.
        let value = unsafe Span<UInt8>(
            _unsafeElements: bareValue().assumingMemoryBound(to: UInt8.self))
        let decision = filter.decide(
            family: familyBytes, qualifier: current.column.qualifier, timestamp: timestamp,
            value: value)
        switch decision {
        case .nextRow:
            isRowDone = true
            return .skipRow
        case .nextColumn: return finishColumn()
        case .skip:
            // Family markers stand among the cells of the empty qualifier: those must all be seen.
            let mustSeeAll = current.suffix.count == 1 && mayHaveFamilyMarkers
            return filter.hint == nil || wanted != nil || mustSeeAll ? .next : .skipToHint
        case .include, .includeNextColumn:
            versionCount += 1
            if versionCount > versionCountMax { return finishColumn() }
            let step = give(timestamp, &cells)
            return decision == .include || isRowDone ? step : finishColumn()
        }
    }

    /// Appends a value, unless the read passes some over first or has enough of the family.
    private mutating func give(_ timestamp: Int64, _ cells: inout [Cell]) -> Step {
        if passedCellCount < cellOffset {
            passedCellCount += 1
            return .next
        }
        guard givenCellCount < cellCountMax else {
            isRowDone = true
            return .skipRow
        }
        givenCellCount += 1
        append(.put, timestamp, &cells)
        return .next
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
        // Safety: the bytes are copied before the cursor moves.
        let bytes = unsafe Bytes([UInt8](bareValue()))
        effortLeft -= bytes.count / 64
        cells.append(
            Cell(
                current.column, timestamp: timestamp, type: type,
                value: filter?.form(bytes) ?? bytes))
    }

    /// The current value without its time to live; to be used before the cursor moves.
    private func bareValue() -> UnsafeRawBufferPointer {
        // Safety: handed on under the same condition.
        let value = unsafe cursor.value
        // Safety: the flag says that 8 bytes of a time to live come first; checked against the count.
        guard cursor.flags & CellFlags.hasTimeToLive != 0, value.count >= 8 else {
            return unsafe value
        }
        return unsafe UnsafeRawBufferPointer(rebasing: value[8...])
    }
}
