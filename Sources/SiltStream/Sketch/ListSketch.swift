import SiltBytes

/// Values in a list: the first ones by event time (`collect`), or the greatest ones (`largest`).
///
/// Which values are kept depends on the values and their places only, not on the order of arrival.
struct ListSketch: Sendable {
    private struct Item: Equatable {
        let placed: PlacedValue
        let output: AggregateValue
    }

    private let isLargest: Bool
    private let capacity: Int
    private var items: [Item] = []

    init(_ spec: AggregateSpec) {
        isLargest = spec.function == .largest
        capacity = max(1, Int(spec.parameters.first ?? 1000))
    }

    mutating func add(_ event: SketchEvent) {
        insert(Item(placed: PlacedValue(event), output: event.output))
    }

    private func precedes(_ left: Item, _ right: Item) -> Bool {
        if isLargest {
            if right.placed.value.precedes(left.placed.value) { return true }
            if left.placed.value.precedes(right.placed.value) { return false }
            return (left.placed.partition, left.placed.offset)
                < (right.placed.partition, right.placed.offset)
        }
        return left.placed.precedes(right.placed)
    }

    private mutating func insert(_ item: Item) {
        if let last = items.last, !precedes(item, last) {
            if items.count < capacity { items.append(item) }
            return
        }
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(items[middle], item) { low = middle + 1 } else { high = middle }
        }
        items.insert(item, at: low)
        if items.count > capacity { items.removeLast() }
    }

    mutating func merge(_ other: ListSketch) { for item in other.items { insert(item) } }

    func value(_ spec: AggregateSpec) -> AggregateValue {
        .list(items.map { isLargest && spec.output != nil ? $0.output : $0.placed.value })
    }

    func encode(into writer: inout ByteWriter) {
        writer.writeVarint(UInt64(items.count))
        for item in items {
            writer.write(placed: item.placed)
            writer.write(value: item.output)
        }
    }

    init(_ spec: AggregateSpec, from reader: inout ByteReader) throws(DecodingError) {
        self.init(spec)
        for _ in 0..<(try reader.readCount(limit: capacity)) {
            items.append(
                Item(placed: try reader.readPlaced(), output: try reader.readValue()))
        }
    }
}
