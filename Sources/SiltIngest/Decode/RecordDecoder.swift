internal import SiltModel

/// Decodes blocks of one format, and gets past lines that are too long to be kept in memory.
struct RecordDecoder {
    private enum Format {
        case json(JSONLinesDecoder)
        case delimited(DelimitedDecoder)
        case lines(LineDecoder)
    }

    /// The longest record, in bytes; a longer one is bad.
    static let recordBytesMax = 4 << 20
    /// How much of a bad record is kept, in bytes.
    static let rawBytesMax = 64 << 10

    private var format: Format
    private var isSkippingLine = false
    private let recordBytesMax: Int
    /// Reads into columns what need not be rows.
    private let scan: ColumnScan?

    /// A decoder for a job's format and the fields it reads, by slot.
    ///
    /// With a plan, records may come as columns instead of rows of slots.
    init(
        _ format: JobDefinition.Format, paths: [[String]], nullTexts: [String] = [],
        columns: [String]? = nil, numberSlots: Set<Int> = [], columnPlan: ColumnPlan? = nil,
        pattern: String? = nil, recordBytesMax: Int = RecordDecoder.recordBytesMax
    ) {
        self.recordBytesMax = recordBytesMax
        scan = columnPlan.map { ColumnScan($0) }
        switch format {
        case .ndjson: self.format = .json(JSONLinesDecoder(paths: paths, scan: scan))
        case .csv, .tsv:
            self.format = .delimited(
                DelimitedDecoder(
                    delimiter: format == .csv ? 0x2c : 0x09, paths: paths, nullTexts: nullTexts,
                    columns: columns, numberSlots: numberSlots, scan: scan))
        case .lineProtocol:
            self.format = .lines(LineDecoder(.lineProtocol(LineProtocol(paths: paths))))
        case .regex:
            // A job whose pattern is none was refused when it was read; nothing fits the empty one.
            let fitting = LinePattern(pattern ?? "", paths: paths, nullTexts: nullTexts)
            self.format =
                fitting.map { .lines(LineDecoder(.pattern($0))) }
                ?? .json(JSONLinesDecoder(paths: paths))
        }
    }

    /// The column names of the current file, for formats that have them.
    var header: [String]? {
        if case .delimited(let decoder) = format { decoder.header } else { nil }
    }

    /// Begins a file; `header` is what its header said when reading goes on in its middle.
    mutating func beginFile(_ file: String, header: [String]?) throws(SiltstoneError) {
        isSkippingLine = false
        guard case .delimited(var decoder) = format else { return }
        try decoder.beginFile(file)
        if let header { try decoder.setHeader(header, file: file) }
        format = .delimited(decoder)
    }

    /// Whether the decoder is between records, so that reading can go on here from a checkpoint.
    var isBetweenRecords: Bool { !isSkippingLine }

    /// Goes on within a line that is too long.
    mutating func skipLine() { isSkippingLine = true }

    /// Decodes the records of the block that are whole; `end` is where it ends.
    ///
    /// With `isFinal`, all of them.
    mutating func decode(_ batch: inout RecordBatch, end blockEnd: Int, isFinal: Bool, file: String)
        throws(SiltstoneError)
    {
        var end = blockEnd
        if isSkippingLine {
            guard let newline = batch.texts.bytes[batch.restStart..<end].firstIndex(of: 0x0a) else {
                batch.restStart = end
                return
            }
            batch.restStart = newline + 1
            isSkippingLine = false
        }
        scan?.beginBlock()
        let needsNewline = isFinal && end > batch.restStart && batch.texts.bytes[end - 1] != 0x0a
        switch format {
        case .json(var decoder):
            if needsNewline {
                batch.texts.bytes.append(0x0a)
                end += 1
            }
            batch.texts.bytes.append(contentsOf: RecordDecoder.padding)
            decoder.decode(&batch, end: end, recordBytesMax: recordBytesMax)
            format = .json(decoder)
        case .lines(let decoder):
            if needsNewline {
                batch.texts.bytes.append(0x0a)
                end += 1
            }
            decoder.decode(&batch, end: end, recordBytesMax: recordBytesMax)
        case .delimited(var decoder):
            batch.texts.bytes.append(contentsOf: RecordDecoder.padding)
            try decoder.decode(
                &batch, end: end, isFinal: isFinal, recordBytesMax: recordBytesMax, file: file)
            format = .delimited(decoder)
        }
        let start = batch.restStart
        if blockEnd - start > recordBytesMax, !batch.texts.bytes[start..<blockEnd].contains(0x0a) {
            batch.append(
                failure: "line is longer than \(recordBytesMax) bytes", start: start,
                end: min(blockEnd, start + RecordDecoder.rawBytesMax))
            batch.restStart = blockEnd
            isSkippingLine = true
        }
    }

    /// What the scanners of plain records may read beyond the block.
    private static let padding = [UInt8](repeating: 0, count: 64)
}
