import SiltBytes

/// An exact sum of finite doubles, small while two doubles hold it.
struct ExactSum: Sendable {
    private var pair = DoublePair()
    private var wide: Superaccumulator?

    /// Adds a finite double.
    mutating func add(_ value: Double) {
        if wide == nil, pair.add(value) { return }
        if wide == nil { wide = total }
        wide?.add(value)
    }

    /// Adds the exact product of two doubles, as long as it neither over- nor underflows.
    mutating func add(product left: Double, _ right: Double) {
        let high = left * right
        guard high.isFinite else { return }
        add(high)
        let low = (-high).addingProduct(left, right)
        if low != 0 { add(low) }
    }

    /// Adds an integer exactly.
    mutating func add(_ value: Int64) {
        let high = Double(value)
        add(high)
        // Doubles near 2^63 round up past the integers.
        let rest = Int128(value) - (Int128(exactly: high) ?? 0)
        if rest != 0 { add(Double(rest)) }
    }

    /// Adds another sum.
    mutating func add(_ other: ExactSum) {
        for part in other.total.parts { add(part) }
    }

    /// The sum in full.
    var total: Superaccumulator {
        if let wide { return wide }
        var sum = Superaccumulator()
        sum.add(pair.high)
        sum.add(pair.low)
        return sum
    }

    /// The sum, rounded once.
    var rounded: Double { total.rounded() }

    func encode(into writer: inout ByteWriter) {
        let parts = total.parts
        writer.writeVarint(UInt64(parts.count))
        for part in parts { writer.write(part.bitPattern) }
    }

    init() {}

    init(from reader: inout ByteReader) throws(DecodingError) {
        for _ in 0..<(try reader.readCount(limit: 64)) {
            let part = Double(bitPattern: try reader.readUInt64())
            guard part.isFinite else { throw reader.error("sum has a part that is not finite") }
            add(part)
        }
    }
}
