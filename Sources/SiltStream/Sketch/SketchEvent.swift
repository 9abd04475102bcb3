/// One event as a sketch sees it: a value that is not null, and its place.
struct SketchEvent {
    let value: AggregateValue
    /// What `largest` gives instead of the value.
    var output = AggregateValue.null
    let time: Int64
    let partition: UInt32
    let offset: Int64
}

/// A value with the place of its event; ordered by time, then partition, then offset.
struct PlacedValue: Sendable, Equatable {
    let time: Int64
    let partition: UInt32
    let offset: Int64
    let value: AggregateValue

    init(_ event: SketchEvent) {
        (time, partition, offset) = (event.time, event.partition, event.offset)
        value = event.value
    }

    init(time: Int64, partition: UInt32, offset: Int64, value: AggregateValue) {
        (self.time, self.partition, self.offset, self.value) = (time, partition, offset, value)
    }

    func precedes(_ other: PlacedValue) -> Bool {
        (time, partition, offset) < (other.time, other.partition, other.offset)
    }
}
