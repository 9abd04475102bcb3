/// Gives each distinct key a dense id: open addressing over stored 64-bit hashes, bytes in one
/// arena.
///
/// Ids count from 0 in the order of first sight and stay for the interner's life.
public struct KeyInterner: Sendable {
    private var arena: [UInt8] = []
    /// Where each key begins in the arena, and the end of the last one.
    private var starts = [0]
    private var hashes: [UInt64] = []
    /// The first eight bytes of each key, big-endian: decides most comparisons.
    private var prefixes: [UInt64] = []
    /// The upper half of a hash and below it an id plus one, 0 where free; a power of two, at most half full.
    private var table: [UInt64] = Array(repeating: 0, count: 64)

    /// Ids in the order of their bytes, as of the last `refreshOrder()`.
    private(set) var order: [UInt32] = []

    /// No keys.
    public init() {}

    /// The number of keys.
    public var count: Int { starts.count - 1 }

    /// Bytes of memory in use, near enough.
    public var byteCount: Int { arena.capacity + starts.capacity * 24 + table.capacity * 8 }

    /// The id of a key, new when it was not seen before.
    public mutating func intern(_ key: [UInt8]) -> UInt32 { intern(key, 0..<key.count) }

    /// The id of the key in a range of bytes, such as a field of a line, which must lie within
    /// them.
    public mutating func intern(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        // Safety: bytes have no padding.
        let source = unsafe bytes.span.bytes
        let hash = KeyInterner.hash(source, range.lowerBound, range.count)
        let known = find(source, range.lowerBound, range.count, hash)
        return known >= 0 ? UInt32(known) : add(bytes, range, hash)
    }

    /// Appends the ids of keys, each of which is at `offset << 32 | count` of the bytes and must lie within them.
    public mutating func intern(
        _ bytes: [UInt8], places: ArraySlice<Int64>, into ids: inout [UInt32]
    ) {
        let end = ids.count + places.count
        var next = places.startIndex
        while true {
            let rest = places[next...]
            next += appendKnown(bytes, rest.span, to: &ids)
            if ids.count == end { return }
            ids.append(intern(bytes, KeyInterner.range(places[next])))
            next += 1
        }
    }

    /// Appends the ids of keys up to one that is new; how many those are.
    ///
    /// Some at a time are hashed before they are looked for, so that the processor waits for the memory of several at
    /// once: few at first, for where new ones come often.
    private func appendKnown(
        _ bytes: [UInt8], _ places: Span<Int64>, to ids: inout [UInt32]
    ) -> Int {
        // Safety: bytes have no padding.
        let source = unsafe bytes.span.bytes
        var hashed = InlineArray<32, UInt64>(repeating: 0)
        var together = 1
        var count = 0
        ids.append(addingCapacity: places.count) { ids in
            while count < places.count {
                let first = count
                let size = min(together, places.count &- first)
                for index in 0..<size {
                    let range = KeyInterner.range(places[first &+ index])
                    precondition(
                        range.lowerBound >= 0 && range.upperBound <= source.byteCount)
                    hashed[index] = KeyInterner.hash(source, range.lowerBound, range.count)
                }
                for index in 0..<size {
                    let range = KeyInterner.range(places[first &+ index])
                    let known = find(source, range.lowerBound, range.count, hashed[index])
                    if known < 0 { return }
                    ids.append(UInt32(truncatingIfNeeded: known))
                    count &+= 1
                }
                together = min(together &* 2, hashed.count)
            }
        }
        return count
    }

    @inline(__always)
    private static func range(_ place: Int64) -> Range<Int> {
        let offset = Int(place >> 32)
        return offset..<(offset &+ Int(place & 0xffff_ffff))
    }

