package import SiltBytes
package import SiltFormat
package import SiltIO
package import SiltModel

/// Reads the log of an ended server run from its first segment to its end, and tells a torn tail from damage.
///
/// 1. Segments are numbered without a gap, records too.
/// 2. A segment that does not end with its mark is the last that counts. The writer goes on in the next ones while the device still
///    takes in the last part of one, so a power cut may leave records in those that must not count. But when any record says that
///    the log was on the device beyond the place where it breaks off, it is damaged.
/// 3. A record that does not check out is a torn tail only when it lies after what is known to have been on the device, and it looks
///    unfinished (`TornTail`); when valid records follow, a whole sector of it must lack. Else the log is damaged and opening is
///    refused.
package struct LogReplay {
    private let device: any LogDevice
    private let incarnation: Identifier
    private var lastSlot: UInt64?
    private var lastSequences: [Identifier: UInt64] = [:]
    /// Bytes of an unfinished record at the end.
    package private(set) var tornBytes = 0
    /// Segments read.
    package private(set) var segmentCount = 0

    /// A replay of the run that wrote under `incarnation`.
    package init(_ device: any LogDevice, incarnation: Identifier) {
        self.device = device
        self.incarnation = incarnation
    }

    /// Calls `apply` with each batch in order, and the bytes that its sections lie in.
    package mutating func run(_ apply: (LogRecord, [UInt8]) throws(SiltstoneError) -> Void)
        throws(SiltstoneError)
    {
        let numbers = try device.segments(of: incarnation)
        /// Segments of zeros only right before the one that is looked at.
        var unwritten: [UInt64] = []
        for (index, number) in numbers.enumerated() {
            if index > 0, numbers[index - 1] + 1 != number {
                throw SiltstoneError(
                    .corrupted, "log segment is missing number=\(numbers[index - 1] + 1)",
                    at: .init(file: device.name(incarnation, number - 1)))
            }
            let bytes = try device.read(incarnation, number)
            if LogSegmentReader.isUnwritten(bytes) {
                unwritten.append(number)
                continue
            }
            if !unwritten.isEmpty, let claim = firstClaim(number, bytes),
                let lost = unwritten.first(where: { $0 >= claim.segment })
            {
                // It was begun when `lost` had been and was not yet on the device: a power cut took that one whole. Who passes over
                // segments that were never used counts them as being there.
                try passOver(numbers[index...], after: LogPosition(segment: lost, offset: 0))
                return
            }
            unwritten = []
            segmentCount += 1
            if let offset = try runSegment(number, bytes, apply) {
                let place = LogPosition(segment: number, offset: UInt64(offset))
                try passOver(numbers[(index + 1)...], after: place)
                return
            }
        }
    }

    /// Replays one segment.
    ///
    /// - Returns: where it breaks off; `nil` when it ended with its mark.
    private mutating func runSegment(
        _ number: UInt64, _ bytes: [UInt8],
        _ apply: (LogRecord, [UInt8]) throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) -> Int? {
        guard var reader = try open(number, bytes) else {
            tornBytes += Self.writtenByteCount(bytes)
            return 0
        }
        while let record = reader.next() {
            try check(record.slot, number, record.offset)
            try apply(record, bytes)
            for section in record.sections {
                lastSequences[section.region] =
                    section.firstSequence + UInt64(max(1, section.operationCount)) - 1
            }
        }
        switch reader.end {
        case .marked(let offset):
            try check(reader.lastSlot, number, offset)
            return nil
        case .torn(let offset, let byteCount, let cause):
            guard TornTail.looksUnfinished(bytes, at: offset, header: reader.header) else {
                throw damage(number, offset, cause)
            }
            tornBytes += byteCount
            return offset
        case .damaged(let offset, let cause):
            guard isHole(offset, reader) else { throw damage(number, offset, cause) }
            tornBytes += max(0, Self.writtenByteCount(bytes) - offset)
            return offset
        case .clean(let offset): return offset
        case nil: return bytes.count
        }
    }

    private static func writtenByteCount(_ bytes: [UInt8]) -> Int {
        (bytes.lastIndex { $0 != 0 } ?? -1) + 1
    }

    /// Up to where the log was on the device by the first record of a segment.
    private func firstClaim(_ number: UInt64, _ bytes: [UInt8]) -> LogPosition? {
        guard var probe = probe(number, bytes) else { return nil }
        if let first = probe.next() { return first.durable }
        return probe.lastSlot > 0 ? probe.durable : nil
    }

    /// A reader of a segment's records, whatever became of its header.
    private func probe(_ number: UInt64, _ bytes: [UInt8]) -> LogSegmentReader? {
        let header = LogSegmentHeader(incarnation: incarnation, segment: number).encoded()
        guard bytes.count > header.count else { return nil }
        return try? LogSegmentReader(header + bytes[header.count...])
    }

    /// Whether a place before valid records is where a power cut left out sectors of what was given to the system but not yet
    /// forced to the device: then nothing from there on was acknowledged as being there.
    private func isHole(_ offset: Int, _ reader: LogSegmentReader) -> Bool {
        guard !LogSegmentReader.isRecord(reader.bytes, at: offset, reader.header),
            let next = reader.whatFollows(damageAt: offset)
        else { return false }
        let place = LogPosition(segment: reader.header.segment, offset: UInt64(offset))
        return next.durable <= place
            && TornTail.lacksSector(reader.bytes, offset..<next.offset)
    }

    /// A reader of the segment; `nil` when its first write was never finished.
    private func open(_ number: UInt64, _ bytes: [UInt8]) throws(SiltstoneError)
        -> LogSegmentReader?
    {
        let expected = LogSegmentHeader(incarnation: incarnation, segment: number)
        do throws(DecodingError) {
            let reader = try LogSegmentReader(bytes)
            guard reader.header == expected else {
                throw DecodingError(
                    offset: 12, "log segment is another's segment=\(reader.header.segment)")
            }
            return reader
        } catch {
            // The header goes out with the first record: if one is there, the header was, too.
            let header = expected.encoded()
            if bytes.count > header.count,
                var probe = try? LogSegmentReader(header + bytes[header.count...])
            {
                if probe.next() != nil { throw damage(number, error.offset, error) }
                if case .damaged = probe.end {
                    // Unless the sector of the header lacks, with all that was written to it.
                    let next = probe.whatFollows(damageAt: header.count)
                    guard let next, next.durable <= LogPosition(segment: number, offset: 0),
                        TornTail.lacksSector(bytes, 0..<next.offset),
                        bytes[..<header.count].allSatisfy({ $0 == 0 })
                    else { throw damage(number, error.offset, error) }
                    return nil
                }
                if !TornTail.looksUnfinished(bytes, at: 0, byteCount: header.count) {
                    throw damage(number, error.offset, error)
                }
            }
            return nil
        }
    }

    private mutating func check(_ slot: UInt64, _ number: UInt64, _ offset: Int)
        throws(SiltstoneError)
    {
        if let lastSlot, slot != lastSlot + 1 {
            throw damage(
                number, offset,
                DecodingError(offset: offset, "log record is missing slot=\(lastSlot + 1)"))
        }
        lastSlot = slot
    }

    /// Leaves out what later segments hold, and counts it, since the log breaks off at a place before them.
    ///
    /// - Throws: when one of their records says that the log was on the device beyond that place.
    private mutating func passOver(_ numbers: ArraySlice<UInt64>, after place: LogPosition)
        throws(SiltstoneError)
    {
        for later in numbers {
            let bytes = try device.read(incarnation, later)
            if LogSegmentReader.isUnwritten(bytes) { continue }
            tornBytes += Self.writtenByteCount(bytes)
            guard var probe = probe(later, bytes) else { continue }
            while probe.next() != nil {}
            var reach = probe.durable
            if case .damaged(let offset, _) = probe.end,
                let more = probe.whatFollows(damageAt: offset)
            {
                reach = max(reach, more.durable)
            }
            guard reach > place else { continue }
            throw damage(
                place.segment, Int(clamping: place.offset),
                DecodingError(
                    offset: Int(clamping: place.offset),
                    "log breaks off here, but segment \(later) was written when it did not"))
        }
    }

    private func damage(_ number: UInt64, _ offset: Int?, _ cause: DecodingError) -> SiltstoneError
    {
        let sequences = lastSequences.sorted { $0.key < $1.key }.prefix(8)
            .map { "\($0.key):\($0.value)" }.joined(separator: ",")
        return SiltstoneError(
            .corrupted,
            "log is damaged, opening would lose acknowledged writes: \(cause.message) "
                + "last_good_slot=\(lastSlot ?? 0) last_good_sequences=\(sequences)",
            at: .init(file: device.name(incarnation, number), offset: offset))
    }
}
