import SiltBytes

/// How often each value occurs.
///
/// `values` counts every value up to a number of different ones and the others together; `topk` is
/// a Space-Saving summary: exact while there are no more different values than it holds, afterwards
/// each count is at most its error too great.
struct FrequencySketch: Sendable {
    private struct Counter {
        var count: Int64
        /// How much of the count may belong to values that were given up.
        var error: Int64
    }

    private let isTop: Bool
    private let capacity: Int
    private var counters: [AggregateValue: Counter] = [:]
    private var others: Int64 = 0

    init(_ spec: AggregateSpec) {
        isTop = spec.function == .topValues
        let wanted = Int(spec.parameters.first ?? 10)
        capacity = isTop ? max(256, wanted * 16) : 1000
    }

    mutating func add(_ event: SketchEvent) { add(event.value.canonical, 1, error: 0) }

    private mutating func add(_ value: AggregateValue, _ count: Int64, error: Int64) {
        if let held = counters[value] {
            counters[value] = Counter(count: held.count &+ count, error: held.error &+ error)
            return
        }
        guard counters.count >= capacity else {
            counters[value] = Counter(count: count, error: error)
            return
        }
        guard isTop else {
            others &+= count
            return
        }
        // The least counter gives way; of equal ones the greatest value.
        guard
            let victim = counters.min(by: { left, right in
                left.value.count != right.value.count
                    ? left.value.count < right.value.count : right.key.precedes(left.key)
            })
        else { return }
        counters[victim.key] = nil
        counters[value] = Counter(
            count: victim.value.count &+ count, error: victim.value.count &+ error)
    }

    mutating func merge(_ other: FrequencySketch) {
        others &+= other.others
        for (value, counter) in other.sorted { add(value, counter.count, error: counter.error) }
    }

    /// The counters, greatest first; of equal counts by value.
    private var sorted: [(key: AggregateValue, value: Counter)] {
        counters.sorted { left, right in
            left.value.count != right.value.count
                ? left.value.count > right.value.count : left.key.precedes(right.key)
        }
    }

    func value(_ spec: AggregateSpec) -> AggregateValue {
        if isTop {
            let wanted = Int(spec.parameters.first ?? 10)
            return .entries(
                sorted.prefix(wanted).map {
                    AggregateEntry(name: $0.key.text ?? [], value: .int($0.value.count))
                })
        }
        var entries = counters.sorted { $0.key.precedes($1.key) }.map {
            AggregateEntry(name: $0.key.text ?? [], value: .int($0.value.count))
        }
        if others > 0 {
            entries.append(AggregateEntry(name: Array("_other".utf8), value: .int(others)))
        }
        return .entries(entries)
    }

    func encode(into writer: inout ByteWriter) {
        writer.writeSignedVarint(others)
        writer.writeVarint(UInt64(counters.count))
        for (value, counter) in sorted {
            writer.write(value: value)
            writer.writeSignedVarint(counter.count)
            writer.writeSignedVarint(counter.error)
        }
    }

    init(_ spec: AggregateSpec, from reader: inout ByteReader) throws(DecodingError) {
        self.init(spec)
        others = try reader.readSignedVarint()
        for _ in 0..<(try reader.readCount(limit: capacity)) {
            let value = try reader.readValue()
            counters[value] = Counter(
                count: try reader.readSignedVarint(), error: try reader.readSignedVarint())
        }
    }
}
