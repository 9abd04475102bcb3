import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

/// Reads the rows of one family, where no marker of a whole family is anywhere: most scans.
///
/// The walk hands over runs of cells; here they get the names of their columns and become rows.
/// Downwards, a few rows are read upwards and given in the opposite order, then those before them.
struct PlainRowReader {
    private let walk: CellWalk
    /// Kept for as long as the walk is used.
    private let snapshot: GroupSnapshot
    private let plan: PlainPlan
    private let isReusable: Bool
    /// The next cell of the batch, and how many there are.
    private var place = 0
    private var count = 0
    private var isAtEnd = false
    /// Downwards: the rows to give next, the next one last; where they begin; the least row prefix.
    private var rows: [Row] = []
    private var bound: [UInt8]?
    private var lower: [UInt8] = []
    private var stepsBack = PlainRowReader.stepsBackFirst

    private static let stepsBackFirst = 8
    private static let stepsBackMax = 128

    /// A reader of a region's rows up to the key `upper`; `nil` when the plan needs more than it can.
    init?(
        _ plan: ReadPlan, _ snapshot: GroupSnapshot, upper: [UInt8]?, nowMilliseconds now: Int64
    ) throws(SiltstoneError) {
        guard let plain = plan.plain else { return nil }
        var options = CursorOptions()
        options.timeRange = plan.timeRange
        if plan.needsTime {
            options.timeRange = plan.families[0].timeRange(plan.timeRange, nowMilliseconds: now)
        }
        let rule = WalkRule(plain.terms, upper: upper, nowMilliseconds: now)
        guard let walk = try snapshot.walk(family: plain.family, rule, options) else { return nil }
        self.walk = walk
        self.snapshot = snapshot
        self.plan = plain
        isReusable = options.takesAll
    }

    /// Ends the reading.
    func finish() {
        if isReusable { snapshot.giveBack(walk, family: plan.family) }
    }

    /// Goes to the first row at or after a key prefix.
    mutating func seek(_ key: [UInt8]) throws(SiltstoneError) {
        try walk.seek(key)
        place = 0
        count = 0
        isAtEnd = false
    }

    /// Fetches a batch when there is no cell left; false at the end.
    private mutating func fetch() throws(SiltstoneError) -> Bool {
        if place < count { return true }
        if isAtEnd { return false }
        place = 0
        count = try walk.fill()
        if walk.columnGeneration != walk.namesGeneration {
            walk.namesGeneration = walk.columnGeneration
            walk.names.removeAll(keepingCapacity: true)
        }
        isAtEnd = count == 0
        return count > 0
    }

    /// The name of a column.
    private func column(_ number: Int) throws(SiltstoneError) -> Column {
        while walk.names.count <= number {
            let suffix = walk.suffix(walk.names.count)
            do {
                let qualifier = try CellKey.component(of: suffix, at: 0).bytes
                walk.names.append(Column(plan.familyName, Bytes(qualifier)))
            } catch {
                throw SiltstoneError(
                    .corrupted,
                    "column key is damaged family=\(plan.familyName) key=\(Hex.encode(suffix))")
            }
        }
        return walk.names[number]
    }

    /// Makes the reader go down from before `upper` (`nil`: the end) to the row prefix `lower`.
    mutating func startBack(before upper: [UInt8]?, lower: [UInt8]) {
        bound = upper
        self.lower = lower
    }

    /// Downwards: the row before the last one; `nil` at the end.
    mutating func previous() throws(SiltstoneError) -> Row? {
        while rows.isEmpty {
            guard !isAtEnd,
                let start = try walk.seekBack(before: bound, lower: lower, steps: stepsBack)
            else { return nil }
            place = 0
            count = 0
            while let row = try next() { rows.append(row) }
            bound = start
            isAtEnd = start == lower
            stepsBack = min(stepsBack * 2, Self.stepsBackMax)
        }
        return rows.removeLast()
    }

    /// The next row; `nil` at the end.
    mutating func next() throws(SiltstoneError) -> Row? {
        guard try fetch() else { return nil }
        // Safety: cells of the batch are read, and their bytes copied, before the walk moves.
        let key = Bytes(unsafe [UInt8](walk.cells[place].rowBytes))
        var cells: [Cell] = []
        repeat {
            let cell = unsafe walk.cells[place]
            if cell.startsRow, !cells.isEmpty { break }
            cells.append(
                Cell(
                    try column(Int(cell.column)), timestamp: cell.timestamp,
                    value: Bytes(unsafe [UInt8](cell.valueBytes))))
            place += 1
        } while try fetch()
        return Row(key: key, cells: cells)
    }

    /// Shows each cell to `body` where it lies, until it wants no more.
    ///
    /// - Returns: whether the end was reached.
    mutating func forEachCell(
        _ body: (_ row: Bytes, Column, _ timestamp: Int64, borrowing Span<UInt8>) throws -> Bool
    ) throws -> Bool {
        var row: [UInt8] = []
        var shown = -1
        var name = Column(plan.familyName, .empty)
        while try fetch() {
            // Safety: the cells are the batch's, which stays until the next `fetch`.
            let cells = unsafe walk.cells
            let end = count
            var index = place
            place = end
            // A generation may have ended.
            shown = -1
            while index < end {
                // The places are looked at in the batch: no copy, no call.
                let cell = unsafe cells + index
                if unsafe cell.pointee.startsRow || row.isEmpty {
                    unsafe PlainRowReader.set(
                        &row, cell.pointee.row, Int(cell.pointee.rowByteCount))
                }
                if unsafe Int(cell.pointee.column) != shown {
                    shown = unsafe Int(cell.pointee.column)
                    name = try column(shown)
                }
                index &+= 1
                // Safety: the value stays where it is during the call, which the span cannot outlive.
                let value = unsafe Span<UInt8>(
                    _unsafeStart: cell.pointee.value.assumingMemoryBound(to: UInt8.self),
                    count: Int(cell.pointee.valueByteCount))
                if try unsafe !body(Bytes(row), name, cell.pointee.timestamp, value) {
                    place = index
                    return false
                }
            }
        }
        return true
    }

    /// Makes a key that of a row; in place when it is as long as the last and nobody else has that.
    @inline(__always)
    private static func set(_ key: inout [UInt8], _ row: UnsafeRawPointer, _ count: Int) {
        guard key.count == count else {
            // Safety: the row is lent for the call and copied.
            key = unsafe [UInt8](UnsafeRawBufferPointer(start: row, count: count))
            return
        }
        // Safety: both have as many bytes.
        unsafe key.withUnsafeMutableBytes { target in
            guard let target = target.baseAddress else { return }
            guard count >= 8 else {
                return unsafe target.copyMemory(from: row, byteCount: count)
            }
            let last = count &- 8
            var place = 0
            while place < last {
                unsafe target.storeBytes(
                    of: row.loadUnaligned(fromByteOffset: place, as: UInt64.self),
                    toByteOffset: place, as: UInt64.self)
                place &+= 8
            }
            unsafe target.storeBytes(
                of: row.loadUnaligned(fromByteOffset: last, as: UInt64.self),
                toByteOffset: last, as: UInt64.self)
        }
    }
}
