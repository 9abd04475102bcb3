import SiltBytes

// A value within a sketch is part of the format: docs/format/window-state.md.
extension ByteWriter {
    /// Appends a value: a tag of `ValueColumn.Tag` and its contents.
    mutating func write(value: AggregateValue) {
        switch value {
        case .int(let int):
            write(ValueColumn.Tag.int)
            write(int)
        case .double(let double):
            write(ValueColumn.Tag.double)
            write(double.bitPattern)
        case .bytes(let bytes):
            write(ValueColumn.Tag.bytes)
            writeSized(bytes)
        default: write(ValueColumn.Tag.null)
        }
    }
}

extension ByteReader {
    /// Reads a value.
    mutating func readValue() throws(DecodingError) -> AggregateValue {
        let tag = try readUInt8()
        switch tag {
        case ValueColumn.Tag.null: return .null
        case ValueColumn.Tag.int: return .int(try readInt64())
        case ValueColumn.Tag.double: return .double(Double(bitPattern: try readUInt64()))
        case ValueColumn.Tag.bytes: return .bytes(try readSized())
        default: throw error("value has an unknown tag tag=\(tag)")
        }
    }

    /// Reads a value with its place.
    mutating func readPlaced() throws(DecodingError) -> PlacedValue {
        let time = try readInt64()
        let partition = try readUInt32()
        let offset = try readInt64()
        return PlacedValue(
            time: time, partition: partition, offset: offset, value: try readValue())
    }
}

extension ByteWriter {
    /// Appends a value with its place.
    mutating func write(placed: PlacedValue) {
        write(placed.time)
        write(placed.partition)
        write(placed.offset)
        write(value: placed.value)
    }
}

extension AggregateValue {
    /// Whether a value sorts before another: null, then numbers by value (NaN first), then bytes.
    func precedes(_ other: AggregateValue) -> Bool {
        switch (self, other) {
        case (.bytes(let left), .bytes(let right)): left.lexicographicallyPrecedes(right)
        case (.bytes, _): false
        case (_, .bytes): true
        case (.null, _): other != .null
        case (_, .null): false
        default: numberPrecedes(other)
        }
    }

    private func numberPrecedes(_ other: AggregateValue) -> Bool {
        guard let left = cell, let right = other.cell else {
            return cell == nil && other.cell != nil
        }
        if left.isNaN || right.isNaN { return left.isNaN && !right.isNaN }
        return left.precedes(right)
    }

    private var cell: ValueCell? {
        switch self {
        case .int(let int): ValueCell(bits: int, tag: ValueColumn.Tag.int)
        case .double(let double):
            ValueCell(bits: Int64(bitPattern: double.bitPattern), tag: ValueColumn.Tag.double)
        default: nil
        }
    }

    /// The number as a double, `nil` for what is no number.
    var number: Double? {
        switch self {
        case .int(let int): Double(int)
        case .double(let double): double
        default: nil
        }
    }

    /// The value by which equals are recognised: doubles without a fraction are integers, -0.0 is 0.
    var canonical: AggregateValue {
        guard case .double(let double) = self else { return self }
        if let int = Int64(exactly: double) { return .int(int) }
        return double.isNaN ? .double(.nan) : self
    }
}
