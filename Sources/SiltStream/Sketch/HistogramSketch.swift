import SiltBytes

/// Counts of values up to fixed bounds, each bound included, as Prometheus counts them.
struct HistogramSketch: Sendable {
    private var counts: [Int64]
    private var hasBytes = false

    init(_ bounds: [Double]) { counts = Array(repeating: 0, count: bounds.count + 1) }

    mutating func add(_ event: SketchEvent, _ bounds: [Double]) {
        guard let number = event.value.number else {
            hasBytes = true
            return
        }
        if number.isNaN { return }
        counts[bounds.firstIndex { number <= $0 } ?? bounds.count] &+= 1
    }

    mutating func merge(_ other: HistogramSketch) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        hasBytes = hasBytes || other.hasBytes
    }

    /// The cumulative counts by bound.
    func value(_ bounds: [Double]) -> AggregateValue {
        if hasBytes { return .error(.notANumber) }
        var total: Int64 = 0
        return .entries(
            counts.indices.map { index in
                total &+= counts[index]
                let bound =
                    index < bounds.count ? AggregateValue.double(bounds[index]).canonical : .null
                return AggregateEntry(
                    name: bound.text ?? Array("+Inf".utf8), value: .int(total))
            })
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(hasBytes ? 1 : 0))
        for count in counts { writer.writeSignedVarint(count) }
    }

    init(_ bounds: [Double], from reader: inout ByteReader) throws(DecodingError) {
        self.init(bounds)
        hasBytes = try reader.readUInt8() != 0
        for index in counts.indices { counts[index] = try reader.readSignedVarint() }
    }
}
