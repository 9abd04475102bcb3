internal import CSiltstone
internal import Synchronization

/// A walk over a memtable's cells in key order.
///
/// It sees every cell that was inserted before `seek`, and may see later ones. Of each leaf it
/// copies the offsets from its place on, so that the leaf may change underneath; the leaf that
/// followed at that moment follows still, since a split only puts a leaf of newer and moved cells
/// between.
///
/// Safety: it keeps the memtable alive, and with it all memory that offsets lead to.
@safe struct MemtableCursor: ~Copyable {
    private let memtable: Memtable
    private let tree: MemtableTree
    private let records: UnsafeMutablePointer<UInt32>
    private var index = 0
    private var count = 0
    private var next = UInt32(0)

    /// A cursor at no cell.
    init(_ memtable: Memtable) {
        self.memtable = memtable
        tree = memtable.tree
        // Safety: freed once, in deinit.
        unsafe records = .allocate(capacity: MemtableTree.fanout)
    }

    deinit { unsafe records.deallocate() }

    /// Whether there is a current cell.
    var isValid: Bool { @inline(__always) get { index < count } }

    /// The current cell's record.
    var record: UnsafeRawPointer {
        // Safety: index < count <= 64 while valid, and offsets lead to complete records.
        @inline(__always) get { unsafe UnsafeRawPointer(tree.address(records[index])) }
    }

    /// The current cell's whole key.
    var key: UnsafeRawBufferPointer {
        // Safety: the key follows the record's header, which begins with the key's length.
        @inline(__always) get {
            unsafe UnsafeRawBufferPointer(
                start: record + MemtableTree.recordHeaderBytes,
                count: Int(record.load(as: UInt32.self)))
        }
    }

    /// The current cell's flags.
    var flags: UInt8 {
        // Safety: the second word of the header is the value's length with the flags above it.
        @inline(__always) get {
            unsafe UInt8(
                truncatingIfNeeded: record.load(fromByteOffset: 4, as: UInt32.self)
                    >> MemtableTree.valueBits)
        }
    }

    /// The current cell's value.
    var value: UnsafeRawBufferPointer {
        // Safety: the value follows the key.
        @inline(__always) get {
            let word = unsafe record.load(fromByteOffset: 4, as: UInt32.self)
            let key = unsafe key
            return unsafe UnsafeRawBufferPointer(
                start: key.baseAddress.map { unsafe $0 + key.count },
                count: Int(word & (1 << MemtableTree.valueBits - 1)))
        }
    }

    /// Goes to the first cell whose key is not below `key`.
    mutating func seek(_ key: UnsafeRawBufferPointer) {
        // Safety: offsets lead to complete records and to leaves, which live as long as the
        // memtable held here.
        while true {
            let (node, version) = unsafe tree.leaf(for: key, orEqual: true)
            let first = unsafe tree.rank(node, tree.meta(node), key, orEqual: false)
            if unsafe copy(node, version, from: first) { break }
        }
        if index >= count { advanceLeaf() }
    }

    /// Goes to the last cell whose key is below `key`; the very last without a key.
    ///
    /// Only accessors and `seek` may follow.
    ///
    /// - Parameter steps: so many cells further back, or as many as one leaf has.
    mutating func seekLast(before key: UnsafeRawBufferPointer?, stepsBack steps: Int = 0) {
        // Safety: offsets lead to complete records and to leaves, which live as long as the
        // memtable held here.
        next = 0
        while true {
            let (node, version) =
                unsafe key.map { unsafe tree.leaf(for: $0, orEqual: false) } ?? tree.lastLeaf()
            let meta = unsafe tree.meta(node)
            let rank =
                unsafe key.map { unsafe tree.rank(node, meta, $0, orEqual: false) } ?? meta.count
            // A leaf begins with its low fence, which is below the key: rank 0 happens in the first
            // leaf alone.
            let record =
                unsafe rank == 0
                ? 0 : tree.records(node)[max(0, rank - 1 - steps)].load(ordering: .acquiring)
            if unsafe !tree.stands(node, version) { continue }
            index = 0
            count = rank == 0 ? 0 : 1
            unsafe records[0] = record
            return
        }
    }

    /// Goes to the next cell.
    @inline(__always) mutating func advance() {
        index &+= 1
        if index &+ 4 < count {
            // Safety: below count; a prefetch reads nothing.
            unsafe silt_prefetch(tree.address(records[index &+ 4]))
        } else if index >= count {
            advanceLeaf()
        }
    }

    /// Copies the offsets of a leaf from `first` on; `false` when the leaf changed meanwhile.
    private mutating func copy(_ node: MemtableTree.Node, _ version: UInt64, from first: Int)
        -> Bool
    {
        // Safety: offsets lead to complete records and to leaves, which live as long as the
        // memtable held here.
        let source = unsafe tree.records(node)
        let end = unsafe tree.meta(node).count
        // Safety: first and end are at most 64, the room of both arrays.
        var place = first
        while place < end {
            unsafe records[place] = source[place].load(ordering: .acquiring)
            place &+= 1
        }
        let following = unsafe tree.half(node, MemtableTree.nextOffset).pointee.load(
            ordering: .acquiring)
        guard unsafe tree.stands(node, version) else { return false }
        index = first
        count = end
        next = following
        return true
    }

    private mutating func advanceLeaf() {
        var attempts = 0
        while index >= count, next != 0 {
            attempts += 1
            if attempts > 64 { silt_yield() }
            // Safety: the next word leads to a leaf, and leaves are never freed.
            let node = unsafe tree.address(next)
            let version = unsafe tree.version(node)
            if version & 1 == 0 { _ = unsafe copy(node, version, from: 0) }
        }
    }
}
