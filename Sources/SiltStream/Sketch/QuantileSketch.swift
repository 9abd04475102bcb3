import SiltBytes

/// A DDSketch: counts of values in buckets whose widths grow with the values, so that a quantile is
/// within 1 % of a value that has its rank.
///
/// Buckets are found by a logarithm that is linear between powers of two, which needs no library
/// and keeps the bound. Merging adds counts, so order does not matter.
struct QuantileSketch: Sendable {
    /// The bound of the relative error.
    static let accuracy = 0.01
    /// Buckets per doubling at the least: 1 / ln((1 + accuracy) / (1 - accuracy)).
    private static let multiplier = 49.998_333_288_886_66

    private var positive: [Int32: Int64] = [:]
    private var negative: [Int32: Int64] = [:]
    private var zeros: Int64 = 0
    private var count: Int64 = 0
    private var least = Double.infinity
    private var greatest = -Double.infinity
    private var hasBytes = false

    init() {}

    mutating func add(_ event: SketchEvent) {
        guard let number = event.value.number else {
            hasBytes = true
            return
        }
        if number.isNaN { return }
        count &+= 1
        least = min(least, number)
        greatest = max(greatest, number)
        if number == 0 {
            zeros &+= 1
        } else if number > 0 {
            positive[QuantileSketch.bucket(number), default: 0] &+= 1
        } else {
            negative[QuantileSketch.bucket(-number), default: 0] &+= 1
        }
    }

    private static func bucket(_ magnitude: Double) -> Int32 {
        let number = min(magnitude, .greatestFiniteMagnitude)
        let logarithm = Double(number.exponent) + (number.significand - 1)
        return Int32((logarithm * multiplier).rounded(.down))
    }

    /// The number that stands for a bucket.
    private static func middle(_ bucket: Int32) -> Double {
        let low = power(Double(bucket) / multiplier)
        let high = power(Double(bucket + 1) / multiplier)
        return high.isFinite ? 2 * low * (high / (low + high)) : low
    }

    private static func power(_ logarithm: Double) -> Double {
        let exponent = logarithm.rounded(.down)
        return Double(
            sign: .plus, exponent: Int(exponent), significand: 1 + (logarithm - exponent))
    }

    mutating func merge(_ other: QuantileSketch) {
        positive.merge(other.positive) { $0 &+ $1 }
        negative.merge(other.negative) { $0 &+ $1 }
        zeros &+= other.zeros
        count &+= other.count
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
        hasBytes = hasBytes || other.hasBytes
    }

    func value(_ quantile: Double) -> AggregateValue {
        if hasBytes { return .error(.notANumber) }
        guard count > 0 else { return .null }
        if quantile <= 0 { return .double(least) }
        if quantile >= 1 { return .double(greatest) }
        var rank = Int64((quantile * Double(count - 1)).rounded(.down))
        func clamped(_ number: Double) -> AggregateValue {
            .double(min(max(number, least), greatest))
        }
        for (bucket, count) in negative.sorted(by: { $0.key > $1.key }) {
            rank -= count
            if rank < 0 { return clamped(-QuantileSketch.middle(bucket)) }
        }
        rank -= zeros
        if rank < 0 { return clamped(0) }
        for (bucket, count) in positive.sorted(by: { $0.key < $1.key }) {
            rank -= count
            if rank < 0 { return clamped(QuantileSketch.middle(bucket)) }
        }
        return .double(greatest)
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(hasBytes ? 1 : 0))
        writer.writeSignedVarint(zeros)
        writer.write(least.bitPattern)
        writer.write(greatest.bitPattern)
        for buckets in [negative, positive] {
            writer.writeVarint(UInt64(buckets.count))
            for (bucket, count) in buckets.sorted(by: { $0.key < $1.key }) {
                writer.writeSignedVarint(Int64(bucket))
                writer.writeSignedVarint(count)
            }
        }
    }

    init(from reader: inout ByteReader) throws(DecodingError) {
        hasBytes = try reader.readUInt8() != 0
        zeros = try reader.readSignedVarint()
        least = Double(bitPattern: try reader.readUInt64())
        greatest = Double(bitPattern: try reader.readUInt64())
        count = zeros
        negative = try QuantileSketch.buckets(from: &reader, &count)
        positive = try QuantileSketch.buckets(from: &reader, &count)
    }

    private static func buckets(
        from reader: inout ByteReader, _ total: inout Int64
    ) throws(DecodingError) -> [Int32: Int64] {
        var buckets: [Int32: Int64] = [:]
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            guard let bucket = Int32(exactly: try reader.readSignedVarint()), abs(bucket) < 1 << 20
            else { throw reader.error("a bucket is out of range") }
            let count = try reader.readSignedVarint()
            buckets[bucket] = count
            total &+= count
        }
        return buckets
    }
}
