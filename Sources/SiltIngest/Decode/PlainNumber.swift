internal import CSiltstone

/// Reads short numbers eight digits at a time, straight from a line.
///
/// Gives what `NumberText` gives, for the forms that nearly all numbers have: up to 16 digits, or up to 15 with a point
/// among them; the rest is left to that.
enum PlainNumber {
    /// The number that `count` bytes are; `nil` for every other form.
    ///
    /// At least 8 bytes can be read from `start`, and 16 when there are more than 8.
    @inline(__always)
    static func parse(_ start: UnsafePointer<UInt8>, count: Int) -> Datum? {
        var value = silt_value()
        // Safety: the caller vouches for the bytes.
        guard unsafe silt_plain_number(start, count, &value) != 0 else { return nil }
        return Datum(tag: value.tag, bits: value.bits)
    }
}
