/// A decimal number of any size: a sign, digits, and how many of them stand after the point.
struct ScaledDecimal {
    /// The longest numbers and scales that are compared; beyond them a number is not understood.
    private static let digitCountMax = 4_096

    private let isNegative: Bool
    /// The digits without leading zeros; none for zero.
    private let digits: [UInt8]
    /// How many digits stand after the point; negative for zeros before it.
    private let scale: Int

    private init?(isNegative: Bool, digits: ArraySlice<UInt8>, scale: Int) {
        let digits = digits.drop { $0 == 0 }
        guard digits.count <= ScaledDecimal.digitCountMax, abs(scale) <= 1 << 20 else { return nil }
        self.isNegative = isNegative && !digits.isEmpty
        self.digits = Array(digits)
        self.scale = scale
    }

    /// Reads `-12.5e3` and the like; `nil` when the text is something else.
    init?(_ text: String) { self.init(text: Array(text.utf8)[...]) }

    /// Reads `-12.5e3` and the like; `nil` when the bytes are something else.
    init?(digits value: Span<UInt8>) {
        guard value.count <= ScaledDecimal.digitCountMax else { return nil }
        var bytes: [UInt8] = []
        for index in 0..<value.count { bytes.append(value[index]) }
        self.init(text: bytes[...])
    }

    private init?(text: ArraySlice<UInt8>) {
        var bytes = text
        guard bytes.count <= ScaledDecimal.digitCountMax else { return nil }
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        var digits: [UInt8] = []
        var scale = 0
        var hasPoint = false
        while let byte = bytes.first {
            if byte >= 0x30, byte <= 0x39 {
                digits.append(byte - 0x30)
                if hasPoint { scale += 1 }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            bytes.removeFirst()
        }
        guard !digits.isEmpty else { return nil }
        if let sign = bytes.first {
            guard sign | 0x20 == UInt8(ascii: "e") else { return nil }
            let exponent = String(decoding: bytes.dropFirst(), as: UTF8.self)
            guard let power = Int(exponent), abs(power) <= 1 << 19 else { return nil }
            scale -= power
        }
        self.init(isNegative: isNegative, digits: digits[...], scale: scale)
    }

    /// Reads a scale of 4 bytes and an unscaled number, both big-endian two's complement; `nil` when there is no number.
    init?(encoded value: Span<UInt8>) {
        guard value.count > 4, value.count <= 1_024 else { return nil }
        var scale: UInt32 = 0
        for index in 0..<4 { scale = scale << 8 | UInt32(value[index]) }
        let isNegative = value[4] & 0x80 != 0
        // The magnitude, least byte first: a negative number is its complement plus one.
        var magnitude: [UInt8] = []
        var carry: UInt16 = isNegative ? 1 : 0
        for index in (4..<value.count).reversed() {
            let sum = UInt16(isNegative ? ~value[index] : value[index]) + carry
            magnitude.append(UInt8(truncatingIfNeeded: sum))
            carry = sum >> 8
        }
        if carry > 0 { magnitude.append(1) }
        // Decimal digits, least first.
        var digits: [UInt8] = []
        for byte in magnitude.reversed() {
            var carry = Int(byte)
            for index in digits.indices {
                carry += Int(digits[index]) * 256
                digits[index] = UInt8(carry % 10)
                carry /= 10
            }
            while carry > 0 {
                digits.append(UInt8(carry % 10))
                carry /= 10
            }
        }
        self.init(
            isNegative: isNegative, digits: digits.reversed()[...],
            scale: Int(Int32(bitPattern: scale)))
    }

    /// Below 0 when this is the smaller number, 0 when they are equal.
    func order(_ other: ScaledDecimal) -> Int {
        if isNegative != other.isNegative { return isNegative ? -1 : 1 }
        let order = magnitudeOrder(other)
        return isNegative ? -order : order
    }

    /// Bytes of one length whose order is the numbers' order, equal for numbers that agree in their first 24 digits.
    var orderedBytes: [UInt8] {
        let digitCount = 24
        if digits.isEmpty { return [1] + [UInt8](repeating: 0, count: digitCount + 4) }
        let place = UInt32(bitPattern: Int32(digits.count - scale)) ^ 0x8000_0000
        var bytes: [UInt8] = []
        for shift in stride(from: 24, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: place >> UInt32(shift)))
        }
        bytes += digits.prefix(digitCount)
        bytes += [UInt8](repeating: 0, count: digitCount + 4 - bytes.count)
        return isNegative ? [0] + bytes.map { ~$0 } : [2] + bytes
    }

    private func magnitudeOrder(_ other: ScaledDecimal) -> Int {
        if digits.isEmpty || other.digits.isEmpty { return digits.count - other.digits.count }
        // Where the first digit stands: with as many before the point, digits compare one by one.
        let place = digits.count - scale
        let otherPlace = other.digits.count - other.scale
        if place != otherPlace { return place - otherPlace }
        for index in 0..<max(digits.count, other.digits.count) {
            let one = index < digits.count ? digits[index] : 0
            let two = index < other.digits.count ? other.digits[index] : 0
            if one != two { return Int(one) - Int(two) }
        }
        return 0
    }
}
