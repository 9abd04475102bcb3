import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Turns the mutations of a batch into the encoded operations of each region.
struct BatchEncoder {
    /// The strictest level that the batch's tables ask for, unless the caller set another.
    var durability = Durability.skipWAL

    private let clock: any Clock
    private var groups: [TreeGroup] = []
    private var buffers: [OperationBuffer] = []
    private var byteCount = 0
    /// The table met last, its layout, and for each of its regions the place in `groups`, or -1.
    private var table: StoredTable?
    private var layout: TableLayout?
    private var places: [Int] = []
    /// The column key being made, kept to reuse its room.
    private var key: [UInt8] = []

    init(clock: any Clock) { self.clock = clock }

    /// What the engine is to commit.
    var writes: [GroupWrite] {
        groups.indices.map { GroupWrite(group: groups[$0], operations: buffers[$0]) }
    }

    /// Adds a row's mutation.
    mutating func append(_ item: TableMutation) throws(SiltstoneError) {
        let layout = try layout(of: item.table)
        let mutation = item.mutation
        try RowRules.check(row: mutation.row)
        guard !mutation.changes.isEmpty else {
            throw SiltstoneError(
                .invalidArgument, "mutation has no changes row=\(mutation.row)")
        }
        let place = place(of: mutation.row, layout)
        let before = buffers[place].writer.count
        key.removeAll(keepingCapacity: true)
        CellKey.append(component: mutation.row.array, to: &key)
        let prefixByteCount = key.count
        for index in mutation.changes.indices {
            let change = mutation.changes[index]
            key.removeLast(key.count - prefixByteCount)
            try append(change, at: index, of: mutation, layout, place)
        }
        byteCount += buffers[place].writer.count - before
        guard byteCount <= Limits.batchBytesMax else {
            throw SiltstoneError(
                .invalidArgument, "batch is too large max=\(Limits.batchBytesMax)")
        }
    }

    private mutating func append(
        _ change: CellMutation, at index: Int, of mutation: RowMutation, _ layout: TableLayout,
        _ place: Int
    ) throws(SiltstoneError) {
        let column = change.column
        let family = try layout.family(named: column.family).id
        let timestamp = try RowRules.stored(timestamp: change.timestamp)
        let type: CellType
        switch change.action {
        case .put(let value, let life):
            try RowRules.check(qualifier: column.qualifier)
            try RowRules.check(value: value, column: column)
            if let life, life <= 0 {
                throw SiltstoneError(
                    .invalidArgument, "time to live must be positive column=\(column) ms=\(life)")
            }
            CellKey.append(component: column.qualifier.array, to: &key)
            buffers[place].append(
                .put, family: family, columnKey: key, timestamp: timestamp,
                timeToLiveMilliseconds: life, value: value.array)
            return
        case .deleteVersion:
            try RowRules.check(qualifier: column.qualifier)
            CellKey.append(component: column.qualifier.array, to: &key)
            var exact = timestamp
            if exact == nil { exact = try newestTimestamp(index, mutation, layout) }
            buffers[place].append(
                .delete, family: family, columnKey: key, timestamp: exact, value: [])
            return
        case .deleteColumn:
            try RowRules.check(qualifier: column.qualifier)
            CellKey.append(component: column.qualifier.array, to: &key)
            type = .deleteColumn
        case .deleteFamily:
            key.append(0)
            type = .deleteFamily
        case .deleteFamilyVersion:
            key.append(0)
            type = .deleteFamilyVersion
        }
        buffers[place].append(
            type, family: family, columnKey: key, timestamp: timestamp, value: [])
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
        let layout = try table.layout()
        guard !layout.definition.isReadOnly else {
            throw SiltstoneError(
                .invalidArgument, "table is read-only table=\(layout.definition.name)")
        }
        let wanted = layout.definition.durability ?? .fsyncWAL
        if wanted.rawValue > durability.rawValue { durability = wanted }
        self.table = table
        self.layout = layout
        places = [Int](repeating: -1, count: layout.regions.count)
        return layout
    }

    /// Where the operations of a row's region are gathered.
    private mutating func place(of row: Bytes, _ layout: TableLayout) -> Int {
        let region = layout.regionIndex(of: row)
        if places[region] >= 0 { return places[region] }
        let group = layout.regions[region]
        // A batch that goes back and forth between tables forgets its places, not its buffers.
        if let known = groups.firstIndex(where: { $0 === group }) {
            places[region] = known
            return known
        }
        groups.append(group)
        buffers.append(OperationBuffer(capacity: 256))
        places[region] = groups.count - 1
        return groups.count - 1
    }
}
