import SiltBytes

// The bytes of a slot are part of the format: docs/format/window-state.md.
extension AccumulatorColumn {
    /// Appends the accumulators of a slot; equal contents give equal bytes, whatever led to them.
    func encode(_ slot: UInt32, into writer: inout ByteWriter) {
        let index = Int(slot)
        switch spec.function {
        case .count: writer.writeSignedVarint(counts[index])
        case .sum, .average, .truncatedAverage:
            let cell = total(slot)
            writer.write(cell.flags.rawValue)
            writer.writeSignedVarint(cell.count)
            writer.writeSignedVarint(Int64(truncatingIfNeeded: cell.ints >> 64))
            writer.write(UInt64(truncatingIfNeeded: cell.ints))
            encodeDoubles(slot, into: &writer)
        case .min, .max:
            encodeValue(extremes[index].tag, extremes[index].bits, slot, into: &writer)
        case .first, .last:
            let cell = timed[index]
            encodeValue(cell.tag, cell.bits, slot, into: &writer)
            guard cell.tag != ValueColumn.Tag.null else { return }
            writer.write(cell.time)
            writer.write(cell.offset)
            writer.write(cell.partition)
        default: sketches[index].encode(into: &writer)
        }
    }

    private func encodeDoubles(_ slot: UInt32, into writer: inout ByteWriter) {
        guard !pairs.isEmpty else { return writer.writeVarint(0) }
        // The sum of a pair that holds none, whose `high` is NaN, is not finite.
        if let split = pairs[Int(slot)].split {
            writer.writeVarint(split.sum == 0 ? 0 : split.rest == 0 ? 1 : 2)
            if split.sum != 0 { writer.write(split.sum.bitPattern) }
            if split.sum != 0, split.rest != 0 { writer.write(split.rest.bitPattern) }
        } else {
            let parts = exactDoubles(slot).parts
            writer.writeVarint(UInt64(parts.count))
            for part in parts { writer.write(part.bitPattern) }
        }
    }

    private func encodeValue(
        _ tag: UInt8, _ bits: Int64, _ slot: UInt32, into writer: inout ByteWriter
    ) {
        writer.write(tag)
        switch tag {
        case ValueColumn.Tag.null, TimedCell.nullTag: break
        case ValueColumn.Tag.bytes: writer.writeSized(blobs[slot] ?? [])
        default: writer.write(bits)
        }
    }

    /// Reads the accumulators of an empty slot.
    mutating func decode(_ slot: UInt32, from reader: inout ByteReader) throws(DecodingError) {
        let index = Int(slot)
        switch spec.function {
        case .count: counts[index] = try reader.readSignedVarint()
        case .sum, .average, .truncatedAverage: try decodeSum(slot, from: &reader)
        case .min, .max:
            let (tag, bits) = try decodeValue(slot, from: &reader)
            extremes[index] = ValueCell(bits: bits, tag: tag)
        case .first, .last:
            let (tag, bits) = try decodeValue(slot, from: &reader)
            guard tag != ValueColumn.Tag.null else { return }
            timed[index] = TimedCell(
                time: try reader.readInt64(), offset: try reader.readInt64(), bits: bits,
                partition: try reader.readUInt32(), tag: tag)
        default: sketches[index] = try AggregateSketch(spec, from: &reader)
        }
    }

    private mutating func decodeSum(
        _ slot: UInt32, from reader: inout ByteReader
    ) throws(DecodingError) {
        let flags = SumCell.Flags(rawValue: try reader.readUInt8())
        guard SumCell.Flags.all.isSuperset(of: flags) else {
            throw reader.error("sum has unknown flags flags=\(flags.rawValue)")
        }
        let count = try reader.readSignedVarint()
        let high = try reader.readSignedVarint()
        let low = try reader.readUInt64()
        sums[Int(slot)] = SumCell(
            ints: Int128(high) << 64 | Int128(low), count: count, flags: flags)
        let partCount = try reader.readCount(limit: 64)
        if flags.contains(.double) || partCount > 0 { needPairs() }
        var parts: [Double] = []
        for _ in 0..<partCount {
            let part = Double(bitPattern: try reader.readUInt64())
            guard part.isFinite else { throw reader.error("sum has a part that is not finite") }
            parts.append(part)
        }
        if partCount > 2 {
            var wide = Superaccumulator()
            for part in parts { wide.add(part) }
            wides[slot] = wide
            pairs[Int(slot)] = DoublePair(high: .nan, low: 0)
        } else if partCount > 0 {
            pairs[Int(slot)] = DoublePair(high: parts[0], low: partCount == 2 ? parts[1] : 0)
        }
    }

    private mutating func decodeValue(
        _ slot: UInt32, from reader: inout ByteReader
    ) throws(DecodingError) -> (UInt8, Int64) {
        let tag = try reader.readUInt8()
        switch tag {
        case ValueColumn.Tag.null: return (tag, 0)
        case TimedCell.nullTag where spec.function == .first || spec.function == .last:
            return (tag, 0)
        case ValueColumn.Tag.int, ValueColumn.Tag.double: return (tag, try reader.readInt64())
        case ValueColumn.Tag.bytes:
            blobs[slot] = try reader.readSized()
            return (tag, 0)
        default: throw reader.error("value has an unknown tag tag=\(tag)")
        }
    }
}
