public import SiltBytes
public import SiltModel

/// What a table must answer: the rules of cells, markers, versions and time to live over a plain list.
///
/// Slow and obvious, to be held against the real thing. One difference from HBase is on purpose: when
/// the server gave marker and value the same time stamp, the marker masks only what was written before.
public struct TableModel: Sendable {
    struct Entry: Sendable {
        var column: Column
        var timestamp: Int64
        var type: CellType
        var value: Bytes
        var timeToLive: Int64?
        var sequence: Int
        var isServers: Bool
    }

    /// The families.
    public let families: [Family]
    /// What was written to each row, by family.
    private var rows: [Bytes: [String: [Entry]]] = [:]
    private var sequence = 0

    /// An empty table.
    public init(families: [Family]) {
        self.families = families.sorted { Bytes($0.name) < Bytes($1.name) }
    }

    /// The rows that have cells or markers, ascending.
    public var rowKeys: [Bytes] { rows.keys.sorted() }

    /// Applies a mutation at a moment; changes without a time stamp get `now`.
    public mutating func apply(_ mutation: RowMutation, nowMilliseconds now: Int64) {
        var added: [Entry] = []
        // All changes of a mutation happen at once: its markers mask its values, whatever their order.
        let changes = Array(mutation.changes.enumerated())
        let isPut = { (change: CellMutation) in
            if case .put = change.action { true } else { false }
        }
        for (index, change) in changes.filter({ isPut($0.element) })
            + changes.filter({ !isPut($0.element) })
        {
            sequence += 1
            let given = change.timestamp == .max ? nil : change.timestamp
            var entry = Entry(
                column: change.column, timestamp: given ?? now, type: .put, value: .empty,
                timeToLive: nil, sequence: sequence, isServers: given == nil)
            switch change.action {
            case .put(let value, let life): (entry.value, entry.timeToLive) = (value, life)
            case .deleteVersion:
                entry.type = .delete
                if given == nil, let newest = newest(index, of: mutation, now) {
                    (entry.timestamp, entry.isServers) = (newest, false)
                }
            case .deleteColumn: entry.type = .deleteColumn
            case .deleteFamily:
                entry.type = .deleteFamily
                entry.column = Column(change.column.family, .empty)
            case .deleteFamilyVersion:
                entry.type = .deleteFamilyVersion
                entry.column = Column(change.column.family, .empty)
            }
            added.append(entry)
        }
        for entry in added {
            rows[mutation.row, default: [:]][entry.column.family, default: []].append(entry)
        }
    }

    /// Forgets all cells of a family, as when it is removed from a table and comes back.
    public mutating func removeCells(of family: String) {
        for row in rows.keys { replaceEntries([], ofRow: row, family) }
    }

    /// The row's cells that a projection shows at a moment; `nil` when there are none.
    public func get(_ row: Bytes, _ projection: Projection = .all, nowMilliseconds now: Int64)
        -> Row?
    {
        let cells = families.flatMap { read(row, $0, projection, now) }
        return cells.isEmpty ? nil : Row(key: row, cells: cells)
    }

    /// The rows of a range that have cells to show at a moment.
    public func scan(
        _ range: RowRange = .all, _ projection: Projection = .all, nowMilliseconds now: Int64
    ) -> [Row] {
        let (low, high, includesLow, includesHigh) =
            range.isReversed
            ? (range.stop, range.start, range.includesStop, range.includesStart)
            : (range.start, range.stop, range.includesStart, range.includesStop)
        let ascending = rowKeys.filter { key in
            (low.isEmpty || key > low || (key == low && includesLow))
                && (high.isEmpty || key < high || (key == high && includesHigh))
                && (low.isEmpty || low != high || (includesLow && includesHigh))
        }
        let keys = range.isReversed ? ascending.reversed() : ascending
        return keys.compactMap { get($0, projection, nowMilliseconds: now) }
    }

    /// Drops what a merge of everything drops: what no read without history can see, and the markers.
    public mutating func compact(nowMilliseconds now: Int64) {
        for (row, stored) in rows {
            for family in families {
                let entries = stored[family.name] ?? []
                let keeps = family.keepDeletedCells != .no
                let markers = markers(of: entries)
                var kept = keeps ? markers : []
                for column in puts(of: entries) {
                    kept += versions(column, family, now) { entry in
                        keeps || !TableModel.isMasked(entry, markers)
                    }
                }
                replaceEntries(kept, ofRow: row, family.name)
            }
        }
    }

    private mutating func replaceEntries(_ entries: [Entry], ofRow row: Bytes, _ family: String) {
        rows[row]?[family] = entries.isEmpty ? nil : entries
        if rows[row]?.isEmpty == true { rows[row] = nil }
    }

