/// Reads numbers out of text, exactly.
enum NumberText {
    /// The powers of ten that a double holds exactly.
    static let exactPowers: [Double] = {
        var powers = [1.0]
        for _ in 1...22 { powers.append(powers[powers.count - 1] * 10) }
        return powers
    }()

    /// The number that is written in the whole of a range: digits with an optional sign, fraction and exponent, in
    /// which leading zeros and a leading plus are allowed; `nil` for anything else.
    static func parse(_ bytes: [UInt8], _ range: Range<Int>) -> Datum? {
        guard range.count <= 24, range.upperBound <= bytes.count else {
            return parseSlowly(bytes, range)
        }
        // Safety: the range lies within the bytes, and no index leaves it.
        return unsafe bytes.withUnsafeBufferPointer { buffer -> Datum? in
            var index = range.lowerBound
            let end = range.upperBound
            guard index < end else { return nil }
            let isNegative = unsafe buffer[index] == 0x2d
            if isNegative { index &+= 1 }
            let first = index
            var mantissa: UInt64 = 0
            while index < end {
                let digit = unsafe buffer[index] &- 0x30
                if digit > 9 { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                index &+= 1
            }
            let digits = index &- first
            if index == end, digits > 0, digits <= 18 {
                return Datum(isNegative ? 0 &- Int64(mantissa) : Int64(mantissa))
            }
            guard index < end, unsafe buffer[index] == 0x2e else {
                return parseSlowly(bytes, range)
            }
            index &+= 1
            let point = index
            while index < end {
                let digit = unsafe buffer[index] &- 0x30
                if digit > 9 { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                index &+= 1
            }
            let fraction = index &- point
            guard index == end, digits &+ fraction <= 18, digits &+ fraction > 0,
                mantissa <= 1 << 53
            else { return parseSlowly(bytes, range) }
            let value = Double(mantissa) / exactPowers[fraction]
            return Datum(isNegative ? -value : value)
        }
    }

    /// Takes every form, byte by byte.
    private static func parseSlowly(_ bytes: [UInt8], _ range: Range<Int>) -> Datum? {
        var index = range.lowerBound
        let end = range.upperBound
        guard index < end else { return nil }
        let isNegative = bytes[index] == 0x2d
        if isNegative || bytes[index] == 0x2b { index += 1 }
        var mantissa: UInt64 = 0
        let first = index
        while index < end, bytes[index] &- 0x30 <= 9 {
            mantissa = mantissa &* 10 &+ UInt64(bytes[index] &- 0x30)
            index += 1
        }
        let digits = index - first
        if index == end {
            guard digits > 0 else { return nil }
            if digits <= 18 {
                return Datum(isNegative ? 0 &- Int64(mantissa) : Int64(mantissa))
            }
            return slow(bytes, range, isInteger: true)
        }
        var fraction = 0
        if bytes[index] == 0x2e {
            index += 1
            let start = index
            while index < end, bytes[index] &- 0x30 <= 9 {
                mantissa = mantissa &* 10 &+ UInt64(bytes[index] &- 0x30)
                index += 1
            }
            fraction = index - start
        }
        guard digits + fraction > 0 else { return nil }
        if index == end, digits + fraction <= 18, mantissa <= 1 << 53 {
            let value = Double(mantissa) / exactPowers[fraction]
            return Datum(isNegative ? -value : value)
        }
        if index < end {
            guard bytes[index] | 0x20 == 0x65 else { return nil }
            index += 1
            if index < end, bytes[index] == 0x2b || bytes[index] == 0x2d { index += 1 }
            let start = index
            while index < end, bytes[index] &- 0x30 <= 9 { index += 1 }
            guard index > start, index == end else { return nil }
        }
        return slow(bytes, range, isInteger: false)
    }

    private static func slow(_ bytes: [UInt8], _ range: Range<Int>, isInteger: Bool) -> Datum {
        let text = String(decoding: bytes[range], as: UTF8.self)
        if isInteger {
            guard let value = Int64(text) else { return Datum(.integerTooBig, at: 0) }
            return Datum(value)
        }
        guard let value = Double(text), value.isFinite else { return Datum(.numberTooBig, at: 0) }
        return Datum(value)
    }
}
