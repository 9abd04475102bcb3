import SiltBytes

/// What is accumulated in some slots, as bytes.
///
/// Made a column at a time: to look at a column once for each slot would count references to all of its arrays each time.
struct SlotStates {
    /// The bytes of one column's accumulators.
    private struct Encoded {
        var bytes: [UInt8] = []
        /// Where those of each slot end.
        var ends: [Int] = []

        func range(_ number: Int) -> Range<Int> {
            (number == 0 ? 0 : ends[number - 1])..<ends[number]
        }
    }

    private var columns: [Encoded] = []

    /// The accumulators of slots.
    init(_ columns: [AccumulatorColumn], _ slots: [UInt32]) {
        for column in columns {
            var encoded = Encoded()
            var writer = ByteWriter(capacity: slots.count * 32)
            column.encode(slots, into: &writer, ends: &encoded.ends)
            encoded.bytes = writer.bytes
            self.columns.append(encoded)
        }
    }

    /// Appends the accumulators of the slot at a place in the list, of the columns at some places.
    func append(_ number: Int, _ places: [Int], to writer: inout ByteWriter) {
        for place in places {
            let encoded = columns[place]
            writer.write(contentsOf: encoded.bytes, encoded.range(number))
        }
    }

    /// Appends the accumulators of the slot at a place in the list, of one column.
    @inline(__always)
    func append(_ number: Int, column: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: columns[column].bytes[columns[column].range(number)])
    }
}

extension AccumulatorColumn {
    /// Appends the accumulators of slots, one behind the other, and where those of each end.
    fileprivate func encode(
        _ slots: [UInt32], into writer: inout ByteWriter, ends: inout [Int]
    ) {
        ends.reserveCapacity(slots.count)
        for slot in slots {
            encode(slot, into: &writer)
            ends.append(writer.count)
        }
    }
}
