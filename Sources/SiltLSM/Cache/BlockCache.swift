internal import Synchronization

/// Counters of a block cache.
package struct BlockCacheStatistics: Sendable, Hashable {
    /// How often a block was found.
    package var hits: UInt64 = 0
    /// How often it had to be read.
    package var misses: UInt64 = 0
    /// How many blocks had to go for others.
    package var evictions: UInt64 = 0
    /// How many blocks are kept.
    package var blockCount = 0
    /// The bytes of the blocks kept.
    package var blockBytes = 0
    /// The bytes of indexes and filters of open files, which count against the same budget.
    package var indexBytes = 0
}

/// Decoded blocks of table files, within a budget of bytes that they share with the indexes and
/// filters of open files.
///
/// A block that was handed out stays readable for as long as it is held, even if it has left the
/// cache.
package final class BlockCache: Sendable {
    /// What a block costs beside its bytes: the object, the entry, the allocator.
    static let overheadBytes = 192

    /// The budget in bytes.
    package let capacityBytes: Int
    private let shards: [BlockCacheLock]
    private let indexBytes = Atomic<Int>(0)
    private let reservedBytes = Atomic<Int>(0)

    /// An empty cache.
    package init(capacityBytes: Int) {
        self.capacityBytes = max(capacityBytes, 0)
        // A shard must hold a good number of blocks, or one large block empties it.
        var count = 1
        while count < 16, capacityBytes / (count * 2) >= 4 << 20 { count *= 2 }
        shards = (0..<count).map { _ in BlockCacheLock() }
    }

    /// The counters now.
    package var statistics: BlockCacheStatistics {
        var sum = BlockCacheStatistics()
        for shard in shards {
            shard.state.withLock { state in
                sum.hits += state.hits
                sum.misses += state.misses
                sum.evictions += state.evictions
                sum.blockCount += state.count
                sum.blockBytes += state.bytes
            }
        }
        sum.indexBytes = indexBytes.load(ordering: .relaxed)
        return sum
    }

    @inline(__always)
    func find(_ key: BlockKey) -> CachedBlock? {
        let hash = key.hash
        return shard(hash).state.withLock { $0.find(key, hash) }
    }

    /// Keeps a block that was read, and gives back the one to use: another reader may have been
    /// faster.
    func insert(_ block: CachedBlock) -> CachedBlock {
        let hash = block.key.hash
        let limit = shardLimit
        // What went is released after the lock, when the tuple goes.
        return shard(hash).state.withLock { $0.insert(block, hash, limit: limit) }.use
    }

    /// Takes note of memory for an index or filter (negative: given back), and makes room for it.
    func chargeIndex(_ bytes: Int) {
        indexBytes.add(bytes, ordering: .relaxed)
        guard bytes > 0 else { return }
        let limit = shardLimit
        for shard in shards { _ = shard.state.withLock { $0.shrink(to: limit) } }
    }

    /// Leaves so much of the budget to others: memtables, merges.
    func reserve(_ bytes: Int) {
        let before = reservedBytes.exchange(bytes, ordering: .relaxed)
        guard bytes > before else { return }
        let limit = shardLimit
        for shard in shards { _ = shard.state.withLock { $0.shrink(to: limit) } }
    }

    /// Whether indexes and filters take more than their half of the budget: some should be closed.
    var indexesAreLarge: Bool { indexBytes.load(ordering: .relaxed) > capacityBytes / 2 }

    /// Blocks keep at least an eighth of the budget, however large the indexes are.
    private var shardLimit: Int {
        let taken =
            indexBytes.load(ordering: .relaxed) + reservedBytes.load(ordering: .relaxed)
        return max(capacityBytes - taken, capacityBytes / 8) / shards.count
    }

    @inline(__always) private func shard(_ hash: UInt64) -> BlockCacheLock {
        shards[Int(truncatingIfNeeded: hash >> 48) & (shards.count &- 1)]
    }
}

/// A shard with its lock.
final class BlockCacheLock: Sendable {
    /// The shard.
    let state = Mutex(BlockCacheShard())
}
