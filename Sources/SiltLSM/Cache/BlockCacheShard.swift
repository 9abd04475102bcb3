/// One independent part of the block cache: a hash table of blocks, and a clock hand that decides
/// what goes.
///
/// A block enters with no credit and gains one (at most 3) each time it is found. When room is
/// needed, the hand goes round: a block with credit loses one and stays, a block without goes.
/// Blocks that a long scan touches once therefore leave before those that are read again and again.
struct BlockCacheShard {
    private struct Entry {
        var block: CachedBlock?
        var hash: UInt64
        var credit: UInt8
    }

    private static let creditMax: UInt8 = 3

    /// The bytes of all blocks.
    private(set) var bytes = 0
    /// How many blocks there are.
    private(set) var count = 0
    /// How often a block was found.
    private(set) var hits: UInt64 = 0
    /// How often it was not.
    private(set) var misses: UInt64 = 0
    /// How many blocks had to go.
    private(set) var evictions: UInt64 = 0

    private var entries: [Entry] = []
    private var free: [Int32] = []
    /// Open addressing with linear probing; -1 is empty, else an index of `entries`.
    private var buckets = [Int32](repeating: -1, count: 64)
    private var hand = 0

    /// The block of a key, which thereby gains credit.
    mutating func find(_ key: BlockKey, _ hash: UInt64) -> CachedBlock? {
        let mask = buckets.count &- 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while buckets[place] >= 0 {
            let index = Int(buckets[place])
            if entries[index].hash == hash, let block = entries[index].block, block.key == key {
                if entries[index].credit < Self.creditMax { entries[index].credit &+= 1 }
                hits &+= 1
                return block
            }
            place = (place &+ 1) & mask
        }
        misses &+= 1
        return nil
    }

    /// Takes a block in, unless it is larger than everything or here already.
    ///
    /// - Returns: the blocks that went, for the caller to release outside the lock; and the block
    ///   to use.
    mutating func insert(_ block: CachedBlock, _ hash: UInt64, limit: Int) -> (
        use: CachedBlock, gone: [CachedBlock]
    ) {
        if let known = peek(block.key, hash) { return (known, []) }
        let size = block.byteCount
        guard size <= limit else { return (block, []) }
        let gone = shrink(to: limit - size)
        if (count + 1) * 2 > buckets.count { grow() }
        let index: Int
        if let slot = free.popLast() {
            index = Int(slot)
            entries[index] = Entry(block: block, hash: hash, credit: 0)
        } else {
            index = entries.count
            entries.append(Entry(block: block, hash: hash, credit: 0))
        }
        link(index, hash)
        bytes += size
        count += 1
        return (block, gone)
    }

    /// Evicts until at most `limit` bytes are left.
    mutating func shrink(to limit: Int) -> [CachedBlock] {
        var gone: [CachedBlock] = []
        while bytes > max(limit, 0), count > 0 {
            if hand >= entries.count { hand = 0 }
            if let block = entries[hand].block {
                if entries[hand].credit > 0 {
                    entries[hand].credit -= 1
                } else {
                    remove(hand)
                    evictions &+= 1
                    gone.append(block)
                }
            }
            hand += 1
        }
        return gone
    }

    private func peek(_ key: BlockKey, _ hash: UInt64) -> CachedBlock? {
        let mask = buckets.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while buckets[place] >= 0 {
            let entry = entries[Int(buckets[place])]
            if entry.hash == hash, let block = entry.block, block.key == key { return block }
            place = (place + 1) & mask
        }
        return nil
    }

    private mutating func remove(_ index: Int) {
        let mask = buckets.count - 1
        var place = Int(truncatingIfNeeded: entries[index].hash) & mask
        while buckets[place] != Int32(index) { place = (place + 1) & mask }
        // Close the gap: entries that probed past it move back.
        var next = (place + 1) & mask
        while buckets[next] >= 0 {
            let home = Int(truncatingIfNeeded: entries[Int(buckets[next])].hash) & mask
            if (next - home) & mask >= (next - place) & mask {
                buckets[place] = buckets[next]
                place = next
            }
            next = (next + 1) & mask
        }
        buckets[place] = -1
        bytes -= entries[index].block?.byteCount ?? 0
        count -= 1
        entries[index].block = nil
        free.append(Int32(index))
    }

    private mutating func link(_ index: Int, _ hash: UInt64) {
        let mask = buckets.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while buckets[place] >= 0 { place = (place + 1) & mask }
        buckets[place] = Int32(index)
    }

    private mutating func grow() {
        buckets = [Int32](repeating: -1, count: buckets.count * 2)
        for index in entries.indices where entries[index].block != nil {
            link(index, entries[index].hash)
        }
    }
}
