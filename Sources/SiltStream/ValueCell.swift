/// A value in a slot: a tag of `ValueColumn` and 64 bits; bytes live beside the cells, by slot.
struct ValueCell: Sendable {
    var bits: Int64 = 0
    var tag: UInt8 = ValueColumn.Tag.null

    var double: Double { Double(bitPattern: UInt64(bitPattern: bits)) }

    var isNaN: Bool { tag == ValueColumn.Tag.double && double.isNaN }

    /// Whether this number sorts before another: by value, then -0.0, integer, other doubles.
    ///
    /// Neither is NaN, null or bytes.
    func precedes(_ other: ValueCell) -> Bool {
        switch (tag, other.tag) {
        case (ValueColumn.Tag.int, ValueColumn.Tag.int): bits < other.bits
        case (ValueColumn.Tag.double, ValueColumn.Tag.double):
            double < other.double
                || double == other.double && double.sign == .minus && other.double.sign == .plus
        case (ValueColumn.Tag.int, _): ValueCell.compare(bits, other.double) < 0
        default: ValueCell.compare(other.bits, double) > 0
        }
    }

    /// The order of an integer against a double, never 0: equal ones are ordered -0.0, integer,
    /// double.
    private static func compare(_ int: Int64, _ double: Double) -> Int {
        if double >= 0x1p63 { return -1 }
        if double < -0x1p63 { return 1 }
        // Toward zero: the fraction decides between equal whole parts.
        let whole = Int64(double)
        if int != whole { return int < whole ? -1 : 1 }
        let fraction = double - Double(whole)
        if fraction != 0 { return fraction < 0 ? 1 : -1 }
        return double == 0 && double.sign == .minus ? 1 : -1
    }
}

/// A value with the place of its event in time and arrival.
struct TimedCell: Sendable {
    /// The tag of a null that an event carried, where `ValueColumn.Tag.null` is no event.
    ///
    /// Part of the format: docs/format/window-state.md.
    static let nullTag: UInt8 = 4

    var time: Int64 = 0
    var offset: Int64 = 0
    var bits: Int64 = 0
    var partition: UInt32 = 0
    var tag: UInt8 = ValueColumn.Tag.null

    /// Whether the event came before another: by time, then partition, then offset.
    @inline(__always)
    func precedes(_ other: TimedCell) -> Bool {
        if time != other.time { return time < other.time }
        if partition != other.partition { return partition < other.partition }
        return offset < other.offset
    }
}
