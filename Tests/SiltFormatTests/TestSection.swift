import SiltBytes
import SiltFormat

/// A section that owns its operations.
struct TestSection {
    var region: Identifier
    var firstSequence: UInt64
    var serverTimestamp: Int64
    var operations: OperationBuffer
}

extension LogRecordEncoder {
    /// Appends the record of some sections.
    func append(
        _ sections: ArraySlice<TestSection>, slot: UInt64, offset: UInt64, durable: LogPosition,
        to writer: inout ByteWriter
    ) {
        let lent = sections.map {
            Section(
                region: $0.region, firstSequence: $0.firstSequence,
                serverTimestamp: $0.serverTimestamp, operations: $0.operations.span)
        }
        unsafe append(Self.byteCount(sections), to: &writer) { place in
            unsafe encode(lent[...], slot: slot, offset: offset, durable: durable, to: place)
        }
        withExtendedLifetime(sections) {}
    }

    /// Appends an end mark.
    func appendEndMark(
        slot: UInt64, offset: UInt64, durable: LogPosition, to writer: inout ByteWriter
    ) {
        unsafe append(Self.endMarkByteCount, to: &writer) { place in
            unsafe encodeEndMark(slot: slot, offset: offset, durable: durable, to: place)
        }
    }

    /// The size of the record of some sections.
    static func byteCount(_ sections: ArraySlice<TestSection>) -> Int {
        byteCount(
            sectionCount: sections.count,
            operationBytes: sections.reduce(0) { $0 + $1.operations.byteCount })
    }

    private func append(
        _ room: Int, to writer: inout ByteWriter, _ encode: (UnsafeMutableRawPointer) -> Int
    ) {
        let place = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 8)
        let count = unsafe encode(place)
        precondition(count == room)
        unsafe writer.write(contentsOf: UnsafeRawBufferPointer(start: place, count: count))
        unsafe place.deallocate()
    }
}
