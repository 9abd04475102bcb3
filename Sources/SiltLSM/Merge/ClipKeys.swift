internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// The keys between which the cells of a clipped file count.
struct ClipKeys {
    /// The first key, or empty.
    private let lower: [UInt8]
    /// The first key after the part; empty for none.
    private let upper: [UInt8]

    init(_ rows: RowClip) {
        lower = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
        upper = rows.end.isEmpty ? [] : CellKey.rowPrefix(rows.end)
    }

    /// The blocks of a file in which such cells can be.
    func blocks(of reader: TableReader) -> Range<Int> {
        let first = lower.isEmpty ? 0 : reader.index.find(lower)
        let end =
            upper.isEmpty
            ? reader.blockCount : min(reader.index.find(upper) + 1, reader.blockCount)
        return min(first, end)..<end
    }

    /// The first entry of a block that counts, when the part begins in it.
    func first(in block: CachedBlock) -> Int {
        lower.isEmpty ? 0 : block.view.lowerBound(lower)
    }

    /// The end of the entries of a block that count, when the part ends in it.
    func end(in block: CachedBlock) -> Int {
        upper.isEmpty ? block.view.count : block.view.lowerBound(upper)
    }
}
