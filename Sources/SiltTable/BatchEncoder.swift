import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Turns the mutations of a batch into the encoded operations of each region.
struct BatchEncoder {
    /// The strictest level that the batch's tables ask for, unless the caller set another.
    var durability = Durability.skipWAL

    /// What the engine is to commit.
    private(set) var writes: [GroupWrite] = []
    /// The size of it, in bytes.
    private(set) var byteCount = 0
    /// What feeds are to tell of it.
    private(set) var feeds: [FeedPart] = []

    private let clock: any Clock
    private let indexTables: IndexTables
    private let changeFeeds: ChangeFeeds
    /// The table met last, its layout, and for each of its regions the place in `writes`, or -1;
    /// a table of one region keeps that place apart.
    private var table: StoredTable?
    private var layout: TableLayout?
    private var places: [Int] = []
    private var onlyPlace = -1
    /// How many mutations are still to come, this one included: a new buffer gets room for all.
    private var expectedCount: Int

    init(shared: SharedParts, expectedCount: Int) {
        clock = shared.clock
        indexTables = shared.indexTables
        changeFeeds = shared.feeds
        self.expectedCount = expectedCount
    }

    /// Adds a row's mutation.
    mutating func append(_ mutation: RowMutation, of table: StoredTable) throws(SiltstoneError) {
        let layout = try layout(of: table)
        try RowRules.check(row: mutation.row)
        guard !mutation.changes.isEmpty else {
            throw SiltstoneError(
                .invalidArgument, "mutation has no changes row=\(mutation.row)")
        }
        let place = place(of: mutation, layout)
        let before = writes[place].operations.byteCount
        let isMixed = Self.putsAfterDelete(mutation)
        var told: [CellMutation]? = layout.feed == nil ? nil : []
        try append(mutation, puts: isMixed ? true : nil, layout, place, &told)
        if isMixed { try append(mutation, puts: false, layout, place, &told) }
        expectedCount -= 1
        byteCount += writes[place].operations.byteCount - before
        guard byteCount <= Limits.batchBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "batch is too large max=\(Limits.batchBytesMax)")
        }
        if !layout.indexes.isEmpty { try appendEntries(of: mutation, layout) }
        if let told, let stored = layout.feed, let feed = changeFeeds[stored.id] {
            tell(.row(RowMutation(row: mutation.row, changes: told)), in: feed)
        }
    }

    /// Adds rows that were encoded before; `false` when they have to be added one by one for what else is written with them.
    ///
    /// What a changed schema means for families and regions the engine finds out itself.
    mutating func append(_ rows: EncodedRows) throws(SiltstoneError) -> Bool {
        let layout = try layout(of: rows.table)
        if layout.isTracked { return false }
        for write in rows.writes where write.operations.count > 0 {
            if let index = writes.firstIndex(where: { $0.group === write.group }) {
                do throws(DecodingError) {
                    try writes[index].operations.append(contentsOf: write.operations)
                } catch {
                    throw SiltstoneError(.corrupted, "batch is damaged: \(error.message)")
                }
            } else {
                writes.append(write)
            }
            byteCount += write.operations.byteCount
        }
        guard byteCount <= Limits.batchBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "batch is too large max=\(Limits.batchBytesMax)")
        }
        return true
    }

    /// Takes note of what a feed is to tell.
    mutating func tell(_ kind: TableChange.Kind, in feed: ChangeFeed) {
        if let index = feeds.firstIndex(where: { $0.feed === feed }) {
            feeds[index].kinds.append(kind)
        } else {
            feeds.append(FeedPart(feed: feed, kinds: [kind]))
        }
    }

    /// Whether a value comes after a delete.
    ///
    /// All changes of one mutation happen at one time, so its deletes mask its values, whatever their order, as in HBase: they are
    /// written last then.
    private static func putsAfterDelete(_ mutation: RowMutation) -> Bool {
        if mutation.changes.count < 2 { return false }
        guard let first = mutation.changes.firstIndex(where: { !$0.isPut }) else { return false }
        return mutation.changes[first...].contains { $0.isPut }
    }

    /// Enters the row under its new values in the table's indexes.
    ///
    /// What it no longer holds stays entered until a scan comes upon it (`IndexedRows`).
    private mutating func appendEntries(of mutation: RowMutation, _ layout: TableLayout)
        throws(SiltstoneError)
    {
        for change in mutation.changes {
            guard case .put(let value, _) = change.action,
                let index = layout.indexes.first(where: { $0.declared.column == change.column }),
                let ordered = IndexEntry.ordered(value.array, index.declared.order),
                let entries = indexTables[index.id]
            else { continue }
            expectedCount += 1
            try append(IndexEntry.put(mutation.row, ordered), of: entries)
        }
    }

    /// Adds a mutation's changes: all of them, those that store values, or the others.
    private mutating func append(
        _ mutation: RowMutation, puts: Bool?, _ layout: TableLayout, _ place: Int,
        _ told: inout [CellMutation]?
    ) throws(SiltstoneError) {
        for index in mutation.changes.indices
        where puts == nil || mutation.changes[index].isPut == puts {
            let change = mutation.changes[index]
            let timestamp = try append(change, at: index, of: mutation, layout, place)
            told?.append(CellMutation(change.column, change.action, timestamp: timestamp))
        }
    }

    /// Adds a change.
    ///
    /// - Returns: its time stamp; `nil` when the server assigns it.
    private mutating func append(
        _ change: CellMutation, at index: Int, of mutation: RowMutation, _ layout: TableLayout,
        _ place: Int
    ) throws(SiltstoneError) -> Int64? {
        let family = layout.families[try layout.familyIndex(named: change.column.family)].id
        let timestamp = try RowRules.stored(timestamp: change.timestamp)
        switch change.action {
        case .put(let value, let life):
            try RowRules.check(qualifier: change.column.qualifier)
            // An entry of a feed holds the longest value and its column.
            if !layout.isFeed { try RowRules.check(value: value, column: change.column) }
            if let life, life <= 0 {
                throw SiltstoneError(
                    .invalidArgument,
                    "time to live must be positive column=\(change.column) ms=\(life)")
            }
            writes[place].operations.append(
                .put, family: family, row: mutation.row.array,
                qualifier: change.column.qualifier.array, timestamp: timestamp,
                timeToLiveMilliseconds: life, value: value.array)
        case .deleteVersion:
            try RowRules.check(qualifier: change.column.qualifier)
            var exact = timestamp
            if exact == nil { exact = try newestTimestamp(index, mutation, layout) }
            appendMarker(.delete, family, mutation.row, change.column.qualifier, exact, place)
            return exact
        case .deleteColumn:
            try RowRules.check(qualifier: change.column.qualifier)
            appendMarker(
                .deleteColumn, family, mutation.row, change.column.qualifier, timestamp, place)
        case .deleteFamily:
            appendMarker(.deleteFamily, family, mutation.row, .empty, timestamp, place)
        case .deleteFamilyVersion:
            appendMarker(.deleteFamilyVersion, family, mutation.row, .empty, timestamp, place)
        }
        return timestamp
    }

    private mutating func appendMarker(
        _ type: CellType, _ family: UInt8, _ row: Bytes, _ qualifier: Bytes, _ timestamp: Int64?,
        _ place: Int
    ) {
        writes[place].operations.append(
            type, family: family, row: row.array, qualifier: qualifier.array, timestamp: timestamp,
            value: [])
    }

    /// The time stamp of the version that a delete without one means: the newest, or the n-th for the n-th such delete of a mutation.
    ///
    /// The row's stripe is held alone. `nil` when there is no such version: then the marker gets the time of the commit.
    private func newestTimestamp(_ index: Int, _ mutation: RowMutation, _ layout: TableLayout)
        throws(SiltstoneError) -> Int64?
    {
        let column = mutation.changes[index].column
        let rank = mutation.changes[..<index].count {
            $0.action == .deleteVersion && $0.column == column
                && ($0.timestamp == nil || $0.timestamp == .max)
        }
        let projection = Projection([.column(column)], maxVersions: rank + 1)
        let row = try RowGetter.get(mutation.row, projection, layout: layout, clock: clock)
        guard let cells = row?.cells, cells.count > rank else { return nil }
        return cells[rank].timestamp
    }

    private mutating func layout(of table: StoredTable) throws(SiltstoneError) -> TableLayout {
        if let layout, self.table === table { return layout }
        let layout = try table.writableLayout()
        if layout.durability.rawValue > durability.rawValue { durability = layout.durability }
        self.table = table
        self.layout = layout
        onlyPlace = -1
        if layout.regions.count > 1 { places = [Int](repeating: -1, count: layout.regions.count) }
        return layout
    }

    /// Where the operations of a row's region are gathered.
    private mutating func place(of mutation: RowMutation, _ layout: TableLayout) -> Int {
        if layout.regions.count == 1 {
            if onlyPlace < 0 { onlyPlace = place(of: layout.regions[0], like: mutation) }
            return onlyPlace
        }
        let region = layout.regionIndex(of: mutation.row)
        if places[region] < 0 { places[region] = place(of: layout.regions[region], like: mutation) }
        return places[region]
    }

    private mutating func place(of group: TreeGroup, like mutation: RowMutation) -> Int {
        // A batch that goes back and forth between tables forgets its places, not its buffers.
        if let known = writes.firstIndex(where: { $0.group === group }) { return known }
        writes.append(
            GroupWrite(group: group, operations: OperationBuffer(capacity: room(like: mutation))))
        return writes.count - 1
    }

    /// The bytes of so many operations as are to come, if they are like a mutation's; within reason.
    private func room(like mutation: RowMutation) -> Int {
        var count = 0
        for change in mutation.changes {
            count +=
                OperationBuffer.extraByteCount + mutation.row.count + change.column.qualifier.count
            if case .put(let value, _) = change.action { count += value.count }
        }
        return count * min(expectedCount, max(1, (1 << 18) / count))
    }
}

extension CellMutation {
    /// Whether the change stores a value.
    var isPut: Bool { if case .put = action { true } else { false } }
}
