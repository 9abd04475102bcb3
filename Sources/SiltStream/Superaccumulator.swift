/// An exact sum of finite doubles and integers of any size: one fixed-point number that spans the
/// whole range of a double, so that nothing is ever rounded before the result is asked for.
///
/// Each limb holds 32 bits and room for carries that are spread now and then. Limb 0 begins at the
/// weight of the least double, 2^-1074.
struct Superaccumulator: Sendable {
    /// Covers 2^-1074 up to 2^1024 times the number of additions that fit a counter.
    private static let limbCount = 70
    private static let leastExponent = -1074

    private var limbs = [Int64](repeating: 0, count: Superaccumulator.limbCount)
    private var additions = 0

    /// Adds a finite double.
    mutating func add(_ value: Double) { add(value, times: 1) }

    /// Adds the exact product of a finite double and a count.
    private mutating func add(_ value: Double, times count: UInt64) {
        guard value != 0 else { return }
        let biased = Int(value.exponentBitPattern)
        let implicit: UInt64 = biased == 0 ? 0 : 1 << 52
        add(
            magnitude: UInt128(value.significandBitPattern | implicit) * UInt128(count),
            atBit: Swift.max(biased, 1) - 1, isNegative: value.sign == .minus)
    }

    /// Adds an integer.
    mutating func add(_ value: Int128) {
        add(
            magnitude: value.magnitude, atBit: -Superaccumulator.leastExponent,
            isNegative: value < 0)
    }

    /// Adds another sum.
    mutating func add(_ other: Superaccumulator) {
        spreadCarries()
        var copy = other
        copy.spreadCarries()
        for index in limbs.indices { limbs[index] &+= copy.limbs[index] }
        spreadCarries()
    }

    private mutating func add(magnitude: UInt128, atBit bit: Int, isNegative: Bool) {
        var limb = bit >> 5
        let shift = UInt128(bit & 31)
        var rest = magnitude
        let low = rest & ((1 << (32 - shift)) - 1)
        var piece = Int64(truncatingIfNeeded: low << shift)
        rest >>= 32 - shift
        while true {
            limbs[limb] &+= isNegative ? -piece : piece
            if rest == 0 { break }
            piece = Int64(truncatingIfNeeded: rest & 0xffff_ffff)
            rest >>= 32
            limb += 1
        }
        additions += 1
        // A limb takes 2^31 additions of 32 bits before it could overflow.
        if additions >= 1 << 30 { spreadCarries() }
    }

    /// Leaves 0…2^32-1 in every limb but the last, which keeps the sign.
    private mutating func spreadCarries() {
        var carry: Int64 = 0
        for index in 0..<(limbs.count - 1) {
            let sum = limbs[index] &+ carry
            limbs[index] = sum & 0xffff_ffff
            carry = sum >> 32
        }
        limbs[limbs.count - 1] &+= carry
        additions = 0
    }

    /// The sum times 2^`scale`, rounded once to the nearest double, ties to even.
    func rounded(scale: Int = 0) -> Double {
        var copy = self
        copy.spreadCarries()
        let isNegative = (copy.limbs.last ?? 0) < 0
        if isNegative {
            for index in copy.limbs.indices { copy.limbs[index] = -copy.limbs[index] }
            copy.spreadCarries()
        }
        guard let top = copy.limbs.lastIndex(where: { $0 != 0 }) else { return 0 }
        let width = 64 - copy.limbs[top].leadingZeroBitCount
        let lowBit = Swift.max(0, top * 32 + width - 64)
        var head: UInt64 = 0
        for index in (lowBit >> 5)...top {
            let place = index * 32 - lowBit
            let limb = UInt64(bitPattern: copy.limbs[index])
            head |= place >= 0 ? limb << UInt64(place) : limb >> UInt64(-place)
        }
        // What lies below the head only matters for being there or not.
        let below = lowBit & 31 == 0 ? 0 : copy.limbs[lowBit >> 5] & ((1 << Int64(lowBit & 31)) - 1)
        if below != 0 || copy.limbs[..<(lowBit >> 5)].contains(where: { $0 != 0 }) { head |= 1 }
        let magnitude = Double(
            sign: .plus, exponent: lowBit + Superaccumulator.leastExponent + scale,
            significand: Double(head))
        return isNegative ? -magnitude : magnitude
    }

    /// The sum divided by a positive count, rounded to the nearest double but for rare ties.
    func divided(by count: Int64) -> Double {
        let divisor = Double(count)
        let quotient = rounded() / divisor
        guard quotient.isFinite else {
            return Double(
                sign: .plus, exponent: 64, significand: rounded(scale: -64) / divisor)
        }
        var rest = self
        rest.add(-quotient, times: count.magnitude)
        return quotient + rest.rounded() / divisor
    }

    /// The doubles, greatest first, whose exact sum this is: each is the rest's nearest double.
    ///
    /// Equal sums have equal parts.
    var parts: [Double] {
        var parts: [Double] = []
        var rest = self
        while true {
            var part = rest.rounded()
            if part == 0 { return parts }
            if part.isInfinite {
                part = part > 0 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude
            }
            parts.append(part)
            rest.add(-part)
        }
    }
}
