internal import SiltBytes
internal import SiltFormat

/// Whether bytes that are not a valid record can be a write that a crash cut short.
///
/// Segments are zeroed before use and never reused. A write that was cut short therefore lacks its end, or whole 512-byte sectors,
/// and zeros stand there. A place where every sector has something and the last byte is there was written wholly and changed later.
enum TornTail {
    private static let sectorBytes = 512

    /// Whether the bytes from `offset` on look like an unfinished record of the segment.
    static func looksUnfinished(_ bytes: [UInt8], at offset: Int, header: LogSegmentHeader) -> Bool
    {
        guard let last = bytes[offset...].lastIndex(where: { $0 != 0 }) else { return true }
        let written = last + 1 - offset
        guard written >= LogRecord.headerByteCount else { return true }
        let claimed = LogRecord.headerByteCount + bodyByteCount(bytes, at: offset)
        if claimed <= bytes.count - offset, written >= claimed - 7 {
            return looksUnfinished(bytes, at: offset, byteCount: min(claimed, written))
        }
        // Shorter than it says: unless it is the length itself that is wrong.
        return looksUnfinished(bytes, at: offset, byteCount: written)
            || !isValid(bytes, at: offset, header: header, written: written)
    }

    /// Whether some sector of the range, or its end, was never written.
    static func looksUnfinished(_ bytes: [UInt8], at offset: Int, byteCount: Int) -> Bool {
        let end = offset + byteCount
        guard end <= bytes.count, end > offset, bytes[end - 1] != 0 else { return true }
        var start = offset
        while start < end {
            let next = min(end, (start / sectorBytes + 1) * sectorBytes)
            if bytes[start..<next].allSatisfy({ $0 == 0 }) { return true }
            start = next
        }
        return false
    }

    /// Whether the part of the range in some sector is all zeros; parts too short to tell are passed over.
    static func lacksSector(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        while start < range.upperBound {
            let next = min(range.upperBound, (start / sectorBytes + 1) * sectorBytes)
            // A record cannot begin with 8 zeros: its checksum and length.
            let shortest = start == range.lowerBound ? 8 : 16
            if next - start >= shortest, bytes[start..<next].allSatisfy({ $0 == 0 }) { return true }
            start = next
        }
        return false
    }

    /// Whether the record would be valid with another length, one that what is there allows.
    private static func isValid(
        _ bytes: [UInt8], at offset: Int, header: LogSegmentHeader, written: Int
    ) -> Bool {
        let shortest = max(4, written - LogRecord.headerByteCount)
        for body in shortest..<(shortest + 64) {
            var copy = Array(bytes[..<LogSegmentHeader.byteCount])
            let start = copy.count
            // The checksum binds the offset, so the record stays in its place.
            copy += [UInt8](repeating: 0, count: offset - start)
            let end = offset + LogRecord.headerByteCount + body
            guard end <= bytes.count else { return false }
            copy += bytes[offset..<end]
            for index in 0..<4 {
                copy[offset + 4 + index] = UInt8(truncatingIfNeeded: body >> (8 * index))
            }
            if LogSegmentReader.isRecord(copy, at: offset, header) { return true }
        }
        return false
    }

    private static func bodyByteCount(_ bytes: [UInt8], at offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
    }
}
