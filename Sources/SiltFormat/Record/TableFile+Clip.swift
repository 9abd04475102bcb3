internal import SiltBytes

extension TableFile {
    /// The file with no more than the rows of `rows`; `nil` when none of its cells can lie there.
    ///
    /// Its first and last key become bounds of what is left; its figures stay those of the whole
    /// file.
    package func clipped(to rows: RowClip) -> TableFile? {
        let first = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
        if largest.lexicographicallyPrecedes(first) { return nil }
        var part = clip ?? RowClip(start: .empty, end: .empty)
        var file = self
        if smallest.lexicographicallyPrecedes(first) {
            part.start = rows.start
            file.smallest = first
            file.clip = part
        }
        if rows.end.isEmpty { return file }
        let after = CellKey.rowPrefix(rows.end)
        guard smallest.lexicographicallyPrecedes(after) else { return nil }
        if !largest.lexicographicallyPrecedes(after) {
            part.end = rows.end
            // Escaped bytes are never 00: without its end the prefix sorts after all shorter rows,
            // and before the row itself.
            file.largest = Array(after.dropLast())
            file.clip = part
        }
        return file
    }

    /// The file with the rows of two neighbouring clips of it; `nil` when they are not such.
    package func joined(with next: TableFile) -> TableFile? {
        guard id == next.id, let clip, let other = next.clip, !clip.end.isEmpty,
            clip.end == other.start
        else { return nil }
        var file = self
        file.largest = next.largest
        let isWhole = clip.start.isEmpty && other.end.isEmpty
        file.clip = isWhole ? nil : RowClip(start: clip.start, end: other.end)
        return file
    }
}
