package import SiltBytes

/// One record of the log: a write batch, or the mark that ends a segment.
///
/// Part of the format: docs/format/log.md.
///
/// Records begin on 8-byte boundaries. The checksum binds incarnation, segment number and offset,
/// so that
/// a record is valid only where it was written.
package struct LogRecord: Hashable, Sendable {
    /// The bytes before a record's body.
    package static let headerByteCount = 40
    /// The largest body that a reader accepts, in bytes.
    package static let bodyByteCountMax = 320 << 20
    /// The bytes of one section's directory entry.
    static let directoryEntryByteCount = 44
    static let mark: UInt16 = 0x4c53
    static let version: UInt8 = 1

    /// What a record is.
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// A write batch.
        case batch = 1
        /// No record follows in this segment.
        case endOfSegment = 2
    }

    /// The changes of one region within a batch.
    package struct Section: Hashable, Sendable {
        /// The region.
        package var region: Identifier
        /// The sequence number of the first operation; the others count up from it.
        package var firstSequence: UInt64
        /// How many operations there are.
        package var operationCount: Int
        /// The time stamp of the operations that have none of their own, in milliseconds since
        /// 1970.
        package var serverTimestamp: Int64
        /// Where the operations lie in the segment's bytes.
        package var range: Range<Int>
    }

    /// What a record is.
    package var kind: Kind
    /// The record's number, counting up over the incarnation.
    package var slot: UInt64
    /// Where it begins in the segment's bytes.
    package var offset: Int
    /// One past its last byte, padding included: where the next record begins.
    package var end: Int
    /// Up to where the log was known to be on the device when the record was written.
    package var durable: LogPosition
    /// The regions changed; none in an end mark.
    package var sections: [Section]
}

/// Encodes records for the place in the log where they will stand.
package struct LogRecordEncoder: Sendable {
    /// The server run that writes the log.
    package let incarnation: Identifier
    /// The number of the segment written to.
    package let segment: UInt64

    private let segmentBinding: UInt32

    /// An encoder for one segment.
    package init(incarnation: Identifier, segment: UInt64) {
        self.incarnation = incarnation
        self.segment = segment
        segmentBinding = LogSegmentReader.binding(incarnation, segment)
    }

    /// One region's part of a batch to encode.
    package struct Section: Sendable {
        /// The region.
        package var region: Identifier
        /// The sequence number of the first operation.
        package var firstSequence: UInt64
        /// The time stamp of the operations that have none of their own.
        package var serverTimestamp: Int64
        /// The operations.
        package var operations: OperationBuffer

        /// A section.
        package init(
            region: Identifier, firstSequence: UInt64, serverTimestamp: Int64,
            operations: OperationBuffer
        ) {
            self.region = region
            self.firstSequence = firstSequence
            self.serverTimestamp = serverTimestamp
            self.operations = operations
        }
    }

    /// The size of the record of these sections, header and padding included, in bytes.
    package static func byteCount(_ sections: ArraySlice<Section>) -> Int {
        var count = LogRecord.headerByteCount + 4
        for index in sections.indices {
            count += LogRecord.directoryEntryByteCount
            count += sections[index].operations.bytes.count
        }
        return (count + 7) & ~7
    }

    /// The size of an end mark, in bytes.
    package static let endMarkByteCount = LogRecord.headerByteCount

    /// Appends a batch that will stand at `offset` of the segment, a multiple of 8.
    package func append(
        _ sections: ArraySlice<Section>, slot: UInt64, offset: UInt64, durable: LogPosition,
        to writer: inout ByteWriter
    ) {
        let start = writer.count
        let front = 4 + LogRecord.directoryEntryByteCount * sections.count
        var body = front
        for index in sections.indices { body += sections[index].operations.bytes.count }
        // Safety: header, count and directory fill exactly the bytes that are taken for them.
        unsafe withUnsafeTemporaryAllocation(
            byteCount: LogRecord.headerByteCount + front, alignment: 8
        ) { buffer in
            unsafe storeHeader(.batch, body: body, slot: slot, durable: durable, in: buffer)
            unsafe Self.store(UInt32(sections.count), in: buffer, at: LogRecord.headerByteCount)
            var place = LogRecord.headerByteCount + 4
            for section in sections {
                unsafe Self.store(section.region.high.byteSwapped, in: buffer, at: place)
                unsafe Self.store(section.region.low.byteSwapped, in: buffer, at: place + 8)
                unsafe Self.store(section.firstSequence, in: buffer, at: place + 16)
                unsafe Self.store(UInt32(section.operations.count), in: buffer, at: place + 24)
                unsafe Self.store(
                    UInt64(bitPattern: section.serverTimestamp), in: buffer, at: place + 28)
                unsafe Self.store(
                    UInt64(section.operations.bytes.count), in: buffer, at: place + 36)
                place += LogRecord.directoryEntryByteCount
            }
            unsafe writer.write(contentsOf: UnsafeRawBufferPointer(buffer))
        }
        for index in sections.indices { writer.write(contentsOf: sections[index].operations.bytes) }
        seal(start, offset: offset, &writer)
    }

    /// Appends the mark that ends the segment and will stand at `offset` of it.
    package func appendEndMark(
        slot: UInt64, offset: UInt64, durable: LogPosition, to writer: inout ByteWriter
    ) {
        let start = writer.count
        // Safety: the header fills exactly the bytes that are taken for it.
        unsafe withUnsafeTemporaryAllocation(
            byteCount: LogRecord.headerByteCount, alignment: 8
        ) { buffer in
            unsafe storeHeader(.endOfSegment, body: 0, slot: slot, durable: durable, in: buffer)
            unsafe writer.write(contentsOf: UnsafeRawBufferPointer(buffer))
        }
        seal(start, offset: offset, &writer)
    }

    private func storeHeader(
        _ kind: LogRecord.Kind, body: Int, slot: UInt64, durable: LogPosition,
        in buffer: UnsafeMutableRawBufferPointer
    ) {
        let marks = UInt32(LogRecord.mark) | UInt32(LogRecord.version) << 16
        // Safety: the caller's buffer has room for a header.
        unsafe Self.store(UInt32(0), in: buffer, at: 0)
        unsafe Self.store(UInt32(body), in: buffer, at: 4)
        unsafe Self.store(marks | UInt32(kind.rawValue) << 24, in: buffer, at: 8)
        unsafe Self.store(UInt32(0), in: buffer, at: 12)
        unsafe Self.store(slot, in: buffer, at: 16)
        unsafe Self.store(durable.segment, in: buffer, at: 24)
        unsafe Self.store(durable.offset, in: buffer, at: 32)
    }

    @inline(__always)
    private static func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, in buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) {
        // Safety: callers stay within the buffer; it checks in debug builds.
        unsafe buffer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    private func seal(_ start: Int, offset: UInt64, _ writer: inout ByteWriter) {
        let end = writer.count
        // Safety: the record's bytes are `start..<end` of the writer; the first 4 are the checksum.
        let sum = unsafe writer.bytes.withUnsafeBytes { bytes in
            unsafe CRC32C.checksum(
                UnsafeRawBufferPointer(rebasing: bytes[(start + 4)..<end]),
                seed: LogSegmentReader.binding(segmentBinding, offset))
        }
        writer.overwrite(sum, at: start)
        while writer.count & 7 != start & 7 { writer.write(UInt8(0)) }
    }
}
