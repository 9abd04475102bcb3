internal import CSiltstone

/// The ends of the column keys that a walk met: `escape(qualifier) 00`, each with a number.
///
/// When there are too many they are forgotten, between batches; `generation` tells.
///
/// Safety: the memory of an end is the table's own, from `add` to `clear`.
@safe
struct WalkColumns: ~Copyable {
    private static let countMax = 64
    private static let searchedCountMax = 16

    private let ends: UnsafeMutablePointer<UnsafeMutableRawBufferPointer>
    private(set) var count = 0
    private(set) var generation = 0
    /// The last 8 bytes of `00 escape(qualifier) 00` of the last column found, when it is as short,
    /// and how many bits of a word they take; 0 when not.
    private(set) var tailWord: UInt64 = 0
    private(set) var tailBits: UInt64 = 0
    private(set) var current = -1

    init() { unsafe ends = .allocate(capacity: Self.countMax) }

    deinit {
        for index in 0..<count { unsafe ends[index].deallocate() }
        unsafe ends.deallocate()
    }

    /// Whether nothing can be added before `clear`.
    var isFull: Bool { count >= Self.countMax }

    /// The end with a number.
    subscript(number: Int) -> UnsafeRawBufferPointer {
        guard number >= 0, number < count else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeRawBufferPointer(ends[number])
    }

    /// The length of the current end.
    var currentByteCount: Int { unsafe self[current].count }

    /// Forgets everything.
    mutating func clear() {
        for index in 0..<count { unsafe ends[index].deallocate() }
        count = 0
        generation &+= 1
        current = -1
        tailBits = 0
    }

    /// Makes an end the current one.
    ///
    /// - Returns: whether it is known.
    mutating func find(_ end: UnsafeRawBufferPointer) -> Bool {
        // Rows of one shape: the next column of the last row is likely.
        if unsafe equals(current &+ 1, end) {
            select(current &+ 1)
            return true
        }
        for index in 0..<min(count, Self.searchedCountMax) where unsafe equals(index, end) {
            select(index)
            return true
        }
        return false
    }

    /// Adds an end and makes it the current one; only when it is not full.
    mutating func add(_ end: UnsafeRawBufferPointer) {
        // Safety: copied into memory of the same size.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: end.count, alignment: 8)
        unsafe copy.copyMemory(from: end)
        unsafe (ends + count).initialize(to: copy)
        count &+= 1
        select(count &- 1)
    }

    private mutating func select(_ number: Int) {
        current = number
        // Safety: callers name one of the `count` ends; each has its bytes.
        let end = unsafe ends[number]
        if end.count <= 7, end.count > 0 {
            var word: UInt64 = 0
            for index in 0..<end.count { word |= UInt64(unsafe end[index]) << UInt64(8 &* index) }
            // A zero byte, the row's end, comes first.
            tailWord = word << 8
            tailBits = UInt64(8 &* (end.count &+ 1))
        } else {
            tailBits = 0
        }
    }

    private func equals(_ number: Int, _ end: UnsafeRawBufferPointer) -> Bool {
        guard number >= 0, number < count, unsafe ends[number].count == end.count else {
            return false
        }
        // Safety: both have `end.count` bytes.
        return unsafe silt_compare(ends[number].baseAddress, end.baseAddress, end.count) == 0
    }
}
