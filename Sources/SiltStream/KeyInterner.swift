import SiltBytes

/// Gives each distinct key a dense id: open addressing over stored 64-bit hashes, bytes in one
/// arena.
///
/// Ids count from 0 in the order of first sight and stay for the interner's life.
public struct KeyInterner: Sendable {
    private var arena: [UInt8] = []
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// The first eight bytes of each key, big-endian: decides most comparisons.
    private var prefixes: [UInt64] = []
    /// Ids plus one, 0 where free; a power of two, at most half full.
    private var table: [UInt32] = Array(repeating: 0, count: 64)

    /// Ids in the order of their bytes, as of the last `refreshOrder()`.
    private(set) var order: [UInt32] = []

    /// No keys.
    public init() {}

    /// The number of keys.
    public var count: Int { ends.count }

    /// Bytes of memory in use, near enough.
    public var byteCount: Int { arena.capacity + ends.capacity * 24 + table.capacity * 4 }

    /// The id of a key, new when it was not seen before.
    public mutating func intern(_ key: [UInt8]) -> UInt32 { intern(key, 0..<key.count) }

    /// The id of the key in a range of bytes, such as a field of a line, which must lie within
    /// them.
    public mutating func intern(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        intern(bytes, range, hash: Hash64.hash(bytes, in: range))
    }

    /// Appends the ids of keys, each of which is at `offset << 32 | count` of the bytes and must lie within them.
    public mutating func intern(_ bytes: [UInt8], places: [Int64], into ids: inout [UInt32]) {
        let first = ids.count
        ids.append(contentsOf: repeatElement(0, count: places.count))
        for index in places.indices {
            let offset = Int(places[index] >> 32)
            let range = offset..<(offset &+ Int(places[index] & 0xffff_ffff))
            ids[first &+ index] = intern(bytes, range, hash: Hash64.hash(bytes, in: range))
        }
    }

    private mutating func intern(_ bytes: [UInt8], _ range: Range<Int>, hash: UInt64) -> UInt32 {
        let mask = table.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while table[place] != 0 {
            let id = Int(table[place] - 1)
            if hashes[id] == hash, isEqual(id, bytes, range) { return UInt32(id) }
            place = (place + 1) & mask
        }
        return add(bytes, range, hash: hash, at: place)
    }

    @inline(never)
    private mutating func add(
        _ bytes: [UInt8], _ range: Range<Int>, hash: UInt64, at place: Int
    ) -> UInt32 {
        let id = UInt32(ends.count)
        prefixes.append(KeyInterner.prefix(of: bytes, range))
        arena.append(contentsOf: bytes[range])
        ends.append(arena.count)
        hashes.append(hash)
        table[place] = id + 1
        if ends.count * 2 > table.count { grow() }
        return id
    }

    /// The id of a key that was seen; `nil` otherwise.
    public func find(_ key: [UInt8]) -> UInt32? {
        let hash = Hash64.hash(key)
        let mask = table.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while table[place] != 0 {
            let id = Int(table[place] - 1)
            if hashes[id] == hash, isEqual(id, key, 0..<key.count) { return UInt32(id) }
            place = (place + 1) & mask
        }
        return nil
    }

    /// The bytes of a key, whose id must have been given out.
    public func bytes(of id: UInt32) -> [UInt8] { Array(arena[range(of: Int(id))]) }

    /// Brings `order` up to date: sorts the new keys and merges them in.
    mutating func refreshOrder() {
        guard order.count < count else { return }
        let new = (UInt32(order.count)..<UInt32(count)).sorted { precedes($0, $1) }
        var merged: [UInt32] = []
        merged.reserveCapacity(count)
        var next = 0
        for id in order {
            while next < new.count, precedes(new[next], id) {
                merged.append(new[next])
                next += 1
            }
            merged.append(id)
        }
        merged += new[next...]
        order = merged
    }

    /// The first eight bytes of a key, big-endian: keys whose prefixes differ sort as these do.
    @inline(__always)
    func prefix(of id: UInt32) -> UInt64 { prefixes[Int(id)] }

    /// Whether the bytes of one key sort before those of another.
    func precedes(_ left: UInt32, _ right: UInt32) -> Bool {
        let first = prefixes[Int(left)]
        let second = prefixes[Int(right)]
        if first != second { return first < second }
        return arena[range(of: Int(left))].lexicographicallyPrecedes(arena[range(of: Int(right))])
    }

    private func range(of id: Int) -> Range<Int> { (id == 0 ? 0 : ends[id - 1])..<ends[id] }

    private func isEqual(_ id: Int, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        let mine = self.range(of: id)
        guard mine.count == range.count else { return false }
        // Safety: bytes have no padding.
        let left = unsafe arena.span.extracting(mine).bytes
        let right = unsafe bytes.span.extracting(range).bytes
        let count = left.byteCount
        var index = 0
        while index &+ 8 <= count {
            // Safety: 8 bytes from `index` on lie within both spans, which are `count` bytes long.
            let first = unsafe left.unsafeLoadUnaligned(
                fromUncheckedByteOffset: index, as: UInt64.self)
            let second = unsafe right.unsafeLoadUnaligned(
                fromUncheckedByteOffset: index, as: UInt64.self)
            if first != second { return false }
            index &+= 8
        }
        while index < count {
            // Safety: `index` is below `count`.
            let first = unsafe left.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
            let second = unsafe right.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
            if first != second { return false }
            index &+= 1
        }
        return true
    }

    private mutating func grow() {
        table = Array(repeating: 0, count: table.count * 2)
        let mask = table.count - 1
        for id in 0..<ends.count {
            var place = Int(truncatingIfNeeded: hashes[id]) & mask
            while table[place] != 0 { place = (place + 1) & mask }
            table[place] = UInt32(id) + 1
        }
    }

    private static func prefix(of bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 {
            let byte = index < range.count ? bytes[range.lowerBound + index] : 0
            word = word << 8 | UInt64(byte)
        }
        return word
    }
}
