internal import CSiltstone

/// The member names of the line before, by position: most lines have the same.
struct MemberLayout: Sendable {
    /// The names as the scan of plain lines takes them; the slot is that of a field with nothing below it, or -1.
    private(set) var members: [silt_member] = []
    /// What each name leads to.
    private var nodes: [Int] = []
    /// How many of the names plain lines cannot have: long ones, and those with fields below them.
    private var unfitCount = 0

    /// Whether lines of these names can be plain.
    var isPlain: Bool { unfitCount == 0 && !members.isEmpty }

    /// Whether the 16 bytes at a name, as two little-endian words, begin with the name known at a position.
    @inline(__always)
    func matches(_ position: Int, _ first: UInt64, _ second: UInt64) -> Bool {
        guard position < members.count else { return false }
        let member = members[position]
        return (first ^ member.first) & member.first_mask
            | (second ^ member.second) & member.second_mask == 0
    }

    /// The length of the name at a position.
    @inline(__always) func byteCount(_ position: Int) -> Int { Int(members[position].byte_count) }

    /// What the name at a position leads to.
    @inline(__always) func node(_ position: Int) -> Int { nodes[position] }

    /// The slot of the field that the name at a position is, if nothing lies below it, or -1.
    @inline(__always) func leaf(_ position: Int) -> Int { Int(members[position].slot) }

    /// Notes a name of up to 16 bytes at a position; longer ones are always looked up.
    mutating func learn(
        _ position: Int, _ first: UInt64, _ second: UInt64, count: Int, node: Int, leaf: Int
    ) {
        guard position < 64, position <= members.count else { return }
        var member = silt_member(
            first: first, second: second, first_mask: MemberLayout.mask(count),
            second_mask: MemberLayout.mask(count - 8), byte_count: Int64(count), slot: Int64(leaf))
        var node = node
        if count > 16 {
            // A long name gets an entry that matches no quote, so that later positions can be learned.
            member = silt_member(
                first: ~first, second: second, first_mask: .max, second_mask: 0, byte_count: 0,
                slot: -1)
            node = MemberLayout.unknown
        }
        if position == members.count {
            members.append(member)
            nodes.append(node)
        } else {
            if isUnfit(position) { unfitCount -= 1 }
            members[position] = member
            nodes[position] = node
        }
        if isUnfit(position) { unfitCount += 1 }
    }

    /// What stands for the node of a long name.
    private static let unknown = -2

    private func isUnfit(_ position: Int) -> Bool {
        nodes[position] == MemberLayout.unknown
            || nodes[position] >= 0 && members[position].slot < 0
    }

    private static func mask(_ count: Int) -> UInt64 {
        count <= 0 ? 0 : count >= 8 ? .max : (1 << UInt64(count * 8)) &- 1
    }
}
