internal import CSiltstone
internal import Synchronization

/// The B+tree of a memtable: nodes and records in an arena, found by 32-bit offsets.
///
/// 1. A record is a cell key with its value, written once and never changed. A node holds up to 64
///    offsets of records and, for each, the 8 key bytes that follow the prefix shared by the node's
///    fences (the keys between which all of its keys lie). A search compares those words and
///    touches records only where they tie.
/// 2. One thread at a time writes. It makes a node's version odd, changes the node, and makes the
///    version even again. A split holds all changed nodes odd until the last is done.
/// 3. Readers take no lock: they read a node's version, search, and start over when the version was
///    odd or changed meanwhile, going from parent to child only while the parent's version still
///    stands.
/// 4. Every word that changes after a node is reachable is atomic. Offsets are stored releasing and
///    loaded acquiring, so that what an offset leads to is complete whenever the offset is seen,
///    even if the search is then discarded; counts are clamped. Hence a reader in the middle of a
///    change computes a wrong place at worst, never reads outside the arena, and drops the result.
/// 5. Nodes are never merged or freed before the memtable is, so offsets stay good for as long as
///    it lives.
///
/// Safety: the owner keeps the arena mapped for as long as it uses this value.
@safe struct MemtableTree {
    /// The most entries of a node.
    static let fanout = 64
    static let leafBytes = 832
    static let innerBytes = 1_088
    static let recordHeaderBytes = 8
    static let valueBits: UInt32 = 24

    // Offsets of the words in a node.
    static let metaOffset = 8
    static let nextOffset = 16
    static let lowOffset = 20
    static let highOffset = 24
    static let prefixesOffset = 32
    static let recordsOffset = 544
    static let childrenOffset = 800

    // Offsets of the words in the arena's header.
    static let rootOffset = 64
    static let usedOffset = 72
    static let greatestOffset = 80
    static let lastLeafOffset = 84

    /// The arena's first byte.
    let base: UnsafeMutableRawPointer

    /// A node's address.
    typealias Node = UnsafeMutableRawPointer

    // Safety: every offset given to these is the place of a word of that width within a node, a
    // record or the header, 8-byte (4-byte) aligned by the layout above, in memory that lives as
    // long as the arena.

    @inline(__always)
    func word(_ place: UnsafeMutableRawPointer, _ offset: Int) -> UnsafeMutablePointer<
        Atomic<UInt64>
    > {
        unsafe (place + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    func half(_ place: UnsafeMutableRawPointer, _ offset: Int) -> UnsafeMutablePointer<
        Atomic<UInt32>
    > {
        unsafe (place + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always) func prefixes(_ node: Node) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe word(node, Self.prefixesOffset)
    }

    @inline(__always) func records(_ node: Node) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe half(node, Self.recordsOffset)
    }

    @inline(__always) func children(_ node: Node) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe half(node, Self.childrenOffset)
    }

    @inline(__always) func address(_ offset: UInt32) -> UnsafeMutableRawPointer {
        unsafe base + Int(offset) &* 8
    }

    @inline(__always) func offset(_ place: UnsafeMutableRawPointer) -> UInt32 {
        unsafe UInt32(truncatingIfNeeded: (place - base) / 8)
    }

    /// A node's count, shared prefix and level in one word, so that one load gives all three.
    struct Meta {
        var raw: UInt64
        @inline(__always) var count: Int { Int(truncatingIfNeeded: min(raw & 0xffff, 64)) }
        @inline(__always) var skip: Int { Int(truncatingIfNeeded: raw >> 16 & 0xffff) }
        /// How many levels are below.
        @inline(__always) var level: Int { Int(truncatingIfNeeded: raw >> 32) }
        @inline(__always) var isLeaf: Bool { level == 0 }

        @inline(__always)
        init(count: Int, skip: Int, level: Int) {
            raw = UInt64(count) | UInt64(skip) << 16 | UInt64(level) << 32
        }

        @inline(__always) init(raw: UInt64) { self.raw = raw }

        /// The same with another count.
        @inline(__always) func counting(_ count: Int) -> Meta {
            Meta(count: count, skip: skip, level: level)
        }
    }

    @inline(__always) func meta(_ node: Node) -> Meta {
        // Safety: as above.
        unsafe Meta(raw: word(node, Self.metaOffset).pointee.load(ordering: .relaxed))
    }

    @inline(__always) func setMeta(_ node: Node, _ meta: Meta) {
        // Safety: as above.
        unsafe word(node, Self.metaOffset).pointee.store(meta.raw, ordering: .relaxed)
    }

    /// The version, read before anything else of the node.
    @inline(__always) func version(_ node: Node) -> UInt64 {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        unsafe word(node, 0).pointee.load(ordering: .acquiring)
    }

    /// Whether what was read of the node since `version` was read is one consistent state.
    @inline(__always) func stands(_ node: Node, _ version: UInt64) -> Bool {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        // Pairs with the fence in `lock`: having seen any change, this load sees the odd version.
        atomicMemoryFence(ordering: .acquiring)
        return unsafe word(node, 0).pointee.load(ordering: .relaxed) == version
    }

