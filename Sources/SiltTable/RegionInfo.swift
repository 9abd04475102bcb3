package import SiltBytes

/// What a region is and holds, for people and for clients that cut work along regions.
package struct RegionInfo: Sendable, Hashable {
    /// The region's identifier.
    package let id: Identifier
    /// Its first row; empty for the table's beginning.
    package let start: Bytes
    /// The first row after it; empty for the table's end.
    package let end: Bytes
    /// The bucket that it is a part of, for a table that hashes row keys.
    package var bucket: Int?
    /// The bytes of its table files.
    package var fileBytes = 0
    /// The bytes of its memtables.
    package var memtableBytes = 0
    /// Its table files.
    package var fileCount = 0
    /// The cells and markers it holds, overwritten ones included.
    package var cellCount = 0
    /// Gets, and scans that came to it, since it was opened.
    package var readCount = 0
    /// Operations written since it was opened.
    package var writeCount = 0
}
