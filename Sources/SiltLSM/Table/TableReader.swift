internal import SiltBytes
internal import SiltCodec
package import SiltFormat
package import SiltIO
package import SiltModel

/// An open table file: index and filter in memory, blocks through the cache, every checksum
/// verified when read.
package final class TableReader: Sendable {
    /// The whole file, whichever part of it a region uses: regions share readers.
    package let file: TableFile
    /// The same as a list of one, which cursors share.
    let fileList: [TableFile]
    /// What the file says of itself.
    let properties: TableProperties
    let index: IndexView
    private let filter: FilterView?
    private let indexMemory: RawBytes
    private let filterMemory: RawBytes?
    private let object: any ObjectReader
    private let blocks: BlockCache
    private let decompressor: Decompressor
    private let dataEnd: UInt64

    /// Opens a table, usually with one read of its tail.
    package init(_ file: TableFile, objects: any ObjectStore, blocks: BlockCache)
        throws(SiltstoneError)
    {
        let opening = try TableOpening(file, objects)
        self.blocks = blocks
        object = opening.object
        decompressor = opening.decompressor
        let footer = opening.footer
        dataEnd = footer.index.offset
        let indexMemory = try opening.payload(.index, footer.index)
        // Safety: the views live no longer than the memory, beside which they are stored.
        index = try opening.located(footer.index.offset) { () throws(DecodingError) in
            try unsafe IndexView(indexMemory.bytes)
        }
        self.indexMemory = indexMemory
        if footer.filter.byteCount > 0 {
            let memory = try opening.payload(.filter, footer.filter)
            filter = try opening.located(footer.filter.offset) { () throws(DecodingError) in
                try unsafe FilterView(memory.bytes)
            }
            filterMemory = memory
        } else {
            filter = nil
            filterMemory = nil
        }
        let stored = try opening.payload(.properties, footer.properties)
        let properties = try opening.located(footer.properties.offset) {
            () throws(DecodingError) in
            try unsafe TableProperties(decoding: Array(stored.bytes))
        }
        self.properties = properties
        var whole = file
        if file.clip != nil {
            whole.clip = nil
            whole.smallest = properties.smallest
            whole.largest = properties.largest
        }
        self.file = whole
        fileList = [whole]
        blocks.chargeIndex(memoryBytes)
    }

    deinit { blocks.chargeIndex(-memoryBytes) }

    /// The bytes of memory that the index and filter take.
    package var memoryBytes: Int {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        unsafe indexMemory.bytes.count + (filterMemory?.bytes.count ?? 0)
    }

    /// What the filter must be asked with; `none` without a filter.
    package var filterKind: BloomFilterKind { filter?.kind ?? .none }

    /// Whether the file may hold a row prefix or column key (as `filterKind` says) with this hash;
    /// `false` is certain.
    package func mayContain(_ hash: UInt64) -> Bool { filter?.mayContain(hash) ?? true }

    /// How many data blocks there are.
    package var blockCount: Int { index.count }

    /// A data block, from the cache or the file.
    func block(_ number: Int, fillsCache: Bool) throws(SiltstoneError) -> CachedBlock {
        let entry = index.entry(number)
        let key = BlockKey(file: file.id, offset: entry.offset)
        if let known = blocks.find(key) { return known }
        let block = try read(entry, key)
        return fillsCache ? blocks.insert(block) : block
    }

    /// Reads a block from the file, whether the cache has it or not.
    private func read(_ entry: IndexEntry, _ key: BlockKey) throws(SiltstoneError) -> CachedBlock {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        let (end, overflow) = entry.offset.addingReportingOverflow(UInt64(entry.storedByteCount))
        guard !overflow, end <= dataEnd else {
            throw corrupted("block lies outside the file's data end=\(end)", at: entry.offset)
        }
        let stored = RawBytes(byteCount: entry.storedByteCount)
        try unsafe object.read(into: stored.buffer, at: Int(entry.offset))
        do throws(DecodingError) {
            let memory = try TableOpening.unpack(
                .data, stored, file: file.id, offset: entry.offset, decompressor)
            guard unsafe memory.bytes.count == entry.rawByteCount else {
                throw DecodingError(offset: 0, "block size differs from the index")
            }
            let block = try CachedBlock(key, memory)
            guard block.view.count == entry.entryCount, entry.entryCount > 0 else {
                throw DecodingError(offset: 0, "block entries differ from the index")
            }
            return block
        } catch {
            throw corrupted(error.message, at: entry.offset)
        }
    }

    private func corrupted(_ message: String, at offset: UInt64) -> SiltstoneError {
        SiltstoneError(
            .corrupted, message,
            at: .init(file: object.key, offset: Int(truncatingIfNeeded: offset)))
    }
}
