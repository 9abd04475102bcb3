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
    package struct Section {
        /// The region.
        package var region: Identifier
        /// The sequence number of the first operation.
        package var firstSequence: UInt64
        /// The time stamp of the operations that have none of their own.
        package var serverTimestamp: Int64
        /// The operations, which stay where they are while the section is used.
        package var operations: OperationSpan

        /// A section.
        package init(
            region: Identifier, firstSequence: UInt64, serverTimestamp: Int64,
            operations: OperationSpan
        ) {
            self.region = region
            self.firstSequence = firstSequence
            self.serverTimestamp = serverTimestamp
            self.operations = operations
        }
    }

    /// The size of the record of so many sections, header and padding included, in bytes.
    ///
    /// - Parameter operationBytes: the size of all operations.
    package static func byteCount(sectionCount: Int, operationBytes: Int) -> Int {
        let front = LogRecord.headerByteCount + 4 + LogRecord.directoryEntryByteCount * sectionCount
        return (front + operationBytes + 7) & ~7
    }

    /// The size of an end mark, in bytes.
    package static let endMarkByteCount = LogRecord.headerByteCount

    /// Encodes a batch that will stand at `offset` of the segment, a multiple of 8.
    ///
    /// - Parameter place: has room for `byteCount` bytes.
    /// - Returns: how many bytes were written.
    package func encode(
        _ sections: ArraySlice<Section>, slot: UInt64, offset: UInt64, durable: LogPosition,
        to place: UnsafeMutableRawPointer
    ) -> Int {
        // Safety: header, count, directory and operations are what `byteCount` counts.
        var end = LogRecord.headerByteCount
        unsafe place.storeBytes(
            of: UInt32(sections.count).littleEndian, toByteOffset: end, as: UInt32.self)
        end &+= 4
        for index in sections.indices {
            unsafe storeEntry(sections[index], to: place + end)
            end &+= LogRecord.directoryEntryByteCount
        }
        for index in sections.indices {
            let operations = sections[index].operations
            unsafe (place + end).copyMemory(
                from: operations.start, byteCount: operations.byteCount)
            end &+= operations.byteCount
        }
        return unsafe seal(.batch, end, slot: slot, offset: offset, durable: durable, place)
    }

    /// Encodes a batch of one section; as `encode` of several.
    package func encode(
        _ section: Section, slot: UInt64, offset: UInt64, durable: LogPosition,
        to place: UnsafeMutableRawPointer
    ) -> Int {
        // Safety: header, count, directory and operations are what `byteCount` counts.
        unsafe place.storeBytes(
            of: UInt32(1).littleEndian, toByteOffset: LogRecord.headerByteCount, as: UInt32.self)
        unsafe storeEntry(section, to: place + LogRecord.headerByteCount + 4)
        let front = LogRecord.headerByteCount + 4 + LogRecord.directoryEntryByteCount
        unsafe (place + front).copyMemory(
            from: section.operations.start, byteCount: section.operations.byteCount)
        return unsafe seal(
            .batch, front &+ section.operations.byteCount, slot: slot, offset: offset,
            durable: durable, place)
    }

    /// Encodes the mark that ends the segment and will stand at `offset` of it.
    ///
    /// - Parameter place: has room for `endMarkByteCount` bytes.
    /// - Returns: how many bytes were written.
    package func encodeEndMark(
        slot: UInt64, offset: UInt64, durable: LogPosition, to place: UnsafeMutableRawPointer
    ) -> Int {
        // Safety: the caller's room holds a header.
        unsafe seal(
            .endOfSegment, LogRecord.headerByteCount, slot: slot, offset: offset, durable: durable,
            place)
    }

    private func storeEntry(_ section: Section, to place: UnsafeMutableRawPointer) {
        // Safety: the caller's room holds a directory entry.
        unsafe Self.store(section.region.high.byteSwapped, to: place)
        unsafe Self.store(section.region.low.byteSwapped, to: place + 8)
        unsafe Self.store(section.firstSequence, to: place + 16)
        unsafe Self.store(UInt32(section.operations.count), to: place + 24)
        unsafe Self.store(UInt64(bitPattern: section.serverTimestamp), to: place + 28)
        unsafe Self.store(UInt64(section.operations.byteCount), to: place + 36)
    }

    @inline(__always)
    private static func store<Value: FixedWidthInteger & BitwiseCopyable>(
        _ value: Value, to place: UnsafeMutableRawPointer
    ) {
        // Safety: callers stay within their room.
        unsafe place.storeBytes(of: value.littleEndian, as: Value.self)
    }

    /// Writes the header of a record of which `end` bytes are there, its checksum and its padding.
    private func seal(
        _ kind: LogRecord.Kind, _ end: Int, slot: UInt64, offset: UInt64, durable: LogPosition,
        _ place: UnsafeMutableRawPointer
    ) -> Int {
        let marks = UInt32(LogRecord.mark) | UInt32(LogRecord.version) << 16
        // Safety: `end` is at least a header, and the caller's room holds the padding, too.
        unsafe Self.store(UInt32(end &- LogRecord.headerByteCount), to: place + 4)
        unsafe Self.store(marks | UInt32(kind.rawValue) << 24, to: place + 8)
        unsafe Self.store(UInt32(0), to: place + 12)
        unsafe Self.store(slot, to: place + 16)
        unsafe Self.store(durable.segment, to: place + 24)
        unsafe Self.store(durable.offset, to: place + 32)
        // The first 4 bytes are the checksum of the others.
        let sum = unsafe CRC32C.checksum(
            UnsafeRawBufferPointer(start: place + 4, count: end &- 4),
            seed: LogSegmentReader.binding(segmentBinding, offset))
        unsafe Self.store(sum, to: place)
        var padded = end
        while padded & 7 != 0 {
            unsafe place.storeBytes(of: 0, toByteOffset: padded, as: UInt8.self)
            padded &+= 1
        }
        return padded
    }
}
