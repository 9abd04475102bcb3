internal import CSiltstone
package import SiltIO
internal import Synchronization

/// Counters of a block cache.
package struct BlockCacheStatistics: Sendable, Hashable {
    /// How often a block was found; a little less when more than 32 threads read.
    package var hits: UInt64 = 0
    /// How often it had to be read.
    package var misses: UInt64 = 0
    /// Gets, and regions that scans came to.
    package var reads = 0
    /// What filters said to reads of one row.
    package var filters = FilterCounts()
    /// The bytes read of files for these blocks, as they are stored.
    package var readBytes: UInt64 = 0
    /// How many blocks had to go for others.
    package var evictions: UInt64 = 0
    /// How many blocks are kept.
    package var blockCount = 0
    /// The bytes of the blocks kept.
    package var blockBytes = 0
    /// The bytes of indexes and filters of open files, which may count against the same budget.
    package var indexBytes = 0
}

/// Decoded blocks of table files, within a budget of bytes that they may share with the indexes and
/// filters of open files.
///
/// There is no table of blocks: each open file has a slot for each of its blocks, which shows the
/// block while it is cached. Finding it is one load, made safe by the epoch that readers are in; the
/// locks of the shards are for those that bring blocks in.
///
/// A block that was handed out stays readable for as long as it is held, even if it has left the
/// cache.
package final class BlockCache: Sendable {
    /// What a block costs beside its bytes: the objects, the entry, the slot, the allocator.
    static let overheadBytes = 320

    /// So many bytes of capacity have a slab of 2 MiB made ahead.
    private static let bytesForSlabAhead = 256 << 20

    /// The budget in bytes.
    package let capacityBytes: Int
    private let countsIndexes: Bool
    /// What readers enter while they use what they did not count a reference to.
    package let epoch = ReadEpoch()
    private let shards: [BlockCacheLock]
    private let indexBytes = Atomic<Int>(0)
    private let reservedBytes = Atomic<Int>(0)
    private let retiredBytes = RetiredBytes()
    private let misses = Atomic<UInt64>(0)
    private let readBytes = Atomic<UInt64>(0)
    private let windowBits: UInt64
    private let workers: (any Workers)?
    private let slabsAhead: UInt32
    private let isMakingSlabs = Atomic(false)

    /// An empty cache.
    ///
    /// - Parameter countsIndexes: whether indexes and filters count against the capacity, as under one budget for all memory. They take
    ///   half of it at most: then files are opened without their filters, and others closed until somebody reads them.
    /// - Parameter workers: make memory for the next blocks while the cache fills; without them readers do.
    package init(
        capacityBytes: Int, countsIndexes: Bool = true, workers: (any Workers)? = nil
    ) {
        self.workers = workers
        slabsAhead = UInt32(clamping: capacityBytes / Self.bytesForSlabAhead)
        self.capacityBytes = max(capacityBytes, 0)
        self.countsIndexes = countsIndexes
        // A shard must hold a good number of blocks, or one large block empties it.
        var count = 1
        while count < 16, capacityBytes / (count * 2) >= 4 << 20 { count *= 2 }
        shards = (0..<count).map { _ in BlockCacheLock() }
        var bits: UInt64 = 6
        while bits < 24, capacityBytes >> (16 + bits) > 0 { bits += 1 }
        windowBits = bits
    }

    /// The counters now.
    package var statistics: BlockCacheStatistics {
        var sum = BlockCacheStatistics()
        for shard in shards {
            shard.state.withLock { state in
                sum.evictions += state.evictions
                sum.blockCount += state.count
                sum.blockBytes += state.bytes
            }
        }
        sum.hits = UInt64(clamping: epoch.hits)
        sum.misses = misses.load(ordering: .relaxed)
        sum.readBytes = readBytes.load(ordering: .relaxed)
        sum.filters = epoch.filters
        sum.reads = epoch.reads
        sum.indexBytes = indexBytes.load(ordering: .relaxed)
        return sum
    }

    /// Keeps a block that was read, and gives back the one to use: another reader may have been
    /// faster.
    ///
    /// - Parameter number: any number that is always the same for a slot; neighbours spread best.
    func insert(_ block: CachedBlock, at slot: BlockSlot, number: Int) -> CachedBlock {
        let limit = shardLimit
        var gone: [CachedBlock] = []
        let shard = shard(number)
        let use = shard.state.withLock { state in
            defer { shard.filledBytes.store(state.bytes, ordering: .relaxed) }
            return state.insert(block, at: slot, limit: limit, &gone)
        }
        retire(gone)
        if slabsAhead > 0 { makeSlabs(for: block.pooledByteCount, shard) }
        return use
    }

    /// Has a worker make memory for more blocks of this size, as long as the cache grows.
    ///
    /// A system may take milliseconds for a huge page; a virtual one waits for its host.
    private func makeSlabs(for byteCount: Int, _ shard: BlockCacheLock) {
        // What is made ahead finds room before the cache is full.
        let marginBytes = capacityBytes / 32 / shards.count
        guard let workers,
            shard.filledBytes.load(ordering: .relaxed) + marginBytes < shardLimit,
            silt_pool_lacks_slabs(byteCount, slabsAhead) != 0,
            !isMakingSlabs.exchange(true, ordering: .relaxed)
        else { return }
        workers.submit(.urgent) { [self] in
            while silt_pool_lacks_slabs(byteCount, slabsAhead) != 0,
                silt_pool_make_slab(byteCount) != 0
            {}
            isMakingSlabs.store(false, ordering: .relaxed)
        }
    }

    /// Lets the block of a slot go, of which there are no readers any more.
    func remove(_ slot: BlockSlot, number: Int) {
        // What went is released after the lock.
        _ = take(slot, number: number)
    }

    private func take(_ slot: BlockSlot, number: Int) -> CachedBlock? {
        let shard = shard(number)
        return shard.state.withLock { state in
            defer { shard.filledBytes.store(state.bytes, ordering: .relaxed) }
            return state.remove(slot)
        }
    }

    /// Lets the blocks of a file that was replaced go, as far as they are cached; the memory is free after
    /// the epoch's next `reclaim` that releases large objects.
    ///
    /// - Parameter numbers: the slots' numbers in the file; `first` is added for their place in the cache.
    func drop(_ slots: borrowing BlockSlots, _ numbers: Range<Int>, first: Int) {
        var gone: [CachedBlock] = []
        for number in numbers where slots[number].isFilled {
            if let block = take(slots[number], number: first &+ number) { gone.append(block) }
            if gone.count < 256 { continue }
            epoch.retire(RetiredBlocks(gone, retiredBytes), isLarge: true)
            gone = []
        }
        if !gone.isEmpty { epoch.retire(RetiredBlocks(gone, retiredBytes), isLarge: true) }
    }

    /// Takes note of a block that had to be read, of so many bytes in its file.
    func countMiss(byteCount: Int) {
        misses.wrappingAdd(1, ordering: .relaxed)
        readBytes.wrappingAdd(UInt64(byteCount), ordering: .relaxed)
    }

    /// Time as the number of blocks read: it goes on after about half as many as the cache holds; never 0.
    var window: UInt8 {
        UInt8(truncatingIfNeeded: (misses.load(ordering: .relaxed) >> windowBits) % 255 + 1)
    }

    /// Whether a block more takes the place of another.
    ///
    /// Asked without the lock: a late answer costs nothing but a block.
    func isFull(number: Int, byteCount: Int) -> Bool {
        shard(number).filledBytes.load(ordering: .relaxed) + byteCount > shardLimit
    }

    /// Whether one of the blocks that a block would have to compete with was not used lately.
    func hasCold(number: Int) -> Bool {
        shard(number).state.withLock { $0.findsCold() }
    }

    /// Takes note of memory for an index or filter (negative: given back), and makes room for it.
    func chargeIndex(_ bytes: Int) {
        indexBytes.add(bytes, ordering: .relaxed)
        guard bytes > 0, countsIndexes else { return }
        let limit = shardLimit
        var gone: [CachedBlock] = []
        for shard in shards { shard.state.withLock { $0.shrink(to: limit, &gone) } }
        retire(gone)
    }

    private func retire(_ gone: [CachedBlock]) {
        if gone.isEmpty { return }
        for block in gone { epoch.retire(block) }
        // Readers come here.
        epoch.reclaim(releasesLarge: false)
    }

    /// Leaves so much of the budget to others: memtables, merges.
    func reserve(_ bytes: Int) {
        let before = reservedBytes.exchange(bytes, ordering: .relaxed)
        guard bytes > before else { return }
        let limit = shardLimit
        var gone: [CachedBlock] = []
        for shard in shards { shard.state.withLock { $0.shrink(to: limit, &gone) } }
        retire(gone)
    }

    /// Whether indexes and filters take more than their half of the budget: some should be closed.
    var indexesAreLarge: Bool { countedIndexBytes > capacityBytes / 2 }

    /// Whether so much more may be taken for an index and a filter.
    func hasRoomForIndex(_ bytes: Int) -> Bool {
        !countsIndexes || countedIndexBytes + bytes <= capacityBytes / 2
    }

    private var countedIndexBytes: Int { countsIndexes ? indexBytes.load(ordering: .relaxed) : 0 }

    /// Blocks keep at least an eighth of the budget, however large the indexes are.
    private var shardLimit: Int {
        let taken =
            countedIndexBytes + reservedBytes.load(ordering: .relaxed)
            + retiredBytes.value.load(ordering: .relaxed)
        return max(capacityBytes - taken, capacityBytes / 8) / shards.count
    }

    @inline(__always) private func shard(_ number: Int) -> BlockCacheLock {
        shards[number & (shards.count &- 1)]
    }
}

/// Blocks that left the cache together, and count against its budget until they are released.
private final class RetiredBlocks: Sendable {
    private let blocks: [CachedBlock]
    private let byteCount: Int
    private let total: RetiredBytes

    init(_ blocks: [CachedBlock], _ total: RetiredBytes) {
        self.blocks = blocks
        self.total = total
        byteCount = blocks.reduce(0) { $0 + $1.byteCount }
        total.value.add(byteCount, ordering: .relaxed)
    }

    deinit { total.value.subtract(byteCount, ordering: .relaxed) }
}

/// The bytes of blocks that left the cache and are not released yet.
private final class RetiredBytes: Sendable {
    let value = Atomic(0)
}

/// A shard with its lock.
final class BlockCacheLock: Sendable {
    /// The shard.
    let state = Mutex(BlockCacheShard())
    /// The bytes of its blocks, to be read without the lock.
    let filledBytes = Atomic(0)
}
