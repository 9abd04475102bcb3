import SiltBytes

/// The samples of a key in the order of their times: what `delta`, `increase` and `rate` look at.
///
/// `delta` needs the ends only. The others keep every sample, as one that comes late may lie
/// between any two.
struct SeriesSketch: Sendable {
    private let keepsEnds: Bool
    private var samples: [PlacedValue] = []
    private var hasBytes = false

    init(_ function: AggregateFunction) { keepsEnds = function == .delta }

    mutating func add(_ event: SketchEvent) {
        switch event.value {
        case .int: break
        case .double(let double): if double.isNaN { return }
        default:
            hasBytes = true
            return
        }
        insert(PlacedValue(event))
    }

    private mutating func insert(_ sample: PlacedValue) {
        if samples.last?.precedes(sample) ?? true {
            samples.append(sample)
        } else {
            var low = 0
            var high = samples.count
            while low < high {
                let middle = (low + high) / 2
                if samples[middle].precedes(sample) { low = middle + 1 } else { high = middle }
            }
            samples.insert(sample, at: low)
        }
        if keepsEnds, samples.count > 2 { samples.removeSubrange(1..<(samples.count - 1)) }
    }

    mutating func merge(_ other: SeriesSketch) {
        hasBytes = hasBytes || other.hasBytes
        if let last = samples.last, let first = other.samples.first, last.precedes(first),
            !keepsEnds
        {
            samples += other.samples
        } else {
            for sample in other.samples { insert(sample) }
        }
    }

    func value(_ function: AggregateFunction) -> AggregateValue {
        if hasBytes { return .error(.notANumber) }
        guard let first = samples.first, let last = samples.last else { return .null }
        switch function {
        case .delta: return SeriesSketch.sum([(last.value, false), (first.value, true)])
        case .rate:
            let milliseconds = Double(last.time) - Double(first.time)
            guard samples.count > 1, milliseconds > 0, let total = increase.number else {
                return .null
            }
            return .double(total / (milliseconds / 1000))
        default: return increase
        }
    }

    /// What a counter grew by: a value below the one before it counts from zero.
    private var increase: AggregateValue {
        var terms: [(AggregateValue, Bool)] = [(.int(0), false)]
        for index in samples.indices.dropFirst() {
            let isReset = samples[index].value.precedes(samples[index - 1].value)
            terms.append((samples[index].value, false))
            if !isReset { terms.append((samples[index - 1].value, true)) }
        }
        return SeriesSketch.sum(terms)
    }

    /// An exact sum of values, some subtracted.
    private static func sum(_ terms: [(AggregateValue, isNegative: Bool)]) -> AggregateValue {
        var ints = Int128(0)
        var doubles = Superaccumulator()
        var isDouble = false
        for (value, isNegative) in terms {
            switch value {
            case .int(let int): ints += isNegative ? -Int128(int) : Int128(int)
            case .double(let double):
                guard double.isFinite else { return .double(.nan) }
                isDouble = true
                doubles.add(isNegative ? -double : double)
            default: break
            }
        }
        guard isDouble else {
            return Int64(exactly: ints).map { .int($0) } ?? .error(.integerOverflow)
        }
        doubles.add(ints)
        return .double(doubles.rounded())
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(hasBytes ? 1 : 0))
        writer.writeVarint(UInt64(samples.count))
        for sample in samples { writer.write(placed: sample) }
    }

    init(_ function: AggregateFunction, from reader: inout ByteReader) throws(DecodingError) {
        self.init(function)
        hasBytes = try reader.readUInt8() != 0
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let sample = try reader.readPlaced()
            guard samples.last?.precedes(sample) ?? true, sample.value.number != nil else {
                throw reader.error("samples are out of order")
            }
            samples.append(sample)
        }
    }
}
