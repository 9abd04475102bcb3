package import SiltBytes
internal import SiltFormat
package import SiltModel

extension TreeGroup {
    /// Rows are counted one by one in files of fewer blocks than this.
    private static let blocksMin = 8

    /// The row at about the middle of the region's largest file; `nil` when no row can cut it in two.
    ///
    /// What is only in memory is written to files first, when there are none.
    package func middleRow() throws(SiltstoneError) -> Bytes? {
        if set.trees.allSatisfy(\.tables.isEmpty) { try flush() }
        guard let engine, let tree = set.trees.max(by: { $0.tableBytes < $1.tableBytes }),
            let largest = tree.tables.max(by: { $0.file.byteCount < $1.file.byteCount })
        else { return nil }
        let reader = try engine.tables.reader(largest.file)
        let blocks =
            largest.file.clip.map { ClipKeys($0).blocks(of: reader) } ?? 0..<reader.blockCount
        if blocks.count >= Self.blocksMin {
            let separator = reader.index.separator((blocks.lowerBound + blocks.upperBound) / 2)
            if let row = row(beginning: separator) { return row }
        }
        return try middleOfRows(largest.file, engine)
    }

    /// The row of a key that may be cut short; `nil` when it does not cut the region in two.
    private func row(beginning key: [UInt8]) -> Bytes? {
        let escaped = Array(key.prefix { $0 != 0 })
        // A shortened key may end with the first half of an escaped byte, which means nothing.
        guard
            let bytes = (try? CellKey.component(of: escaped + [0], at: 0).bytes)
                ?? (try? CellKey.component(of: escaped.dropLast() + [0], at: 0).bytes)
        else { return nil }
        let row = Bytes(bytes)
        return row > range.start && (range.end.isEmpty || row < range.end) ? row : nil
    }

    /// The middle one of a file's rows.
    private func middleOfRows(_ file: TableFile, _ engine: Engine) throws(SiltstoneError) -> Bytes?
    {
        let cursor = MergeCursor(
            TreeSources(memtables: [], runs: [file], levels: []), tables: engine.tables)
        try cursor.seekFirst()
        var rows: [[UInt8]] = []
        while cursor.isValid {
            // Safety: the key is copied before the cursor moves.
            let prefix = unsafe Array(cursor.columnKey.prefix(cursor.rowPrefixByteCount))
            if rows.last != prefix { rows.append(prefix) }
            try cursor.next()
        }
        guard rows.count > 1 else { return nil }
        return row(beginning: rows[rows.count / 2])
    }
}
