/// Integers as decimal text, without a string in between.
package enum DecimalText {
    /// Appends an integer.
    package static func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(0x2d) }
        append(value.magnitude, width: 1, to: &bytes)
    }

    /// Appends a number with zeros in front up to a width.
    package static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        var count = 1
        var rest = value / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        count = max(count, width)
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0x30, count: count))
        rest = value
        var place = start + count
        while rest > 0 {
            place -= 1
            bytes[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}
