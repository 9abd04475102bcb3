import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// Walks the visible cells of one family upwards, where no marker of a whole family is anywhere: most scans.
///
/// The same order of evaluation as `FamilyReader`. The cursor stays on the cell that `advance` found,
/// so that its value can be looked at where it lies.
struct PlainCellReader {
    /// This many cells are passed one by one before seeking: a seek costs about as much.
    private static let passedCountMax = 8

    let cursor: TreeCursor
    /// The row of the current cell.
    private(set) var row: [UInt8] = []
    /// Whether the current cell is of another row than the one before.
    private(set) var startsRow = false
    /// The column of the current cell.
    private(set) var column: Column

    private let familyName: String
    private let wanted: PlannedColumn?
    private let upper: [UInt8]?
    private let timeRange: TimeRange
    private let ignoresMarkersOutside: Bool
    private let versionCountMax: Int
    private var known = KnownColumns()
    private var deletes = DeleteTracker()
    private var versions: VersionTracker
    /// The column key that the cursor is in, and the length of its row prefix.
    private var key: [UInt8] = []
    private var rowCount = 0
    /// What column keys of `column` end with.
    private var suffix: [UInt8] = []
    private var isOnCell = false
    private var isAtEnd = false
    private var isColumnDone = false
    private var isRowDone = false
    private var versionCount = 0
    private var passedCount = 0

    /// A reader from where the cursor stands up to the key `upper`; `nil` when the plan needs more than it can.
    init?(
        _ plan: ReadPlan, _ snapshot: GroupSnapshot, cursor: TreeCursor, upper: [UInt8]?,
        nowMilliseconds: Int64
    ) {
        let family = plan.families[0]
        guard plan.families.count == 1, !plan.isRaw, plan.isPlain,
            family.columns == nil || plan.onlyColumn != nil,
            !snapshot.mayHaveFamilyMarkers(family: family.family.id)
        else { return nil }
        self.cursor = cursor
        self.upper = upper
        familyName = family.family.settings.name
        wanted = plan.onlyColumn
        column = plan.onlyColumn?.column ?? Column(familyName, .empty)
        timeRange = plan.timeRange
        ignoresMarkersOutside = family.keepsDeletedCells
        versionCountMax = min(family.maxVersions, family.family.settings.maxVersions)
        versions = VersionTracker(
            family.family.settings, maxVersions: family.maxVersions,
            nowMilliseconds: nowMilliseconds)
    }

    /// Goes to the next visible cell; false at the end.
    mutating func advance() throws(SiltstoneError) -> Bool {
        if isAtEnd { return false }
        startsRow = false
        if isOnCell { try cursor.next() }
        isOnCell = false
        while true {
            let cell = cursor.current
            guard cell.isValid else { break }
            // Safety: the key is compared and copied before the cursor moves.
            if unsafe !KeyComparison.equal(cell.columnKey, key) {
                guard try unsafe enterColumn(cell.columnKey) else { break }
            }
            if !isColumnDone, shows(cell) {
                isOnCell = true
                return true
            }
            if isColumnDone { try pass() } else { try cursor.next() }
        }
        isAtEnd = true
        return false
    }

    /// The value of the current cell.
    var value: UnsafeRawBufferPointer {
        let value = unsafe cursor.value
        // Safety: the flag says that 8 bytes of a time to live come first; checked against the count.
        if cursor.flags & CellFlags.hasTimeToLive != 0, value.count >= 8 {
            return unsafe UnsafeRawBufferPointer(rebasing: value[8...])
        }
        return unsafe value
    }

    /// Takes note of the column that the cursor came to; false when it lies behind the range.
    private mutating func enterColumn(_ columnKey: UnsafeRawBufferPointer)
        throws(SiltstoneError) -> Bool
    {
        let count = unsafe CellKey.rowPrefixByteCount(of: columnKey)
        // Safety: a row prefix is a part of its column key; all are used before the cursor moves.
        let prefix = unsafe UnsafeRawBufferPointer(rebasing: columnKey[..<count])
        let isSameRow =
            unsafe count == rowCount && KeyComparison.hasPrefix(key, prefix)
        if !isSameRow {
            if let upper, unsafe KeyComparison.order(prefix, upper) >= 0 { return false }
            guard unsafe CellKey.unescape(rowPrefix: prefix, into: &row) else {
                throw SiltstoneError(
                    .corrupted, "row key is damaged key=\(Hex.encode(unsafe [UInt8](prefix)))")
            }
            rowCount = count
            startsRow = true
            isRowDone = false
            deletes.startRow()
            known.startRow()
        }
        key.removeAll(keepingCapacity: true)
        unsafe key.append(contentsOf: columnKey)
        deletes.startColumn()
        versions.startColumn()
        versionCount = 0
        passedCount = 0
        // Safety: as above.
        isColumnDone = try unsafe !wants(UnsafeRawBufferPointer(rebasing: columnKey[count...]))
        return true
    }

