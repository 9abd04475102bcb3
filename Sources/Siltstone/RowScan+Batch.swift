import SiltModel

extension RowScan {
    /// The scan with rows of more than `count` cells cut: they come as several, of the same key, each of at most so many cells.
    ///
    /// HBase's `batch`. `limit` goes on to count rows, not pieces. Filters see whole rows.
    public func batch(_ count: Int) -> RowScan {
        var copy = self
        copy.cellCountMax = Swift.max(1, count)
        return copy
    }
}

extension Row {
    /// The row in pieces of at most `count` cells.
    func pieces(of count: Int) -> [Row] {
        guard cells.count > count else { return [self] }
        return stride(from: 0, to: cells.count, by: count).map { start in
            Row(key: key, cells: Array(cells[start..<Swift.min(cells.count, start + count)]))
        }
    }
}
