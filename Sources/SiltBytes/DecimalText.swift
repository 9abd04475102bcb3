/// Integers as decimal text, without a string in between.
package enum DecimalText {
    /// Appends an integer.
    package static func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(0x2d) }
        append(value.magnitude, width: 1, to: &bytes)
    }

    /// Appends a number with zeros in front up to a width, which is at most 20.
    package static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var start = digits.count
        var rest = value
        while rest > 0 {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        start = min(start, digits.count - max(1, width))
        bytes.append(addingCapacity: digits.count - start) { room in
            for place in start..<digits.count { room.append(digits[place]) }
        }
    }
}
