import SiltBytes
import SiltModel

/// The rows that an index found, read and tested one after the other in the order of a scan.
struct IndexedRows {
    /// How many entries a scan takes away at most that it found to be of no use.
    private static let repairCountMax = 256

    private let table: StoredTable
    private let projection: Projection
    private let index: StoredIndex
    /// The rows to come and what they were entered under, the next one last.
    private var candidates: [(row: Bytes, ordered: [[UInt8]])]
    private var repairCount = 0

    /// Looks a plan's rows up.
    ///
    /// - Returns: `nil` when there are so many that reading the whole range is quicker.
    init?(
        _ plan: IndexPlan, of table: StoredTable, range: RowRange, projection: Projection,
        countMax: Int
    ) throws(SiltstoneError) {
        guard let entries = table.shared.indexTables[plan.index.id] else { return nil }
        self.table = table
        self.projection = projection
        index = plan.index
        candidates = []
        if plan.entries.isEmpty { return }
        var spans = RowSpan.spans(of: projection.filter ?? .all([])) ?? [.whole]
        spans = spans.map { $0.intersection(RowSpan(range)) }
        let scanner = try entries.scan(
            RowRange(start: plan.entries.start, stop: plan.entries.end ?? .empty))
        var found: [(row: Bytes, ordered: [UInt8])] = []
        while let entry = try scanner.next() {
            let (ordered, rows) = try IndexEntry.read(entry)
            for row in rows where spans.contains(where: { $0.contains(row) }) {
                found.append((row, ordered))
                if found.count > countMax { return nil }
            }
        }
        found.sort { range.isReversed ? $0.row < $1.row : $0.row > $1.row }
        for (row, ordered) in found {
            if candidates.last?.row == row {
                candidates[candidates.count - 1].ordered.append(ordered)
            } else {
                candidates.append((row, [ordered]))
            }
        }
    }

    /// The next row that has cells to show; `nil` at the end.
    mutating func next() throws(SiltstoneError) -> Row? {
        while let (row, ordered) = candidates.popLast() {
            if let found = try table.get(row, projection) { return found }
            if repairCount < IndexedRows.repairCountMax {
                repairCount += 1
                table.removeStaleEntries(row, ordered, index)
            }
        }
        return nil
    }
}

extension StoredTable {
    /// Takes a row's entries away under which it has no stored cell any more.
    ///
    /// The entries do no harm but cost time: a failure is left to the next scan that finds them.
    fileprivate func removeStaleEntries(_ row: Bytes, _ ordered: [[UInt8]], _ index: StoredIndex) {
        guard let entries = shared.indexTables[index.id] else { return }
        let column = index.declared.column
        let projection = Projection([.column(column)], maxVersions: .max, isRaw: true)
        do {
            try withLockedRow(row) { () throws(SiltstoneError) in
                let stored = try get(row, projection)?.cells ?? []
                let live = stored.filter { $0.type == .put }.compactMap {
                    IndexEntry.ordered($0.value.array, index.declared.order)
                }
                let stale = ordered.filter { !live.contains($0) }
                if stale.isEmpty { return }
                try WritePath.writeLocked(
                    stale.map { IndexEntry.delete(row, $0) }, of: entries, durability: nil,
                    shared: shared)
            }
        } catch {
            return
        }
    }
}

extension RowSpan {
    /// Whether a row key lies in the span.
    func contains(_ row: Bytes) -> Bool { start <= row && end.map { row < $0 } ?? true }
}