    @inline(__always) func lock(_ node: Node) {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        unsafe word(node, 0).pointee.store(
            word(node, 0).pointee.load(ordering: .relaxed) | 1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
    }

    @inline(__always) func unlock(_ node: Node) {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        unsafe word(node, 0).pointee.store(
            word(node, 0).pointee.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }

    /// The key bytes of a record.
    @inline(__always) func key(_ record: UInt32) -> UnsafeRawBufferPointer {
        // Safety: a record begins with its key's length, and the key follows the 8 bytes of header.
        let place = unsafe UnsafeRawPointer(address(record))
        return unsafe UnsafeRawBufferPointer(
            start: place + Self.recordHeaderBytes, count: Int(place.load(as: UInt32.self)))
    }

    /// The 8 bytes of a key after the first `skip`, as a number.
    @inline(__always) func prefix(_ key: UnsafeRawBufferPointer, skip: Int) -> UInt64 {
        guard skip < key.count, let start = key.baseAddress else { return 0 }
        // Safety: skip < count, and the function reads no more than the count given.
        return unsafe silt_prefix(start + skip, key.count &- skip)
    }

    /// The order of a record's key and `key`.
    @inline(__always) func compare(_ record: UInt32, _ key: UnsafeRawBufferPointer) -> Int32 {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        let own = unsafe self.key(record)
        guard let left = own.baseAddress, let right = key.baseAddress else {
            return own.count == key.count ? 0 : own.count < key.count ? -1 : 1
        }
        // Safety: both pointers are valid for their counts.
        return unsafe silt_order(left, own.count, right, key.count)
    }

    /// How many of the node's keys are below `key` (or not above it, when `orEqual`).
    @inline(__always)
    func rank(_ node: Node, _ meta: Meta, _ key: UnsafeRawBufferPointer, orEqual: Bool) -> Int {
        // Safety: offsets lead to nodes and complete records of the arena; indices are clamped to
        // the fan-out.
        let prefixes = unsafe prefixes(node)
        let records = unsafe records(node)
        let wanted = unsafe prefix(key, skip: meta.skip)
        let count = meta.count
        var low = 0
        var length = count
        // Safety: low + half < count <= 64, the room of both arrays.
        while length > 0 {
            let half = length >> 1
            let isBelow = unsafe prefixes[low &+ half].load(ordering: .relaxed) < wanted
            low = isBelow ? low &+ half &+ 1 : low
            length = isBelow ? length &- half &- 1 : half
        }
        var high = low
        while unsafe high < count && prefixes[high].load(ordering: .relaxed) == wanted {
            high &+= 1
        }
        while low < high {
            let middle = (low &+ high) >> 1
            let order = unsafe compare(records[middle].load(ordering: .acquiring), key)
            if orEqual ? order <= 0 : order < 0 { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// Has a node fetched: the lines that a search and an insert touch come together, not one after the other.
    @inline(__always) func fetch(_ node: Node) {
        // Safety: fetching ahead reads nothing.
        unsafe silt_prefetch_all(node, Self.leafBytes)
    }

    /// The leaf whose range holds `key`, and the version under which that is so.
    ///
    /// - Parameter orEqual: whether a fence equal to `key` lies in the leaf (it may, as its first
    ///   key); otherwise the leaf is the one with the keys below `key`.
    func leaf(for key: UnsafeRawBufferPointer, orEqual: Bool) -> (node: Node, version: UInt64) {
        var attempts = 0
        restart: while true {
            attempts += 1
            if attempts > 64 { silt_yield() }
            // Safety: the root and children words hold offsets of nodes, or 0 in a state that is
            // discarded below.
            let root = unsafe half(base, Self.rootOffset).pointee.load(ordering: .acquiring)
            var node = unsafe address(root)
            var version = unsafe version(node)
            // A root that was split keeps its left half only: after its change, the root word is a
            // new one.
            if version & 1 != 0 { continue restart }
            if unsafe half(base, Self.rootOffset).pointee.load(ordering: .acquiring) != root {
                continue restart
            }
            while true {
                let meta = unsafe meta(node)
                if meta.isLeaf { return unsafe (node, version) }
                let index = unsafe rank(node, meta, key, orEqual: orEqual)
                let child = unsafe address(children(node)[index].load(ordering: .acquiring))
                unsafe fetch(child)
                let childVersion = unsafe self.version(child)
                if unsafe childVersion & 1 != 0 || !stands(node, version) { continue restart }
                unsafe node = child
                version = childVersion
            }
        }
    }

    /// Has the leaf fetched that a key belongs into, as far as that can be told without waiting for writers.
    func fetchLeaf(for key: UnsafeRawBufferPointer) {
        // Safety: as in `leaf(for:)`: a child is used only while its parent's version stands, so it is a node one level below.
        var node = unsafe address(half(base, Self.rootOffset).pointee.load(ordering: .acquiring))
        while true {
            let version = unsafe version(node)
            let meta = unsafe meta(node)
            if meta.isLeaf || version & 1 != 0 { return }
            let index = unsafe rank(node, meta, key, orEqual: true)
            let child = unsafe address(children(node)[index].load(ordering: .acquiring))
            if unsafe !stands(node, version) { return }
            unsafe fetch(child)
            // The leaf itself is not looked at: that would wait for it.
            if meta.level == 1 { return }
            unsafe node = child
        }
    }

    /// The last leaf and its version.
    func lastLeaf() -> (node: Node, version: UInt64) {
        var attempts = 0
        restart: while true {
            attempts += 1
            if attempts > 64 { silt_yield() }
            // Safety: as in `leaf(for:)`.
            let root = unsafe half(base, Self.rootOffset).pointee.load(ordering: .acquiring)
            var node = unsafe address(root)
            var version = unsafe version(node)
            if version & 1 != 0 { continue restart }
            if unsafe half(base, Self.rootOffset).pointee.load(ordering: .acquiring) != root {
                continue restart
            }
            while true {
                let meta = unsafe meta(node)
                if meta.isLeaf { return unsafe (node, version) }
                let child = unsafe address(children(node)[meta.count].load(ordering: .acquiring))
                let childVersion = unsafe self.version(child)
                if unsafe childVersion & 1 != 0 || !stands(node, version) { continue restart }
                unsafe node = child
                version = childVersion
            }
        }
    }
}
