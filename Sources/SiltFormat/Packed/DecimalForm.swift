/// Values that are numbers, and how they are written: as text or as doubles.
///
/// A form is used only when every value of a block comes back exactly. Part of the format: docs/format/packed.md.
struct DecimalForm: Hashable {
    enum Kind: UInt8 {
        /// Decimal text with always the same number of digits after the point.
        case fixedText = 2
        /// Decimal text without zeros at its end after the point.
        case shortestText = 3
        /// 8 bytes, a big-endian IEEE 754 number that is a decimal fraction.
        case bigDouble = 4
        /// The same, little-endian.
        case littleDouble = 5
        /// Decimal text without zeros at its end but the first digit after the point: 2.0, 2.5, 2.25.
        case pointedText = 6
    }

    var kind: Kind
    /// The digits after the point.
    var digits: Int

    /// The most digits after the point.
    static let digitsMax = 9
    /// The most characters of a number as text.
    static let textByteCountMax = 20
    static let powers: [Int64] = (0...9).map { (0..<$0).reduce(1) { power, _ in power * 10 } }

    /// A number as text: its digits as an integer, and how many follow the point; `nil` for other text.
    ///
    /// Only text that is written in the one usual way is a number: no plus sign, no zeros before it, no lone point.
    static func parse(_ text: ArraySlice<UInt8>) -> (number: Int64, digits: Int)? {
        guard let first = text.first, text.count <= textByteCountMax else { return nil }
        let body = first == 0x2d ? text.dropFirst() : text
        guard let lead = body.first else { return nil }
        var number: Int64 = 0
        var digits = -1
        for byte in body {
            if byte == 0x2e, digits < 0 {
                digits = 0
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (product, isLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isLarger) = product.addingReportingOverflow(Int64(byte - 0x30))
            if isLarge || isLarger { return nil }
            number = sum
            if digits >= 0 { digits += 1 }
        }
        // 0.5 and 0, but neither 00.5 nor .5 nor 5. nor -0.
        let wholeCount = body.count - (digits >= 0 ? digits + 1 : 0)
        guard digits != 0, digits <= digitsMax, wholeCount >= 1, wholeCount == 1 || lead != 0x30,
            number != 0 || first != 0x2d
        else { return nil }
        return (first == 0x2d ? -number : number, max(0, digits))
    }

    /// Appends the text of a number with `digits` digits after the point, as this form writes it.
    func append(_ number: Int64, to text: inout [UInt8]) {
        var magnitude = number.magnitude
        var left = digits
        if kind != .fixedText {
            while left > (kind == .pointedText ? 1 : 0), magnitude % 10 == 0 {
                magnitude /= 10
                left -= 1
            }
        }
        if number < 0 { text.append(0x2d) }
        let start = text.count
        var written = 0
        repeat {
            if written == left, left > 0 { text.append(0x2e) }
            text.append(0x30 + UInt8(truncatingIfNeeded: magnitude % 10))
            magnitude /= 10
            written += 1
        } while magnitude != 0 || written <= left
        text[start...].reverse()
    }

    /// The integer that a double is, times the power of ten; `nil` when it does not come back exactly.
    static func scale(_ bits: UInt64, digits: Int) -> Int64? {
        let value = Double(bitPattern: bits)
        let power = Double(powers[digits])
        let scaled = (value * power).rounded()
        guard scaled.magnitude < 0x1p53 else { return nil }
        let number = Int64(scaled)
        return (Double(number) / power).bitPattern == bits ? number : nil
    }
}
