internal import CSiltstone
internal import SiltModel

/// Decodes CSV and TSV: RFC 4180 quotes with line breaks inside them, a header row, LF or CRLF, blank lines skipped.
///
/// An empty field is null. A record whose number of fields is not the header's is a failure. A quote that is never
/// closed costs one line: decoding goes on at the next one.
struct DelimitedDecoder {
    private let delimiter: UInt8
    private let paths: [[String]]
    private let nullTexts: [[UInt8]]
    /// The columns of files that have no header row.
    private let columns: [String]?
    /// The names of the columns, once the header was read.
    private(set) var header: [String]?
    /// The slot of each column, or -1.
    private var slots: [Int] = []
    /// The same for the scan of plain records.
    private var targets: [silt_column] = []
    /// The slots out of which nothing but numbers are read.
    private let numberSlots: Set<Int>
    /// Reads into columns what need not be rows, and which fields those are of; `nil` when all are to be rows.
    private let scan: ColumnScan?
    private var columnFields: ColumnFields?

    /// A decoder of the fields whose paths are given, by slot.
    init(
        delimiter: UInt8, paths: [[String]], nullTexts: [String], columns: [String]? = nil,
        numberSlots: Set<Int> = [], scan: ColumnScan? = nil
    ) {
        self.scan = scan
        self.numberSlots = numberSlots
        self.columns = columns
        self.delimiter = delimiter
        self.paths = paths
        self.nullTexts = nullTexts.map { Array($0.utf8) }.filter { !$0.isEmpty }
    }

    /// Forgets the header: the next record is one, unless the job names the columns.
    mutating func beginFile(_ file: String) throws(SiltstoneError) {
        header = nil
        if let columns { try setHeader(columns, file: file) }
    }

    /// Takes a header that was read before.
    ///
    /// - Throws: `invalidArgument` when a wanted field is not in it.
    mutating func setHeader(_ names: [String], file: String) throws(SiltstoneError) {
        slots = Array(repeating: -1, count: names.count)
        for (slot, path) in paths.enumerated() {
            let name = path.joined(separator: ".")
            guard let column = names.lastIndex(of: name) else {
                throw SiltstoneError(
                    .invalidArgument,
                    "header has no column '\(name)', which the job reads columns=\(names.joined(separator: ","))",
                    at: .init(file: file))
            }
            slots[column] = slot
        }
        targets = slots.map {
            silt_column(slot: Int32($0), is_number: numberSlots.contains($0) ? 1 : 0)
        }
        columnFields = nil
        if let plan = scan?.plan, numberSlots.isSuperset(of: plan.argumentSlots + [plan.timeSlot]) {
            columnFields = ColumnFields(plan) { slots.firstIndex(of: $0) }
        }
        header = names
    }

    /// Decodes the whole records of the block, which ends at `end` and is followed by at least 16 bytes (64 when
    /// records may be columns); a record that may go on is left for the next block.
    mutating func decode(
        _ batch: inout RecordBatch, end: Int, isFinal: Bool, recordBytesMax: Int, file: String
    )
        throws(SiltstoneError)
    {
        var bytes: [UInt8] = []
        swap(&bytes, &batch.texts.bytes)
        defer { swap(&bytes, &batch.texts.bytes) }
        if header != nil, nullTexts.isEmpty {
            decodePlain(&batch, bytes, end: end, recordBytesMax: recordBytesMax)
        }
        var scanner = DelimitedScanner(
            index: batch.restStart, end: end, delimiter: delimiter, scratchStart: bytes.count)
        while scanner.index < end {
            if header == nil {
                guard
                    try readHeader(
                        &scanner, bytes, isFinal: isFinal, limit: recordBytesMax, file: file)
                else { break }
                continue
            }
            let start = scanner.index
            if scanner.skipBlankLine(bytes) { continue }
            let row = batch.append(start: start, end: start)
            let outcome = scanRecord(&scanner, bytes, &batch, row, isFinal: isFinal)
            if case .record = outcome, nullTexts.isEmpty, scanner.index < end {
                finish(&batch, &scanner, outcome, bytes, start: start, limit: recordBytesMax)
                batch.restStart = scanner.index
                decodePlain(&batch, bytes, end: end, recordBytesMax: recordBytesMax)
                scanner.index = batch.restStart
                continue
            }
            let isWhole =
                switch outcome {
                case .record: true
                case .incomplete:
                    end - start > recordBytesMax && scanner.hasNewline(bytes, from: start)
                case .textAfterQuote, .openQuote: isFinal || scanner.hasNewline(bytes, from: start)
                }
            if !isWhole {
                batch.removeLast()
                scanner.index = start
                break
            }
            finish(&batch, &scanner, outcome, bytes, start: start, limit: recordBytesMax)
        }
        batch.restStart = scanner.index
        bytes.append(contentsOf: scanner.scratch)
    }

    /// Decodes records up to the first that holds a quote or is not whole, or is blank or wrong.
    private func decodePlain(
        _ batch: inout RecordBatch, _ bytes: [UInt8], end: Int, recordBytesMax: Int
    ) {
        if let scan, let columnFields {
            while batch.restStart < end {
                let rows = scanColumns(
                    &batch, bytes, scan, columnFields, end: end, limit: recordBytesMax)
                let taken = scanPlain(&batch, bytes, rows, end: end, limit: recordBytesMax)
                if taken < rows { return }
            }
            return
        }
        // Few rows at first: where every other record has quotes, each call takes one.
        var room = 8
        while true {
            let taken = scanPlain(&batch, bytes, room, end: end, limit: recordBytesMax)
            if taken < room { return }
            room = min(room * 4, 4096)
        }
    }

