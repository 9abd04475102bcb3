import SiltBytes

/// The accumulator of an aggregate of somebody's own.
struct OwnSketch: Sendable {
    private var state: any OwnAggregate

    init(_ function: OwnFunction) { state = function.type.init() }

    mutating func add(_ event: SketchEvent) { state.add(event.value) }

    mutating func merge(_ other: OwnSketch) { state = Self.merged(state, other.state) }

    private static func merged<Aggregate: OwnAggregate>(
        _ one: Aggregate, _ other: any OwnAggregate
    ) -> any OwnAggregate {
        guard let other = other as? Aggregate else { return one }
        var sum = one
        sum.merge(other)
        return sum
    }

    var value: AggregateValue { state.result }

    func encode(into writer: inout ByteWriter) { writer.writeSized(state.encoded) }

    init(_ function: OwnFunction, from reader: inout ByteReader) throws(DecodingError) {
        let bytes = try reader.readSized()
        do {
            state = try function.type.init(decoding: bytes)
        } catch {
            throw reader.error("state of the aggregate \(function.name) cannot be read: \(error)")
        }
    }
}
