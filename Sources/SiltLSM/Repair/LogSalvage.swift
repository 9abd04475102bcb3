internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel

/// What can be read of the log of an ended server run whose bytes are damaged before its end.
struct LogSalvage {
    /// The good records of one old segment.
    private struct Part {
        var bytes: [UInt8]
        var records: [[LogRecord.Section]]
    }

    /// What is lost, a line each: the damaged places, and the sequences that lack between good records.
    private(set) var losses: [String] = []
    /// The objects under which the old segments are to be kept, and the segments' numbers.
    private(set) var segments: [(number: UInt64, name: String)] = []

    private let device: any LogDevice
    private let incarnation: Identifier
    private var parts: [Part] = []
    /// The last sequence of each region: in its files by its manifest, or read.
    private var lastSequences: [Identifier: UInt64]

    /// Reads the log.
    ///
    /// - Parameter flushed: up to where each region's operations are in files for certain.
    init(_ device: any LogDevice, _ incarnation: Identifier, flushed: [Identifier: UInt64])
        throws(SiltstoneError)
    {
        self.device = device
        self.incarnation = incarnation
        lastSequences = flushed
        var before: UInt64?
        for number in try device.segments(of: incarnation) {
            let name = device.name(incarnation, number)
            if let before, before + 1 != number {
                losses.append("log segments \(before + 1) to \(number - 1) before \(name)")
            }
            before = number
            segments.append((number, name))
            let bytes = try device.read(incarnation, number)
            if !LogSegmentReader.isUnwritten(bytes) { readSegment(number, name, bytes) }
        }
    }

    private mutating func readSegment(_ number: UInt64, _ name: String, _ stored: [UInt8]) {
        var bytes = stored
        let header = LogSegmentHeader(incarnation: incarnation, segment: number)
        if (try? LogSegmentHeader(decoding: bytes)) != header {
            // Records do not need the header: their checksums bind what it says.
            losses.append("the header of \(name)")
            bytes = header.encoded() + bytes.dropFirst(LogSegmentHeader.byteCount)
        }
        guard var reader = try? LogSegmentReader(bytes) else { return }
        var part = Part(bytes: bytes, records: [])
        while true {
            while let record = reader.next() { take(record, name, &part) }
            let place: Int
            let cause: DecodingError
            switch reader.end {
            case .torn(let offset, _, let error), .damaged(let offset, let error):
                place = offset
                cause = error
            case .clean, .marked, nil:
                parts.append(part)
                return
            }
            let next = reader.whatFollows(damageAt: place)?.offset
            let end = next ?? (bytes.lastIndex { $0 != 0 } ?? place) + 1
            losses.append(
                "\(end - place) bytes at \(place) of \(name): \(cause.message) after sequences \(known)"
            )
            guard let next else {
                parts.append(part)
                return
            }
            reader.resume(at: next)
        }
    }

    private var known: String {
        lastSequences.sorted { $0.key < $1.key }.prefix(8)
            .map { "\($0.key):\($0.value)" }.joined(separator: ",")
    }

    private mutating func take(_ record: LogRecord, _ name: String, _ part: inout Part) {
        var kept: [LogRecord.Section] = []
        for section in record.sections where section.operationCount > 0 {
            let last = section.firstSequence &+ UInt64(section.operationCount) &- 1
            if let known = readTo[section.region], last <= known {
                // A repair before this one was cut short: it is here twice.
                continue
            }
            if let known = lastSequences[section.region], section.firstSequence > known,
                section.firstSequence - known > 1
            {
                losses.append(
                    "sequences \(known + 1) to \(section.firstSequence - 1) of region \(section.region)"
                        + " before \(name) offset \(record.offset)")
            }
            lastSequences[section.region] = max(lastSequences[section.region] ?? 0, last)
            readTo[section.region] = last
            kept.append(section)
        }
        if !kept.isEmpty { part.records.append(kept) }
    }

    private var readTo: [Identifier: UInt64] = [:]

    /// Writes the good records behind the old segments, under the same server run, and deletes those.
    ///
    /// Until then the log stays damaged, so that a repair that is cut short is begun again.
    func replace() throws(SiltstoneError) {
        guard let last = segments.last?.number else { return }
        var number = last + 1
        var slot: UInt64 = 1
        for part in parts where !part.records.isEmpty {
            try write(part, number, &slot)
            number += 1
        }
        try device.trim(incarnation, below: number == last + 1 ? .max : last + 1)
    }

    private func write(_ part: Part, _ number: UInt64, _ slot: inout UInt64)
        throws(SiltstoneError)
    {
        let encoder = LogRecordEncoder(incarnation: incarnation, segment: number)
        var output = LogSegmentHeader(incarnation: incarnation, segment: number).encoded()
        for sections in part.records {
            output += encoded(sections, part.bytes, encoder, slot: slot, at: output.count)
            slot += 1
        }
        let mark = UInt64(output.count)
        let durable = LogPosition(segment: number, offset: mark)
        var room = [UInt8](repeating: 0, count: LogRecordEncoder.endMarkByteCount)
        // Safety: the room has the size of an end mark.
        unsafe room.withUnsafeMutableBytes { place in
            if let start = place.baseAddress {
                _ = unsafe encoder.encodeEndMark(
                    slot: slot, offset: mark, durable: durable, to: start)
            }
        }
        slot += 1
        output += room
        let segment = try device.createSegment(incarnation, number, capacity: output.count)
        var failure: SiltstoneError?
        // Safety: the buffer is used only inside the closure.
        unsafe output.withUnsafeBytes { buffer in
            do throws(SiltstoneError) { try unsafe segment.append(buffer, durably: true) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        try segment.close()
    }

    private func encoded(
        _ sections: [LogRecord.Section], _ bytes: [UInt8], _ encoder: LogRecordEncoder,
        slot: UInt64, at offset: Int
    ) -> [UInt8] {
        let size = LogRecordEncoder.byteCount(
            sectionCount: sections.count,
            operationBytes: sections.reduce(0) { $0 + $1.range.count })
        var record = [UInt8](repeating: 0, count: size)
        // Safety: the ranges lie within the bytes, as the record's reader checked; the record has the size asked for.
        unsafe bytes.withUnsafeBytes { source in
            unsafe record.withUnsafeMutableBytes { place in
                guard let base = source.baseAddress, let start = place.baseAddress else { return }
                let parts = sections.map { section in
                    unsafe LogRecordEncoder.Section(
                        region: section.region, firstSequence: section.firstSequence,
                        serverTimestamp: section.serverTimestamp,
                        operations: OperationSpan(
                            start: base + section.range.lowerBound,
                            byteCount: section.range.count, count: section.operationCount,
                            families: FamilySet(), needsTimestamp: false))
                }
                _ = unsafe encoder.encode(
                    parts[...], slot: slot, offset: UInt64(offset),
                    durable: LogPosition(segment: encoder.segment, offset: UInt64(offset)),
                    to: start)
            }
        }
        return record
    }
}
