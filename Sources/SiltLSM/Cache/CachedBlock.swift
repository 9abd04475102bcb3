internal import CSiltstone
internal import SiltBytes
internal import SiltCodec
internal import SiltFormat
internal import Synchronization

/// A data block in memory, verified, with the view to read it by.
///
/// Whoever holds it keeps it from being freed, cached or not.
final class CachedBlock: Sendable {
    /// The most credit that a block can have.
    static let creditMax: UInt8 = 3

    /// The block, readable while this object is held.
    let view: BlockView
    /// How many rounds of the cache's hand it survives.
    let credit = Atomic<UInt8>(0)
    /// Its place among the entries of its shard; changed with the shard's lock held.
    let place = Atomic<Int>(-1)
    private let memory: RawBytes

    /// Checks and takes a decompressed block.
    init(_ memory: RawBytes) throws(DecodingError) {
        self.memory = memory
        // Safety: the view lives no longer than `memory`, beside which it is stored.
        view = try unsafe BlockView(memory.bytes)
    }

    /// Checks a stored block and takes its keys; the bytes of its values are left as they were, where that saves time.
    init(
        keysOf stored: UnsafeRawBufferPointer, file: Identifier, offset: UInt64,
        _ decompressor: Decompressor
    ) throws(DecodingError) {
        // Safety: the caller's buffer is there for the call; the view lives no longer than `memory`.
        let contents = try unsafe BlockFrame.check(.data, stored, fileID: file, offset: offset)
        if contents.isPacked {
            memory = try unsafe TableOpening.unpack(
                .data, stored, file: file, offset: offset, decompressor)
            view = try unsafe BlockView(memory.bytes)
            return
        }
        memory = RawBytes(byteCount: contents.rawByteCount)
        // Safety: the payload is the first `storedByteCount` bytes of what was checked; it and the memory stay where they are.
        var restoration = try unsafe BlockRestoration(
            contents.codec, UnsafeRawBufferPointer(rebasing: stored[..<contents.storedByteCount]),
            into: memory.buffer, decompressor)
        view = try unsafe BlockView(memory.bytes) { count throws(DecodingError) in
            try restoration.restore(count)
        }
    }

    /// The bytes of the block.
    // Safety: only the count is looked at.
    var rawByteCount: Int { unsafe memory.buffer.count }

    /// The bytes asked of the pool of memory.
    var pooledByteCount: Int { memory.pooledByteCount }

    // Safety: the memory is held beside the view, as long as this object.
    /// What the block costs the cache, in bytes.
    var byteCount: Int { memory.footprint + BlockCache.overheadBytes }

    /// Has the processor fetch the cache lines of a block's object, which is not touched.
    @inline(__always)
    static func prefetch(_ block: Unmanaged<CachedBlock>) {
        // Safety: a prefetch reads nothing, whatever is there.
        let start = unsafe block.toOpaque()
        for line in 0..<3 { unsafe silt_prefetch(start + line &* 64) }
    }

    /// Takes note of a use; a block that is used again and again is not written to any more.
    @inline(__always)
    func use() {
        let now = credit.load(ordering: .relaxed)
        if now < Self.creditMax { credit.store(now &+ 1, ordering: .relaxed) }
    }
}

/// Where a file's reader finds one of its blocks: the block's place in the cache.
///
/// Safety: the reader that owns the word takes its blocks out of the cache before it frees it.
@safe
struct BlockSlot: @unchecked Sendable {
    typealias Word = Atomic<Unmanaged<CachedBlock>?>

    private let word: UnsafeMutablePointer<Word>

    /// The slot at an initialized word.
    init(_ word: UnsafeMutablePointer<Word>) { unsafe self.word = word }

    /// The block, if it is cached; good until the caller leaves the epoch that it is in.
    @inline(__always)
    func borrow() -> Unmanaged<CachedBlock>? {
        // Pairs with the exchange that takes a block out, so that who loads it afterwards sees none.
        unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    }

    /// Whether its block is cached.
    var isFilled: Bool { unsafe word.pointee.load(ordering: .relaxed) != nil }

    /// Has the processor fetch the word.
    @inline(__always)
    // Safety: a prefetch reads nothing.
    func prefetch() { unsafe silt_prefetch(word) }

    /// Shows a block that the cache keeps; with the shard's lock held.
    func fill(_ block: CachedBlock) {
        unsafe word.pointee.store(
            Unmanaged.passUnretained(block), ordering: .sequentiallyConsistent)
    }

    /// Shows none; with the shard's lock held.
    func clear() {
        unsafe word.pointee.store(nil, ordering: .sequentiallyConsistent)
    }
}
