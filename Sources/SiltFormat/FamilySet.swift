/// A set of family numbers.
package struct FamilySet: Hashable, Sendable {
    private var words = SIMD4<UInt64>()

    /// No families.
    package init() {}

    /// Adds a family.
    package mutating func insert(_ family: UInt8) {
        words[Int(family >> 6)] |= 1 << UInt64(family & 63)
    }

    /// Whether a family is in the set.
    package func contains(_ family: UInt8) -> Bool {
        words[Int(family >> 6)] >> UInt64(family & 63) & 1 == 1
    }

    /// The smallest family that is in this set and not in the other.
    package func firstMissing(in other: FamilySet) -> UInt8? {
        let missing = words & ~other.words
        if missing == SIMD4<UInt64>() { return nil }
        for index in 0..<4 where missing[index] != 0 {
            return UInt8(index * 64 + missing[index].trailingZeroBitCount)
        }
        return nil
    }
}