    /// The id of the key with a hash, at a place of bytes; -1 when there is none.
    @inline(__always)
    private func find(_ bytes: RawSpan, _ offset: Int, _ count: Int, _ hash: UInt64) -> Int {
        let table = table.span
        let mask = table.count &- 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while true {
            // Safety: the mask keeps the place within the table, whose size is a power of two.
            let entry = unsafe table[unchecked: place]
            if entry == 0 { return -1 }
            if (entry ^ hash) >> 32 == 0 {
                let id = Int(entry & 0xffff_ffff) &- 1
                if isEqual(id, bytes, offset, count) { return id }
            }
            place = (place &+ 1) & mask
        }
    }

    @inline(never)
    private mutating func add(_ bytes: [UInt8], _ range: Range<Int>, _ hash: UInt64) -> UInt32 {
        let id = UInt32(count)
        prefixes.append(KeyInterner.prefix(of: bytes, range))
        arena.append(contentsOf: bytes[range])
        starts.append(arena.count)
        hashes.append(hash)
        if count * 2 > table.count {
            table = Array(repeating: 0, count: table.count * 2)
            for id in hashes.indices { enter(UInt32(id)) }
        } else {
            enter(id)
        }
        return id
    }

    /// Puts an id in a free place of the table.
    private mutating func enter(_ id: UInt32) {
        let hash = hashes[Int(id)]
        let mask = table.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while table[place] != 0 { place = (place + 1) & mask }
        table[place] = (hash >> 32) << 32 | (UInt64(id) + 1)
    }

    /// The id of a key that was seen; `nil` otherwise.
    public func find(_ key: [UInt8]) -> UInt32? {
        // Safety: bytes have no padding.
        let bytes = unsafe key.span.bytes
        let known = find(bytes, 0, key.count, KeyInterner.hash(bytes, 0, key.count))
        return known >= 0 ? UInt32(known) : nil
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

    private func range(of id: Int) -> Range<Int> { starts[id]..<starts[id &+ 1] }

    @inline(__always)
    private func isEqual(_ id: Int, _ bytes: RawSpan, _ offset: Int, _ count: Int) -> Bool {
        let starts = starts.span
        // Safety: the id is out of the table, so it was given out: the place of its key and the end of that are there.
        let start = unsafe starts[unchecked: id]
        let end = unsafe starts[unchecked: id &+ 1]
        guard end &- start == count else { return false }
        // Safety: bytes have no padding.
        let arena = unsafe arena.span.bytes
        if count < 8 {
            return KeyInterner.shortWord(arena, start, count)
                == KeyInterner.shortWord(bytes, offset, count)
        }
        let last = count &- 8
        var index = 0
        while index < last {
            if KeyInterner.word(arena, start &+ index) != KeyInterner.word(bytes, offset &+ index) {
                return false
            }
            index &+= 8
        }
        // The last eight bytes, some of them once more.
        return KeyInterner.word(arena, start &+ last) == KeyInterner.word(bytes, offset &+ last)
    }

    /// A hash of a key, good for nothing but tables in memory.
    @inline(__always)
    private static func hash(_ bytes: RawSpan, _ offset: Int, _ count: Int) -> UInt64 {
        var state = UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15
        if count < 8 {
            return mix(state ^ shortWord(bytes, offset, count), 0xe703_7ed1_a0b4_28db)
        }
        let last = offset &+ count &- 8
        var place = offset
        while place < last {
            state = mix(state ^ word(bytes, place), 0xa076_1d64_78bd_642f)
            place &+= 8
        }
        return mix(state ^ word(bytes, last), 0xe703_7ed1_a0b4_28db)
    }

    @inline(__always)
    private static func mix(_ word: UInt64, _ factor: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: factor)
        return product.high ^ product.low ^ word
    }

    @inline(__always)
    private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        // Safety: the callers' keys lie within the bytes and have eight from here on.
        unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }

    /// The bytes of a key of fewer than eight.
    @inline(__always)
    private static func shortWord(_ bytes: RawSpan, _ offset: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<count {
            // Safety: the callers' keys lie within the bytes.
            let byte = unsafe bytes.unsafeLoad(
                fromUncheckedByteOffset: offset &+ index, as: UInt8.self)
            word = word << 8 | UInt64(byte)
        }
        return word
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
