import SiltBytes

/// The accumulator of one slot of an aggregate that needs more than a number.
enum AggregateSketch: Sendable {
    /// No events yet.
    case empty
    case moments(MomentSketch)
    case series(SeriesSketch)
    case distinct(DistinctSketch)
    case quantile(QuantileSketch)
    case histogram(HistogramSketch)
    case frequency(FrequencySketch)
    case list(ListSketch)
    case own(OwnSketch)

    /// A sketch without events for a function.
    private static func make(_ spec: AggregateSpec) -> AggregateSketch {
        switch spec.function {
        case .deviation, .deviationOfAll, .variance, .varianceOfAll: .moments(MomentSketch())
        case .delta, .increase, .rate: .series(SeriesSketch(spec.function))
        case .distinct: .distinct(DistinctSketch())
        case .percentile: .quantile(QuantileSketch())
        case .histogram: .histogram(HistogramSketch(spec.parameters))
        case .topValues, .values: .frequency(FrequencySketch(spec))
        case .collect, .largest: .list(ListSketch(spec))
        case .own: spec.own.map { .own(OwnSketch($0)) } ?? .empty
        default: .empty
        }
    }

    /// Adds an event whose argument is not null.
    mutating func add(_ event: SketchEvent, _ spec: AggregateSpec) {
        // The old value is let go before the change, so that nothing is copied.
        switch take(spec) {
        case .empty: break
        case .moments(var sketch):
            sketch.add(event)
            self = .moments(sketch)
        case .series(var sketch):
            sketch.add(event)
            self = .series(sketch)
        case .distinct(var sketch):
            sketch.add(event)
            self = .distinct(sketch)
        case .quantile(var sketch):
            sketch.add(event)
            self = .quantile(sketch)
        case .histogram(var sketch):
            sketch.add(event, spec.parameters)
            self = .histogram(sketch)
        case .frequency(var sketch):
            sketch.add(event)
            self = .frequency(sketch)
        case .list(var sketch):
            sketch.add(event)
            self = .list(sketch)
        case .own(var sketch):
            sketch.add(event)
            self = .own(sketch)
        }
    }

    private mutating func take(_ spec: AggregateSpec) -> AggregateSketch {
        var taken = AggregateSketch.empty
        swap(&taken, &self)
        if case .empty = taken { return AggregateSketch.make(spec) }
        return taken
    }

    /// Adds the events of another sketch of the same aggregate.
    mutating func merge(_ other: AggregateSketch) {
        if case .empty = other { return }
        if case .empty = self {
            self = other
            return
        }
        var taken = AggregateSketch.empty
        swap(&taken, &self)
        switch (taken, other) {
        case (.moments(var sketch), .moments(let other)):
            sketch.merge(other)
            self = .moments(sketch)
        case (.series(var sketch), .series(let other)):
            sketch.merge(other)
            self = .series(sketch)
        case (.distinct(var sketch), .distinct(let other)):
            sketch.merge(other)
            self = .distinct(sketch)
        case (.quantile(var sketch), .quantile(let other)):
            sketch.merge(other)
            self = .quantile(sketch)
        case (.histogram(var sketch), .histogram(let other)):
            sketch.merge(other)
            self = .histogram(sketch)
        case (.frequency(var sketch), .frequency(let other)):
            sketch.merge(other)
            self = .frequency(sketch)
        case (.list(var sketch), .list(let other)):
            sketch.merge(other)
            self = .list(sketch)
        case (.own(var sketch), .own(let other)):
            sketch.merge(other)
            self = .own(sketch)
        default: break
        }
    }

    /// The result.
    func value(_ spec: AggregateSpec) -> AggregateValue {
        switch self {
        case .empty:
            switch spec.function {
            case .distinct: .int(0)
            case .histogram: HistogramSketch(spec.parameters).value(spec.parameters)
            case .topValues, .values: .entries([])
            case .collect, .largest: .list([])
            case .own: spec.own.map { OwnSketch($0).value } ?? .null
            default: .null
            }
        case .moments(let sketch): sketch.value(spec.function)
        case .series(let sketch): sketch.value(spec.function)
        case .distinct(let sketch): sketch.value
        case .quantile(let sketch): sketch.value(spec.parameters.first ?? 0.5)
        case .histogram(let sketch): sketch.value(spec.parameters)
        case .frequency(let sketch): sketch.value(spec)
        case .list(let sketch): sketch.value(spec)
        case .own(let sketch): sketch.value
        }
    }

    // The bytes are part of the format: docs/format/window-state.md.

    /// Appends the contents, equal for equal ones.
    func encode(into writer: inout ByteWriter) {
        if case .empty = self {
            writer.write(0 as UInt8)
            return
        }
        writer.write(1 as UInt8)
        switch self {
        case .empty: break
        case .moments(let sketch): sketch.encode(into: &writer)
        case .series(let sketch): sketch.encode(into: &writer)
        case .distinct(let sketch): sketch.encode(into: &writer)
        case .quantile(let sketch): sketch.encode(into: &writer)
        case .histogram(let sketch): sketch.encode(into: &writer)
        case .frequency(let sketch): sketch.encode(into: &writer)
        case .list(let sketch): sketch.encode(into: &writer)
        case .own(let sketch): sketch.encode(into: &writer)
        }
    }

    /// Reads contents.
    init(_ spec: AggregateSpec, from reader: inout ByteReader) throws(DecodingError) {
        guard try reader.readUInt8() != 0 else {
            self = .empty
            return
        }
        switch AggregateSketch.make(spec) {
        case .empty: self = .empty
        case .moments: self = .moments(try MomentSketch(from: &reader))
        case .series: self = .series(try SeriesSketch(spec.function, from: &reader))
        case .distinct: self = .distinct(try DistinctSketch(from: &reader))
        case .quantile: self = .quantile(try QuantileSketch(from: &reader))
        case .histogram:
            self = .histogram(try HistogramSketch(spec.parameters, from: &reader))
        case .frequency: self = .frequency(try FrequencySketch(spec, from: &reader))
        case .list: self = .list(try ListSketch(spec, from: &reader))
        case .own:
            guard let own = spec.own else { throw reader.error("aggregate has no function") }
            self = .own(try OwnSketch(own, from: &reader))
        }
    }
}
