/// The member names of the line before, by position: most lines have the same.
struct MemberLayout: Sendable {
    private struct Entry: Sendable {
        var first: UInt64
        var second: UInt64
        var firstMask: UInt64
        var secondMask: UInt64
        var byteCount: Int
        var node: Int
        /// The slot of a field that has nothing below it, or -1.
        var leaf: Int
    }

    private var entries: [Entry] = []

    /// Whether the 16 bytes at a name, as two little-endian words, begin with the name known at a position.
    @inline(__always)
    func matches(_ position: Int, _ first: UInt64, _ second: UInt64) -> Bool {
        guard position < entries.count else { return false }
        let entry = entries[position]
        return (first ^ entry.first) & entry.firstMask | (second ^ entry.second) & entry.secondMask
            == 0
    }

    /// The length of the name at a position.
    @inline(__always) func byteCount(_ position: Int) -> Int { entries[position].byteCount }

    /// What the name at a position leads to.
    @inline(__always) func node(_ position: Int) -> Int { entries[position].node }

    /// The slot of the field that the name at a position is, if nothing lies below it, or -1.
    @inline(__always) func leaf(_ position: Int) -> Int { entries[position].leaf }

    /// Notes a name of up to 16 bytes at a position; longer ones are always looked up.
    mutating func learn(
        _ position: Int, _ first: UInt64, _ second: UInt64, count: Int, node: Int, leaf: Int
    ) {
        guard position < 64, position <= entries.count else { return }
        let isLong = count > 16
        let entry = Entry(
            first: first, second: second, firstMask: MemberLayout.mask(count),
            secondMask: MemberLayout.mask(count - 8), byteCount: count, node: node, leaf: leaf)
        // A long name gets an entry that matches no quote, so that later positions can be learned.
        let never = Entry(
            first: ~first, second: second, firstMask: .max, secondMask: 0, byteCount: 0, node: -1,
            leaf: -1)
        if position == entries.count {
            entries.append(isLong ? never : entry)
        } else {
            entries[position] = isLong ? never : entry
        }
    }

    private static func mask(_ count: Int) -> UInt64 {
        count <= 0 ? 0 : count >= 8 ? .max : (1 << UInt64(count * 8)) &- 1
    }
}
