package import SiltBytes

/// Reads the records of one segment, and tells at the end what the rest of its bytes is.
///
/// 1. A record is valid when its checksum, bound to incarnation, segment and offset, is right. If
/// a valid
///    one does not count up or its sections do not add up, the log is damaged: it was written so.
/// 2. Where no valid record begins, the bytes up to the end are searched, on 8-byte boundaries,
/// for a
///    valid record with a higher slot. If there is one, or the place lies before what is known to
/// be on
///    the device, the log is damaged there; if all bytes are zero, it ends cleanly; else its tail
/// is torn.
package struct LogSegmentReader: Sendable {
    /// What stands after the last record.
    package enum End: Equatable, Sendable {
        /// Zeros, or nothing.
        case clean(offset: Int)
        /// The mark that ends a segment; `offset` is after it.
        case marked(offset: Int)
        /// A record that was never finished, and so never acknowledged.
        case torn(offset: Int, byteCount: Int, cause: DecodingError)
        /// Bytes that were durable, or that valid records follow, are not a valid record.
        case damaged(offset: Int, cause: DecodingError)
    }

    /// The segment's header.
    package let header: LogSegmentHeader
    /// The segment's bytes.
    package let bytes: [UInt8]
    /// The slot of the last record read; 0 before the first.
    package private(set) var lastSlot: UInt64 = 0
    /// Up to where the log is known to have been on the device, by the records read and what the
    /// caller knew.
    package private(set) var durable: LogPosition
    /// What stands after the last record; `nil` while there may be more.
    package private(set) var end: End?

    private var offset = LogSegmentHeader.byteCount

    /// Reads a segment.
    ///
    /// - Parameters:
    ///   - bytes: the whole segment, trailing zeros included.
    ///   - durable: up to where later segments say the log was on the device; give their largest.
    /// - Throws: when the header is damaged. A segment of zeros or without bytes is `unwritten`, tested before.
    package init(_ bytes: [UInt8], durable: LogPosition = .init(segment: 0, offset: 0))
        throws(DecodingError)
    {
        header = try LogSegmentHeader(decoding: bytes)
        self.bytes = bytes
        self.durable = durable
    }

    /// Whether a segment was created but never written to.
    package static func isUnwritten(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 == 0 } }

    /// The next record; `nil` at the end, and then `end` says which.
    package mutating func next() -> LogRecord? {
        if end != nil { return nil }
        guard offset < bytes.count else {
            end = classify(DecodingError(offset: offset, "the segment ends here"))
            return nil
        }
        var record: LogRecord
        let body: Range<Int>
        do throws(DecodingError) {
            (record, body) = try Self.frame(in: bytes, at: offset, header)
        } catch {
            end = classify(error)
            return nil
        }
        do throws(DecodingError) {
            guard record.slot > lastSlot else {
                throw DecodingError(
                    offset: offset,
                    "log slot does not count up slot=\(record.slot) last=\(lastSlot)")
            }
            if record.kind == .batch { record.sections = try Self.sections(in: bytes, body) }
        } catch {
            // The checksum was right, so these bytes were written here and may have been acknowledged.
            end = .damaged(offset: offset, cause: error)
            return nil
        }
        lastSlot = record.slot
        durable = max(durable, record.durable)
        offset = record.end
        if record.kind == .endOfSegment {
            end = .marked(offset: offset)
            return nil
        }
        return record
    }

    /// The first valid record after a damaged place, and up to where it and those that follow know
    /// the log to have been on the device; `nil` when none follows.
    package func whatFollows(damageAt place: Int) -> (offset: Int, durable: LogPosition)? {
        var first: Int?
        var reach = durable
        var later = place + 8
        while later + LogRecord.headerByteCount <= bytes.count {
            if bytes[later + 8] == UInt8(truncatingIfNeeded: LogRecord.mark),
                let (record, _) = try? Self.frame(in: bytes, at: later, header),
                record.slot > lastSlot
            {
                first = first ?? later
                reach = max(reach, record.durable)
                later = max(later + 8, record.end)
            } else {
                later += 8
            }
        }
        return first.map { ($0, reach) }
    }

    /// Goes on at a valid record that `whatFollows` found, for who saves what a damaged log still has.
    package mutating func resume(at place: Int) {
        offset = place
        end = nil
    }

    private func classify(_ cause: DecodingError) -> End {
        var later = offset + 8
        while later + LogRecord.headerByteCount <= bytes.count {
            if bytes[later + 8] == UInt8(truncatingIfNeeded: LogRecord.mark),
                let (record, _) = try? Self.frame(in: bytes, at: later, header),
                record.slot > lastSlot
            {
                return .damaged(offset: offset, cause: cause)
            }
            later += 8
        }
        let isDurable =
            durable.segment > header.segment
            || durable.segment == header.segment && durable.offset > UInt64(offset)
        if isDurable { return .damaged(offset: offset, cause: cause) }
        guard let last = bytes[offset...].lastIndex(where: { $0 != 0 }) else {
            return .clean(offset: offset)
        }
        return .torn(offset: offset, byteCount: last + 1 - offset, cause: cause)
    }

    /// Whether a valid record of the segment begins at `offset` of its bytes.
    package static func isRecord(_ bytes: [UInt8], at offset: Int, _ segment: LogSegmentHeader)
        -> Bool
    {
        (try? frame(in: bytes, at: offset, segment)) != nil
    }

    /// The record that begins at `offset`, without its sections, and where its body lies.
    private static func frame(in bytes: [UInt8], at offset: Int, _ segment: LogSegmentHeader)
        throws(DecodingError) -> (LogRecord, body: Range<Int>)
    {
        var reader = ByteReader(bytes, range: offset..<bytes.count)
        let expected = try reader.readUInt32()
        let bodyCount = Int(try reader.readUInt32())
        let mark = try reader.readUInt16()
        let version = try reader.readUInt8()
        let code = try reader.readUInt8()
        let reserved = try reader.readUInt32()
        guard mark == LogRecord.mark, let kind = LogRecord.Kind(rawValue: code), reserved == 0
        else {
            throw DecodingError(offset: offset, "no log record begins here")
        }
        guard version == LogRecord.version else {
            throw DecodingError(offset: offset, "log record version is unknown version=\(version)")
        }
        let slot = try reader.readUInt64()
        let durable = LogPosition(
            segment: try reader.readUInt64(), offset: try reader.readUInt64())
        guard bodyCount <= min(reader.remaining, LogRecord.bodyByteCountMax) else {
            throw DecodingError(
                offset: offset, "log record ends after its segment size=\(bodyCount)")
        }
        let bodyStart = offset + LogRecord.headerByteCount
        let bodyEnd = bodyStart + bodyCount
        // Safety: the range lies within the array, as checked above.
        let sum = unsafe bytes.withUnsafeBytes { buffer in
            unsafe CRC32C.checksum(
                UnsafeRawBufferPointer(rebasing: buffer[(offset + 4)..<bodyEnd]),
                seed: binding(binding(segment.incarnation, segment.segment), UInt64(offset)))
        }
        guard sum == expected else {
            throw DecodingError(offset: offset, "log record checksum is wrong slot=\(slot)")
        }
        let record = LogRecord(
            kind: kind, slot: slot, offset: offset, end: min((bodyEnd + 7) & ~7, bytes.count),
            durable: durable, sections: [])
        return (record, bodyStart..<bodyEnd)
    }

    private static func sections(in bytes: [UInt8], _ body: Range<Int>) throws(DecodingError)
        -> [LogRecord.Section]
    {
        var reader = ByteReader(bytes, range: body)
        let count = Int(try reader.readUInt32())
        guard count <= reader.remaining / LogRecord.directoryEntryByteCount else {
            throw reader.error("log record has too many sections count=\(count)")
        }
        var sections: [LogRecord.Section] = []
        sections.reserveCapacity(count)
        var start = reader.offset + count * LogRecord.directoryEntryByteCount
        for _ in 0..<count {
            let region = try reader.readIdentifier()
            let firstSequence = try reader.readUInt64()
            let operationCount = Int(try reader.readUInt32())
            let timestamp = try reader.readInt64()
            let byteCount = try reader.readUInt64()
            guard byteCount <= UInt64(body.upperBound - start), operationCount <= Int(byteCount)
            else {
                throw reader.error("log record section is too long size=\(byteCount)")
            }
            let range = start..<(start + Int(byteCount))
            sections.append(
                LogRecord.Section(
                    region: region, firstSequence: firstSequence, operationCount: operationCount,
                    serverTimestamp: timestamp, range: range))
            start = range.upperBound
        }
        guard start == body.upperBound else {
            throw reader.error("log record has bytes after its sections")
        }
        return sections
    }

    /// What the checksums of a segment's records begin with: they are valid only in it.
    static func binding(_ incarnation: Identifier, _ segment: UInt64) -> UInt32 {
        var writer = ByteWriter(capacity: 24)
        writer.write(incarnation)
        writer.write(segment)
        return CRC32C.checksum(writer.bytes)
    }

    /// The checksum that a record's own continues from: it is valid only at its place.
    static func binding(_ segment: UInt32, _ offset: UInt64) -> UInt32 {
        // Safety: the buffer is used only inside the closure.
        unsafe withUnsafeBytes(of: offset.littleEndian) { bytes in
            unsafe CRC32C.checksum(bytes, seed: segment)
        }
    }
}
