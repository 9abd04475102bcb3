/// Reads short numbers eight digits at a time, straight from a line.
///
/// Gives what `NumberText` gives, for the forms that nearly all numbers have: up to 16 digits, or up to 7 with a point
/// among them; the rest is left to that.
enum PlainNumber {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let zeroDigits: UInt64 = 0x3030_3030_3030_3030

    /// The number that `count` bytes are; `nil` for every other form.
    ///
    /// At least 8 bytes can be read from `start`, and 16 when there are more than 8.
    @inline(__always)
    static func parse(_ start: UnsafePointer<UInt8>, count: Int) -> Datum? {
        guard count <= 16, count > 0 else { return nil }
        // Safety: the caller vouches for these bytes.
        let first = unsafe UnsafeRawPointer(start).loadUnaligned(as: UInt64.self)
        if count > 8 {
            guard areDigits(first) else { return nil }
            // Safety: there are more than 8 bytes, so 16 can be read.
            let rest = unsafe UnsafeRawPointer(start + 8).loadUnaligned(as: UInt64.self)
            let second = padded(rest, count &- 8)
            guard areDigits(second) else { return nil }
            let scale = scales[count &- 8]
            return Datum(Int64(value(first) &* scale &+ value(second)))
        }
        let digits = padded(first, count)
        if areDigits(digits) { return Datum(Int64(value(digits))) }
        return parseFraction(first, count)
    }

    @inline(__always)
    private static func parseFraction(_ word: UInt64, _ count: Int) -> Datum? {
        let difference = word ^ (0x2e &* ones)
        let hit = (difference &- ones) & ~difference & (0x80 &* ones)
        let place = hit.trailingZeroBitCount >> 3
        guard hit != 0, place < count, count > 1 else { return nil }
        let before: UInt64 = (1 &<< UInt64(place &* 8)) &- 1
        let digits = padded(word & before | word &>> 8 & ~before, count &- 1)
        guard areDigits(digits) else { return nil }
        return Datum(Double(value(digits)) / NumberText.exactPowers[count &- 1 &- place])
    }

    /// Ten to the power of the index.
    private static let scales: [UInt64] = [
        1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
    ]

    /// The first bytes of a word, from 1 to 8 of them, behind as many zeros as are missing.
    @inline(__always)
    private static func padded(_ word: UInt64, _ count: Int) -> UInt64 {
        guard count < 8 else { return word }
        let shift = UInt64(64 &- count &* 8)
        return word &<< shift | zeroDigits &>> (64 &- shift)
    }

    @inline(__always)
    private static func areDigits(_ word: UInt64) -> Bool {
        let highs: UInt64 = 0xf0f0_f0f0_f0f0_f0f0
        let carried = (word &+ 0x0606_0606_0606_0606) & highs
        return word & highs | carried &>> 4 == 0x3333_3333_3333_3333
    }

    /// The value of eight digits, the first in the lowest byte: pairs, then fours, then all.
    @inline(__always)
    private static func value(_ word: UInt64) -> UInt64 {
        var sum = word &- zeroDigits
        sum = sum &* 10 &+ sum &>> 8
        let mask: UInt64 = 0x0000_00ff_0000_00ff
        return
            ((sum & mask) &* 0x000f_4240_0000_0064
            &+ (sum &>> 16 & mask) &* 0x0000_2710_0000_0001) &>> 32
    }
}
