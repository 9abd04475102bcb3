/// Where one data block lies and what is in it.
///
/// Part of the format: docs/format/table.md.
package struct IndexEntry: Hashable, Sendable {
    /// The block's offset in the file, in bytes.
    package var offset: UInt64
    /// Its size as stored, trailer included, in bytes.
    package var storedByteCount: Int
    /// The size of its payload decompressed, in bytes.
    package var rawByteCount: Int
    /// How many entries it has.
    package var entryCount: Int
    /// How many of them are delete markers.
    package var markerCount: Int

    /// An entry.
    package init(
        offset: UInt64, storedByteCount: Int, rawByteCount: Int, entryCount: Int, markerCount: Int
    ) {
        self.offset = offset
        self.storedByteCount = storedByteCount
        self.rawByteCount = rawByteCount
        self.entryCount = entryCount
        self.markerCount = markerCount
    }
}
