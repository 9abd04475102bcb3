internal import SiltBytes
internal import SiltFormat

/// A data block in memory, verified, with the view to read it by.
///
/// Whoever holds it keeps it from being freed, cached or not.
final class CachedBlock: Sendable {
    /// The block's place, which is its name in the cache.
    let key: BlockKey
    /// The block, readable while this object is held.
    let view: BlockView
    /// The block's columns, for walks.
    let columns: BlockColumns
    private let memory: RawBytes

    /// Checks and takes a decompressed block.
    init(_ key: BlockKey, _ memory: RawBytes) throws(DecodingError) {
        self.key = key
        self.memory = memory
        // Safety: the view lives no longer than `memory`, beside which it is stored.
        let view = try unsafe BlockView(memory.bytes)
        self.view = view
        columns = BlockColumns(view)
    }

    // Safety: the memory is held beside the view, as long as this object.
    /// What the block costs the cache, in bytes.
    var byteCount: Int { memory.footprint + BlockCache.overheadBytes }
}

/// Which block of which file.
struct BlockKey: Hashable, Sendable {
    /// The file.
    let file: Identifier
    /// The block's offset in it, in bytes.
    let offset: UInt64

    /// Well mixed bits; file identifiers are random in their low half.
    @inline(__always) var hash: UInt64 {
        var bits = file.low ^ offset &* 0x9e37_79b9_7f4a_7c15 ^ file.high
        bits ^= bits >> 29
        bits = bits &* 0xbf58_476d_1ce4_e5b9
        return bits ^ bits >> 32
    }
}
