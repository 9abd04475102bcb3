internal import CSiltstone

/// The current cell of one source of a merge: what its order depends on, read once.
///
/// Safety: `key` is valid until the source moves.
@safe
struct SourceCell {
    /// The first 8 bytes of the column key after the merge's base; the greatest number when there is no cell.
    var prefix = UInt64.max
    /// The column key.
    var key = unsafe UnsafeRawPointer(bitPattern: 8)
    /// The length of the column key.
    var keyCount = 0
    /// The time stamp.
    var timestamp: Int64 = 0
    /// The sequence number.
    var sequence: UInt64 = 0
    /// The type code.
    var type: UInt8 = 0
    /// The flags.
    var flags: UInt8 = 0
    /// Whether there is a cell.
    var isValid = false
    /// Whether the column key does not begin with the merge's base: the prefix means nothing.
    var isOff = false

    /// The order of two cells: negative, zero or positive; no cell sorts last.
    @inline(__always)
    static func compare(_ left: UnsafePointer<SourceCell>, _ right: UnsafePointer<SourceCell>)
        -> Int
    {
        // Safety: callers point at cells of the merge's array; keys are valid for their counts
        // while sources stand still.
        let one = unsafe left.pointee.prefix
        let two = unsafe right.pointee.prefix
        if one != two { return one < two ? -1 : 1 }
        return unsafe compareWhole(left, right)
    }

    private static func compareWhole(
        _ left: UnsafePointer<SourceCell>, _ right: UnsafePointer<SourceCell>
    ) -> Int {
        // Safety: as in `compare`.
        let a = unsafe left.pointee
        let b = unsafe right.pointee
        if !a.isValid { return b.isValid ? 1 : 0 }
        if !b.isValid { return -1 }
        let order = unsafe silt_order(a.key, a.keyCount, b.key, b.keyCount)
        if order != 0 { return Int(order) }
        if a.timestamp != b.timestamp { return a.timestamp > b.timestamp ? -1 : 1 }
        if a.type != b.type { return a.type > b.type ? -1 : 1 }
        if a.sequence != b.sequence { return a.sequence > b.sequence ? -1 : 1 }
        return 0
    }
}

/// What all current keys of a merge begin with: their prefixes are taken after it, so that they differ.
///
/// Safety: the bytes are the base's own, `countMax` of them.
@safe
struct PrefixBase: ~Copyable {
    /// Longer prefixes are cut.
    static let countMax = 248

    /// How many bytes there are.
    private(set) var count = 0
    /// The bytes.
    let bytes: UnsafeMutableRawPointer

    /// No bytes.
    init() { unsafe bytes = .allocate(byteCount: Self.countMax + 8, alignment: 8) }

    deinit { unsafe bytes.deallocate() }

    /// Makes the base the beginning of a key.
    mutating func set(_ key: UnsafeRawPointer?, count: Int) {
        // Safety: the caller's key has `count` bytes, at most `countMax`.
        if let key = unsafe key, count > 0 { unsafe bytes.copyMemory(from: key, byteCount: count) }
        self.count = count
    }

    /// Whether a key that is as long as the base begins with it.
    @inline(__always)
    private func begins(_ key: UnsafeRawPointer) -> Bool {
        // Safety: 8 bytes can be read after a key, and the base has room for as many.
        var place = 0
        while place &+ 8 <= count {
            if unsafe key.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                != bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            {
                return false
            }
            place &+= 8
        }
        if place == count { return true }
        let one = unsafe key.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        let two = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        return (one ^ two).littleEndian &<< UInt64(64 &- 8 &* (count &- place)) == 0
    }

    /// Sets a cell's prefix, or marks it as off.
    @inline(__always)
    func setPrefix(of cell: inout SourceCell) {
        // Safety: the cell's key is valid for its count.
        if let key = unsafe cell.key, cell.keyCount >= count, unsafe begins(key) {
            cell.prefix = unsafe silt_prefix(key + count, cell.keyCount &- count)
            cell.isOff = false
        } else {
            cell.prefix = 0
            cell.isOff = true
        }
    }
}
