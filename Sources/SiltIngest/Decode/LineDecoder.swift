internal import SiltModel

/// Decodes formats of one record a line: Influx line protocol, and logs whose lines fit a pattern.
///
/// Blank lines are skipped; a line that does not fit is a failure and costs only itself.
struct LineDecoder {
    /// How a line is read.
    enum Kind {
        case lineProtocol(LineProtocol)
        case pattern(LinePattern)
    }

    private let kind: Kind

    /// A decoder of lines of a kind.
    init(_ kind: Kind) { self.kind = kind }

    /// Decodes the whole lines of the block, which ends at `end`; a line without its newline is left for the next block.
    func decode(_ batch: inout RecordBatch, end: Int, recordBytesMax: Int) {
        var bytes: [UInt8] = []
        swap(&bytes, &batch.texts.bytes)
        var scratch = LineScratch(start: bytes.count)
        var index = batch.restStart
        while let newline = bytes[index..<end].firstIndex(of: 0x0a) {
            var last = newline
            if last > index, bytes[last - 1] == 0x0d { last -= 1 }
            let line = index..<last
            index = newline + 1
            guard !isEmpty(bytes, line) else { continue }
            let row = batch.append(start: line.lowerBound, end: line.upperBound)
            if line.count > recordBytesMax {
                batch.fail("line is longer than \(recordBytesMax) bytes")
                continue
            }
            let reason: String?
            switch kind {
            case .lineProtocol(let format):
                reason = format.read(bytes, line, &batch.slots, row, &scratch)
            case .pattern(let format): reason = format.read(bytes, line, &batch.slots, row)
            }
            if let reason { batch.fail(reason) }
        }
        batch.restStart = index
        bytes.append(contentsOf: scratch.bytes)
        swap(&bytes, &batch.texts.bytes)
    }

    private func isEmpty(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
        guard let first = bytes[line].first(where: { $0 != 0x20 && $0 != 0x09 }) else {
            return true
        }
        if case .lineProtocol = kind { return first == 0x23 }
        return false
    }
}

/// Text without its escapes, which is placed behind the block.
struct LineScratch {
    /// Where the first byte will stand in the buffer.
    let start: Int
    /// The texts.
    private(set) var bytes: [UInt8] = []

    /// No text yet.
    init(start: Int) { self.start = start }

    /// Adds a text; what stands in its place.
    mutating func add(_ text: [UInt8], tag: UInt8 = Datum.Tag.text) -> Datum {
        let offset = start + bytes.count
        bytes += text
        return Datum(textAt: offset, count: text.count, tag: tag)
    }
}
