/// The sum of one slot: integers apart from doubles, both exact.
struct SumCell: Sendable {
    /// What the doubles and other values among the arguments were.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let nan = Flags(rawValue: 1)
        static let positiveInfinity = Flags(rawValue: 2)
        static let negativeInfinity = Flags(rawValue: 4)
        /// Some value was a double: the result is one.
        static let double = Flags(rawValue: 8)
        /// Some value was bytes: there is no result.
        static let notANumber = Flags(rawValue: 16)
        static let all = Flags(rawValue: 31)
    }

    /// The sum of the integers; 2^63 of them fit.
    var ints: Int128 = 0
    /// The number of values but for those that are counted beside the sum of the doubles.
    var count: Int64 = 0
    var flags: Flags = []
}

/// The exact sum of a slot's finite doubles as two doubles; `high` is NaN when two do not suffice
/// and the sum is kept in a `Superaccumulator`.
struct DoublePair: Sendable {
    var high: Double = 0
    var low: Double = 0
    /// How many doubles were added many at a time, so that nothing but this was looked at for them.
    var count: Int64 = 0

    /// Adds a value if the sum still fits two doubles exactly; `false` (and no change) otherwise,
    /// also for values that are not finite.
    @inline(__always)
    mutating func add(_ value: Double) -> Bool {
        let sum = high + value
        let part = sum - high
        let error = (high - (sum - part)) + (value - part)
        if error == 0, low == 0 {
            high = sum
            return true
        }
        let rest = low + error
        let restPart = rest - low
        let restError = (low - (rest - restPart)) + (error - restPart)
        // NaN and infinity among the operands make this error NaN.
        guard restError == 0 else { return addSlowly(sum, rest, restError) }
        high = sum
        low = rest
        return true
    }

    private mutating func addSlowly(_ sum: Double, _ rest: Double, _ restError: Double) -> Bool {
        let top = sum + rest
        let part = top - sum
        let error = (sum - (top - part)) + (rest - part)
        let bottom = error + restError
        let bottomPart = bottom - error
        guard (error - (bottom - bottomPart)) + (restError - bottomPart) == 0 else { return false }
        high = top
        low = bottom
        return true
    }

    /// The double nearest to the sum, and what is left of it, whose nearest double it is; `nil` where `high + low` is not finite.
    var split: (sum: Double, rest: Double)? {
        let sum = high + low
        guard sum.isFinite else { return nil }
        let part = sum - high
        return (sum, (high - (sum - part)) + (low - part))
    }

    /// The sum divided by a positive count, to the bit as `Superaccumulator.divided` rounds it; `nil` where that must be asked.
    func divided(by count: Int64) -> Double? {
        guard count <= 1 << 53, let (sum, rest) = split else { return nil }
        let divisor = Double(count)
        let quotient = sum / divisor
        if rest == 0 { return quotient }
        // The remainder of a quotient is a double unless it underflows.
        guard quotient.magnitude > 0x1p-900 else { return nil }
        let remainder = sum.addingProduct(-quotient, divisor)
        let correction = (remainder + rest) / divisor
        // Where that, which is rounded itself, comes close to half way between two doubles, the exact sum decides.
        let slack = correction * 0x1p-50
        let result = quotient + (correction + slack)
        return result == quotient + (correction - slack) ? result : nil
    }

    /// The parts of `Superaccumulator.parts`; `nil` where `high + low` overflows.
    var parts: [Double]? {
        guard let (sum, rest) = split else { return nil }
        return sum == 0 ? [] : rest == 0 ? [sum] : [sum, rest]
    }
}
