internal import CSiltstone
internal import Synchronization

/// The writing side: one thread at a time.
extension MemtableTree {
    /// The most levels: 64-way nodes at least half full reach 2^32 records long before.
    private static let levelsMax = 12

    /// Lays out an empty tree.
    func initialize() {
        // Safety: the header and the first node lie within the arena's least capacity.
        unsafe word(base, Self.usedOffset).pointee.store(
            UInt64(Arena.headerBytes), ordering: .relaxed)
        let root = unsafe makeNode(level: 0)
        unsafe half(base, Self.lastLeafOffset).pointee.store(offset(root), ordering: .relaxed)
        unsafe half(base, Self.rootOffset).pointee.store(offset(root), ordering: .releasing)
    }

    /// Takes zeroed bytes off the arena, 8-byte aligned.
    ///
    /// The owner asked for room before.
    @inline(__always) func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        // Safety: the used count is at most the capacity, which the owner checked by `hasRoom`.
        let used = unsafe Int(
            truncatingIfNeeded: word(base, Self.usedOffset).pointee.load(ordering: .relaxed))
        let next = (used &+ byteCount &+ 7) & ~7
        unsafe word(base, Self.usedOffset).pointee.store(UInt64(next), ordering: .relaxed)
        return unsafe base + used
    }

    /// A node with nothing in it, aligned to cache lines.
    private func makeNode(level: Int) -> Node {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let size = level == 0 ? Self.leafBytes : Self.innerBytes
        let place = unsafe allocate(size + 56)
        // Safety: 56 spare bytes leave room for the next multiple of 64.
        let node = unsafe place + (64 - (place - base) & 63) & 63
        unsafe setMeta(node, Meta(count: 0, skip: 0, level: level))
        return unsafe node
    }

    /// Puts a record, complete but for its place in the tree, in order.
    ///
    /// - Returns: whether it comes last of all, and whether it is new: when the tree held the same key, the new record takes the
    ///   old one's place.
    @inline(__always)
    func insert(_ record: UInt32) -> (isLast: Bool, isNew: Bool) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let key = unsafe key(record)
        let greatest = unsafe half(base, Self.greatestOffset).pointee.load(ordering: .relaxed)
        guard unsafe greatest == 0 || compare(greatest, key) < 0 else {
            return unsafe (false, insert(record, key, isAscending: false))
        }
        unsafe half(base, Self.greatestOffset).pointee.store(record, ordering: .relaxed)
        // What comes last goes to the last leaf, whatever is above it, while that has room.
        let leaf = unsafe address(half(base, Self.lastLeafOffset).pointee.load(ordering: .relaxed))
        let count = unsafe meta(leaf).count
        if count < Self.fanout {
            unsafe lock(leaf)
            unsafe insertLeaf(leaf, count, record)
            unsafe unlock(leaf)
            return (true, true)
        }
        return unsafe (true, insert(record, key, isAscending: true))
    }

    private func insert(_ record: UInt32, _ key: UnsafeRawBufferPointer, isAscending: Bool) -> Bool
    {
        // Safety: the path's room is `levelsMax`, and only this thread changes nodes.
        return unsafe withUnsafeTemporaryAllocation(of: (Node, Int).self, capacity: Self.levelsMax)
        { path in
            var depth = 0
            var node = unsafe address(half(base, Self.rootOffset).pointee.load(ordering: .relaxed))
            var meta = unsafe meta(node)
            while !meta.isLeaf {
                let index = unsafe isAscending ? meta.count : rank(node, meta, key, orEqual: true)
                unsafe path[depth] = (node, index)
                depth &+= 1
                unsafe node = address(children(node)[index].load(ordering: .relaxed))
                if !isAscending { unsafe fetch(node) }
                unsafe meta = self.meta(node)
            }
            let index = unsafe isAscending ? meta.count : rank(node, meta, key, orEqual: false)
            // The prefixes first: where they differ, the record's cache line need not be fetched.
            if unsafe !isAscending && index < meta.count
                && prefixes(node)[index].load(ordering: .relaxed) == prefix(key, skip: meta.skip)
                && compare(records(node)[index].load(ordering: .relaxed), key) == 0
            {
                unsafe lock(node)
                unsafe records(node)[index].store(record, ordering: .releasing)
                unsafe unlock(node)
                return false
            }
            if meta.count < Self.fanout {
                unsafe lock(node)
                unsafe insertLeaf(node, index, record)
                unsafe unlock(node)
            } else {
                unsafe split(node, at: index, record, path.baseAddress, depth)
            }
            return true
        }
    }

    /// Puts a record at `index` of a locked leaf that has room.
    @inline(__always) private func insertLeaf(_ node: Node, _ index: Int, _ record: UInt32) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let meta = unsafe meta(node)
        let prefixes = unsafe prefixes(node)
        let records = unsafe records(node)
        var place = meta.count
        // Safety: count < 64, so the place above the last entry exists.
        while place > index {
            unsafe prefixes[place].store(
                prefixes[place &- 1].load(ordering: .relaxed), ordering: .relaxed)
            unsafe records[place].store(
                records[place &- 1].load(ordering: .relaxed), ordering: .releasing)
            place &-= 1
        }
        unsafe prefixes[index].store(prefix(key(record), skip: meta.skip), ordering: .relaxed)
        unsafe records[index].store(record, ordering: .releasing)
        unsafe setMeta(node, meta.counting(meta.count &+ 1))
    }

    /// Puts a separator at `index` of a locked inner node that has room, and the child right of it.
    private func insertInner(_ node: Node, _ index: Int, _ separator: UInt32, _ child: UInt32) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let meta = unsafe meta(node)
        let prefixes = unsafe prefixes(node)
        let records = unsafe records(node)
        let children = unsafe children(node)
        var place = meta.count
        // Safety: count < 64, so entry `count` and child `count + 1` exist.
        while place > index {
            unsafe prefixes[place].store(
                prefixes[place &- 1].load(ordering: .relaxed), ordering: .relaxed)
            unsafe records[place].store(
                records[place &- 1].load(ordering: .relaxed), ordering: .releasing)
            unsafe children[place &+ 1].store(
                children[place].load(ordering: .relaxed), ordering: .releasing)
            place &-= 1
        }
        unsafe prefixes[index].store(prefix(key(separator), skip: meta.skip), ordering: .relaxed)
        unsafe records[index].store(separator, ordering: .releasing)
        unsafe children[index &+ 1].store(child, ordering: .releasing)
        unsafe setMeta(node, meta.counting(meta.count &+ 1))
    }

    /// Splits a full leaf around a new record, and what is full above it.
    ///
    /// `path` leads from the root to the leaf.
    private func split(
        _ leaf: Node, at index: Int, _ record: UInt32, _ path: UnsafeMutablePointer<(Node, Int)>?,
        _ depth: Int
    ) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        // Ascending inserts leave full nodes behind; others halve.
        let isAppend =
            unsafe index == Self.fanout
            && half(leaf, Self.nextOffset).pointee.load(ordering: .relaxed) == 0
        let middle = isAppend ? Self.fanout : Self.fanout / 2
        let right = unsafe makeNode(level: 0)
        // Safety: `right` is not reachable yet; the leaf and what changes above stay odd to the
        // end.
        unsafe lock(leaf)
        unsafe moveEntries(from: leaf, middle, to: right)
        if index < middle {
            unsafe insertLeaf(leaf, index, record)
        } else {
            unsafe insertLeaf(right, index &- middle, record)
        }
        let separator = unsafe records(right)[0].load(ordering: .relaxed)
        let next = unsafe half(leaf, Self.nextOffset).pointee.load(ordering: .relaxed)
        unsafe half(right, Self.nextOffset).pointee.store(next, ordering: .releasing)
        if next == 0 {
            unsafe half(base, Self.lastLeafOffset).pointee.store(offset(right), ordering: .relaxed)
        }
        unsafe setFences(
            right, separator, half(leaf, Self.highOffset).pointee.load(ordering: .relaxed))
        unsafe setFences(
            leaf, half(leaf, Self.lowOffset).pointee.load(ordering: .relaxed), separator)
        unsafe half(leaf, Self.nextOffset).pointee.store(offset(right), ordering: .releasing)
        unsafe raise(separator, offset(right), path, depth, isAppend)
        unsafe unlock(leaf)
    }

    /// Moves the entries from `middle` on to an empty node of the same kind and shared prefix.
    private func moveEntries(from node: Node, _ middle: Int, to right: Node) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let meta = unsafe meta(node)
        // Safety: both nodes have room for `fanout` entries.
        for index in middle..<meta.count {
            unsafe prefixes(right)[index - middle].store(
                prefixes(node)[index].load(ordering: .relaxed), ordering: .relaxed)
            unsafe records(right)[index - middle].store(
                records(node)[index].load(ordering: .relaxed), ordering: .releasing)
        }
        unsafe setMeta(right, meta.counting(meta.count - middle))
        unsafe setMeta(node, meta.counting(middle))
    }

    /// Puts a separator and the node right of it into the parents, splitting full ones, up to a new
    /// root if need be.
    private func raise(
        _ separator: UInt32, _ child: UInt32, _ path: UnsafeMutablePointer<(Node, Int)>?,
        _ depth: Int,
        _ isAppend: Bool
    ) {
        var separator = separator
        var child = child
        var level = depth - 1
        var lockedFrom = depth
        // Safety: `path` holds `depth` nodes; each changed one is locked before and unlocked after
        // all changes.
        while level >= 0, let path = unsafe path {
            let (node, index) = unsafe path[level]
            unsafe lock(node)
            lockedFrom = level
            if unsafe meta(node).count < Self.fanout {
                unsafe insertInner(node, index, separator, child)
                break
            }
            let middle = isAppend ? Self.fanout - 1 : Self.fanout / 2
            let right = unsafe makeNode(level: meta(node).level)
            let up = unsafe records(node)[middle].load(ordering: .relaxed)
            unsafe moveEntries(from: node, middle + 1, to: right)
            for index in (middle + 1)...Self.fanout {
                unsafe children(right)[index - middle - 1].store(
                    children(node)[index].load(ordering: .relaxed), ordering: .releasing)
            }
            unsafe setMeta(node, meta(node).counting(middle))
            unsafe setFences(
                right, up, half(node, Self.highOffset).pointee.load(ordering: .relaxed))
            unsafe setFences(node, half(node, Self.lowOffset).pointee.load(ordering: .relaxed), up)
            if index <= middle {
                unsafe insertInner(node, index, separator, child)
            } else {
                unsafe insertInner(right, index - middle - 1, separator, child)
            }
            separator = up
            child = unsafe offset(right)
            level -= 1
        }
        if level < 0 { growRoot(separator, child) }
        guard let path = unsafe path else { return }
        while lockedFrom < depth {
            unsafe unlock(path[lockedFrom].0)
            lockedFrom += 1
        }
    }

    /// Makes a root above the old one, which was split and is still odd.
    private func growRoot(_ separator: UInt32, _ child: UInt32) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        let old = unsafe half(base, Self.rootOffset).pointee.load(ordering: .relaxed)
        let root = unsafe makeNode(level: meta(address(old)).level + 1)
        // Safety: the new root is not reachable before the last store.
        unsafe children(root)[0].store(old, ordering: .releasing)
        unsafe insertInner(root, 0, separator, child)
        unsafe half(base, Self.rootOffset).pointee.store(offset(root), ordering: .releasing)
    }

    /// Sets the keys between which a node's keys lie, and what follows from them; 0 is no bound.
    private func setFences(_ node: Node, _ low: UInt32, _ high: UInt32) {
        // Safety: places are below the fan-out, for which every node has room; only the one writer
        // changes nodes.
        unsafe half(node, Self.lowOffset).pointee.store(low, ordering: .relaxed)
        unsafe half(node, Self.highOffset).pointee.store(high, ordering: .relaxed)
        let meta = unsafe meta(node)
        var skip = 0
        if low != 0, high != 0 {
            let left = unsafe key(low)
            let right = unsafe key(high)
            // Safety: no more bytes are compared than the shorter key has.
            skip = unsafe min(
                Int(silt_shared(left.baseAddress, right.baseAddress, min(left.count, right.count))),
                0xffff)
        }
        if skip == meta.skip { return }
        unsafe setMeta(node, Meta(count: meta.count, skip: skip, level: meta.level))
        for index in 0..<meta.count {
            let record = unsafe records(node)[index].load(ordering: .relaxed)
            unsafe prefixes(node)[index].store(prefix(key(record), skip: skip), ordering: .relaxed)
        }
    }
}