    private mutating func wants(_ rest: UnsafeRawBufferPointer) throws(SiltstoneError) -> Bool {
        // Safety: borrowed for comparisons only.
        if let wanted {
            let order = unsafe KeyComparison.order(rest, wanted.suffix)
            // Nothing that follows the wanted column in its row is of interest.
            isRowDone = order >= 0
            return order == 0
        }
        if unsafe !suffix.isEmpty && KeyComparison.equal(rest, suffix) { return true }
        let met = try unsafe known.column(rest, family: familyName)
        column = met.column
        suffix = met.suffix
        return true
    }

    /// Leaves a cell that is of no interest, as all of its column that follows.
    private mutating func pass() throws(SiltstoneError) {
        passedCount += 1
        if passedCount <= PlainCellReader.passedCountMax { return try cursor.next() }
        passedCount = 0
        var target = key
        if isRowDone {
            target.removeLast(target.count - rowCount)
            target[rowCount - 1] = 1
        } else if let wanted {
            target.removeLast(target.count - rowCount)
            target += wanted.suffix
        } else {
            target[target.count - 1] = 1
        }
        try cursor.seek(target)
    }

    /// Whether a cell of the current column is visible; may find that the rest of the column is not.
    private mutating func shows(_ cell: CursorCell) -> Bool {
        if versionCount >= versionCountMax {
            isColumnDone = true
            return false
        }
        let timestamp = cell.timestamp
        if cell.type != CellType.put.rawValue {
            if let type = CellType(rawValue: cell.type),
                !ignoresMarkersOutside || timeRange.contains(timestamp)
            {
                deletes.add(
                    type, timestamp: timestamp, flags: cell.flags, sequence: cell.sequence)
            }
            return false
        }
        if versions.isDuplicate(timestamp: timestamp) { return false }
        if timestamp < timeRange.min {
            isColumnDone = true
            return false
        }
        if deletes.masks(timestamp: timestamp, sequence: cell.sequence) {
            isColumnDone = deletes.masksColumn(below: timestamp)
            return false
        }
        if cell.flags & CellFlags.hasTimeToLive != 0,
            // Safety: the value is looked at before the cursor moves.
            unsafe versions.isExpired(
                timestamp: timestamp, flags: cell.flags, value: cursor.value)
        {
            return false
        }
        if !timeRange.contains(timestamp) { return false }
        guard versions.admit(timestamp: timestamp) == .include else {
            isColumnDone = true
            return false
        }
        versionCount += 1
        return true
    }
}

/// The cells of one row together.
struct PlainRowReader {
    private var cells: PlainCellReader
    /// Whether the reader stands on the first cell of a row that was not given yet.
    private var isPending = false

    /// A reader of rows above one of cells.
    init(_ cells: PlainCellReader) { self.cells = cells }

    /// The next row; `nil` at the end.
    mutating func next() throws(SiltstoneError) -> Row? {
        if !isPending, try !cells.advance() { return nil }
        isPending = false
        // Safety: a copy is made of the value before the cursor moves.
        let key = Bytes(cells.row)
        var list: [Cell] = []
        repeat {
            if !list.isEmpty, cells.startsRow {
                isPending = true
                break
            }
            list.append(
                Cell(
                    cells.column, timestamp: cells.cursor.timestamp,
                    value: Bytes(unsafe [UInt8](cells.value))))
        } while try cells.advance()
        return Row(key: key, cells: list)
    }

    /// Shows each cell to `body` where it lies, until it wants no more.
    ///
    /// - Returns: whether the end was reached.
    mutating func forEachCell(
        _ body: (_ row: [UInt8], Column, _ timestamp: Int64, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Bool {
        while true {
            if !isPending, try !cells.advance() { return true }
            isPending = false
            // Safety: the value is lent for the call, during which the cursor stays.
            let goesOn = try unsafe body(
                cells.row, cells.column, cells.cursor.timestamp, cells.value)
            if !goesOn { return false }
        }
    }
}