    /// Decodes records into columns up to one that is none of those; how many should be rows then.
    private func scanColumns(
        _ batch: inout RecordBatch, _ bytes: [UInt8], _ scan: ColumnScan, _ fields: ColumnFields,
        end: Int, limit: Int
    ) -> Int {
        let fieldCount = slots.count
        var next = batch.restStart
        precondition(next <= end && end + 64 <= bytes.count)
        // Safety: `bytes` is not changed while its buffer is used, and 64 of them follow `end`; the columns have the room
        // that is asked for.
        let rows = unsafe scan.append(to: &batch, fields) { columns, keys, room in
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe silt_csv_columns(
                    buffer.baseAddress, next, end, delimiter, fieldCount, limit, &columns, &keys,
                    room, &next)
            }
        }
        batch.restStart = next
        return rows
    }

    /// Decodes up to `room` plain records; how many there were.
    private func scanPlain(
        _ batch: inout RecordBatch, _ bytes: [UInt8], _ room: Int, end: Int, limit: Int
    ) -> Int {
        let start = batch.restStart
        let slotCount = batch.slotCount
        var next = start
        precondition(start <= end && end + 16 <= bytes.count)
        // Safety: `bytes` is not changed while its buffer is used, and 16 of them follow `end`; the rows have room for all
        // slots, which the targets' are.
        let taken = batch.append(room) { rows in
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe targets.withUnsafeBufferPointer { targets in
                    unsafe silt_csv_rows(
                        buffer.baseAddress, start, end, delimiter, targets.baseAddress,
                        targets.count, limit, rows.slots, slotCount, rows.starts, rows.ends, room,
                        &next)
                }
            }
        }
        batch.restStart = next
        return taken
    }

    private func finish(
        _ batch: inout RecordBatch, _ scanner: inout DelimitedScanner,
        _ outcome: DelimitedScanner.Outcome,
        _ bytes: [UInt8], start: Int, limit: Int
    ) {
        switch outcome {
        case .record(let count, let hasHighBytes):
            batch.ends[batch.ends.count - 1] = scanner.recordEnd
            if scanner.recordEnd - start > limit {
                batch.fail("record is longer than \(limit) bytes")
            } else if count != slots.count {
                batch.fail("record has \(count) fields where the header has \(slots.count)")
            } else if hasHighBytes, !DelimitedScanner.isUTF8(bytes, start..<scanner.recordEnd) {
                batch.fail("record is not UTF-8")
            }
        case .textAfterQuote:
            scanner.index = start
            scanner.skipLine(bytes)
            batch.ends[batch.ends.count - 1] = scanner.recordEnd
            batch.fail("text goes on after a closing quote")
        case .incomplete, .openQuote:
            scanner.index = start
            scanner.skipLine(bytes)
            batch.ends[batch.ends.count - 1] = scanner.recordEnd
            batch.fail("quote is never closed")
        }
    }

    private mutating func readHeader(
        _ scanner: inout DelimitedScanner, _ bytes: [UInt8], isFinal: Bool, limit: Int, file: String
    ) throws(SiltstoneError) -> Bool {
        let start = scanner.index
        if scanner.skipBlankLine(bytes) { return true }
        var names: [String] = []
        while true {
            let field = scanner.scanField(bytes, isFinal: isFinal)
            guard let field else {
                guard !isFinal, scanner.end - start <= limit else {
                    throw SiltstoneError(
                        .invalidArgument, "header row is damaged or too long",
                        at: .init(file: file, offset: start))
                }
                scanner.index = start
                return false
            }
            let raw = field.isScratch ? scanner.scratch[field.range] : bytes[field.range]
            names.append(String(decoding: raw, as: UTF8.self))
            if field.endsRecord { break }
        }
        try setHeader(names, file: file)
        return true
    }

    private func scanRecord(
        _ scanner: inout DelimitedScanner, _ bytes: [UInt8], _ batch: inout RecordBatch, _ row: Int,
        isFinal: Bool
    ) -> DelimitedScanner.Outcome {
        var column = 0
        scanner.highBits = 0
        while true {
            guard let field = scanner.scanField(bytes, isFinal: isFinal) else {
                return scanner.problem
            }
            if column < slots.count, slots[column] >= 0 {
                batch.slots[row &+ slots[column]] = datum(field, scanner, bytes)
            }
            column &+= 1
            if field.endsRecord {
                return .record(count: column, hasHighBytes: scanner.highBits & 0x80 != 0)
            }
        }
    }

    @inline(__always)
    private func datum(
        _ field: DelimitedScanner.Field, _ scanner: DelimitedScanner, _ bytes: [UInt8]
    ) -> Datum {
        let count = field.range.count
        if count == 0 { return .null }
        if !nullTexts.isEmpty {
            let raw = field.isScratch ? scanner.scratch[field.range] : bytes[field.range]
            if nullTexts.contains(where: { $0.elementsEqual(raw) }) { return .null }
        }
        let offset = field.range.lowerBound &+ (field.isScratch ? scanner.scratchStart : 0)
        return Datum(textAt: offset, count: count, tag: Datum.Tag.untyped)
    }
}
