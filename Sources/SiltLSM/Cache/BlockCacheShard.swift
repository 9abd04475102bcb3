internal import Synchronization

/// One independent part of the block cache: its blocks, and a clock hand that decides what goes.
///
/// A block enters with no credit and gains one (at most 3) each time it is found. When room is
/// needed, the hand goes round: a block with credit loses one and stays, a block without goes.
/// Blocks that a long scan touches once therefore leave before those that are read again and again.
///
/// Blocks are found through the slots of their files' readers, without this.
struct BlockCacheShard {
    private struct Entry {
        var block: CachedBlock?
        var slot: BlockSlot
    }

    /// How many blocks a reader looks at for one that can go.
    private static let coldLooks = 4

    /// The bytes of all blocks.
    private(set) var bytes = 0
    /// How many blocks there are.
    private(set) var count = 0
    /// How many blocks had to go.
    private(set) var evictions: UInt64 = 0

    private var entries: [Entry] = []
    private var free: [Int] = []
    private var hand = 0

    /// Takes a block in, unless it is larger than everything or another is here already.
    ///
    /// - Parameter gone: gets the blocks that went, for the caller to retire outside the lock.
    /// - Returns: the block to use.
    mutating func insert(
        _ block: CachedBlock, at slot: BlockSlot, limit: Int, _ gone: inout [CachedBlock]
    ) -> CachedBlock {
        // Safety: a block that a slot shows is kept by this shard, whose lock is held.
        if let known = unsafe slot.borrow() { return unsafe known.takeUnretainedValue() }
        let size = block.byteCount
        guard size <= limit else { return block }
        shrink(to: limit - size, &gone)
        let entry = Entry(block: block, slot: slot)
        if let place = free.popLast() {
            entries[place] = entry
            block.place.store(place, ordering: .relaxed)
        } else {
            block.place.store(entries.count, ordering: .relaxed)
            entries.append(entry)
        }
        slot.fill(block)
        bytes += size
        count += 1
        return block
    }

    /// Evicts until at most `limit` bytes are left.
    mutating func shrink(to limit: Int, _ gone: inout [CachedBlock]) {
        let wanted = max(limit, 0)
        while bytes > wanted, count > 0 {
            if hand >= entries.count { hand = 0 }
            if let block = entries[hand].block {
                let credit = block.credit.load(ordering: .relaxed)
                if credit > 0 {
                    block.credit.store(credit - 1, ordering: .relaxed)
                } else {
                    take(hand)
                    evictions &+= 1
                    gone.append(block)
                }
            }
            hand += 1
        }
    }

    /// Whether the hand finds a block without credit among the next few, where it stays; those before it lose a credit each.
    mutating func findsCold() -> Bool {
        for _ in 0..<Self.coldLooks {
            if hand >= entries.count { hand = 0 }
            guard hand < entries.count else { return true }
            if let block = entries[hand].block {
                let credit = block.credit.load(ordering: .relaxed)
                if credit == 0 { return true }
                block.credit.store(credit - 1, ordering: .relaxed)
            }
            hand += 1
        }
        return false
    }

    /// Takes out the block that a slot shows, if it shows one.
    mutating func remove(_ slot: BlockSlot) -> CachedBlock? {
        // Safety: a block that a slot shows is kept by this shard, whose lock is held.
        guard let block = unsafe slot.borrow()?.takeUnretainedValue() else { return nil }
        take(block.place.load(ordering: .relaxed))
        return block
    }

    private mutating func take(_ place: Int) {
        entries[place].slot.clear()
        bytes -= entries[place].block?.byteCount ?? 0
        count -= 1
        entries[place].block = nil
        free.append(place)
    }
}
