package import SiltIO
package import SiltModel

/// An open table file: index and filter in memory, blocks through the cache.
package final class TableReader: Sendable {
    /// The file.
    package let file: TableFile
    /// The bytes of memory that the index and filter take.
    package var memoryBytes: Int { 0 }

    /// Opens a table with one read of its tail.
    package init(_ file: TableFile, objects: any ObjectStore, blocks: BlockCache)
        throws(SiltstoneError)
    {
        self.file = file
    }

    /// Whether the file may hold a row (or column) whose filter key has this hash.
    package func mayContain(_ hash: UInt64) -> Bool { true }
}