    private func read(_ row: Bytes, _ family: Family, _ projection: Projection, _ now: Int64)
        -> [Cell]
    {
        guard wants(family, projection), let entries = rows[row]?[family.name] else { return [] }
        let range = projection.timeRange
        let keeps = family.keepDeletedCells != .no
        let markers = markers(of: entries).filter {
            !keeps || range.contains($0.timestamp)
        }
        var cells: [Cell] = []
        for column in puts(of: entries) {
            guard let first = column.first, wants(first.column, projection) else { continue }
            let shown = versions(column, family, now) { entry in
                !TableModel.isMasked(entry, markers) && range.contains(entry.timestamp)
            }
            for entry in shown.prefix(projection.maxVersions) {
                cells.append(
                    Cell(entry.column, timestamp: entry.timestamp, value: entry.value))
            }
        }
        return cells
    }

    private func wants(_ family: Family, _ projection: Projection) -> Bool {
        projection.selectors.isEmpty
            || projection.selectors.contains {
                switch $0 {
                case .family(let name): name == family.name
                case .column(let column): column.family == family.name
                }
            }
    }

    private func wants(_ column: Column, _ projection: Projection) -> Bool {
        projection.selectors.isEmpty
            || projection.selectors.contains {
                switch $0 {
                case .family(let name): name == column.family
                case .column(let wanted): wanted == column
                }
            }
    }

    /// The values of each column of a family, columns ascending, newest first, one a time stamp.
    private func puts(of entries: [Entry]) -> [[Entry]] {
        var columns: [Column: [Int64: Entry]] = [:]
        for entry in entries where entry.type == .put {
            let known = columns[entry.column]?[entry.timestamp]
            if known.map({ $0.sequence < entry.sequence }) ?? true {
                columns[entry.column, default: [:]][entry.timestamp] = entry
            }
        }
        return columns.sorted { $0.key < $1.key }.map { _, versions in
            versions.values.sorted { $0.timestamp > $1.timestamp }
        }
    }

    private func markers(of entries: [Entry]) -> [Entry] { entries.filter { $0.type != .put } }

    /// The versions of a column that its family keeps, of those that pass a test.
    private func versions(
        _ column: [Entry], _ family: Family, _ now: Int64, _ passes: (Entry) -> Bool
    ) -> [Entry] {
        var kept: [Entry] = []
        var count = 0
        for entry in column {
            if let life = entry.timeToLive, entry.timestamp + life < now { continue }
            guard passes(entry) else { continue }
            count += 1
            if let rule = family.collectionRule {
                if collects(rule.tree, rank: count, age: now - entry.timestamp) { break }
                kept.append(entry)
                continue
            }
            if count > family.maxVersions { break }
            if let life = family.timeToLiveMilliseconds, entry.timestamp < now - life,
                count > family.minVersions
            {
                break
            }
            kept.append(entry)
        }
        return kept
    }

    /// Whether a rule collects the version of a rank, from 1, and an age.
    private func collects(_ tree: CollectionRule.Tree, rank: Int, age: Int64) -> Bool {
        switch tree {
        case .maxVersions(let count): rank > count
        case .maxAge(let milliseconds): age > milliseconds
        case .union(let trees): trees.contains { collects($0, rank: rank, age: age) }
        case .intersection(let trees): trees.allSatisfy { collects($0, rank: rank, age: age) }
        }
    }

    private static func isMasked(_ entry: Entry, _ markers: [Entry]) -> Bool {
        markers.contains { marker in
            let isEarlier = marker.timestamp > entry.timestamp
            let isTie =
                marker.timestamp == entry.timestamp
                && (!marker.isServers || !entry.isServers || entry.sequence < marker.sequence)
            return switch marker.type {
            case .put: false
            case .deleteFamily: isEarlier || isTie
            case .deleteFamilyVersion: isTie
            case .deleteColumn: (isEarlier || isTie) && marker.column == entry.column
            case .delete: isTie && marker.column == entry.column
            }
        }
    }

    /// What a delete of the newest version means: the n-th newest for the n-th such delete of a mutation.
    private func newest(_ index: Int, of mutation: RowMutation, _ now: Int64) -> Int64? {
        let column = mutation.changes[index].column
        let rank = mutation.changes[..<index].count {
            $0.action == .deleteVersion && $0.column == column
                && ($0.timestamp == nil || $0.timestamp == .max)
        }
        let projection = Projection([.column(column)], maxVersions: rank + 1)
        let cells = get(mutation.row, projection, nowMilliseconds: now)?.cells ?? []
        return cells.count > rank ? cells[rank].timestamp : nil
    }
}
