/// Decodes newline-delimited JSON: one object a line, blank lines skipped, everything else is a failure.
struct JSONLinesDecoder {
    private let tree: FieldTree
    private var layout = MemberLayout()
    private let scan: ColumnScan?
    private let columnFields: ColumnFields?

    /// A decoder of the fields whose paths are given, by slot.
    ///
    /// With a scan, lines may become columns instead of rows.
    init(paths: [[String]], scan: ColumnScan? = nil) {
        tree = FieldTree(paths)
        self.scan = scan
        columnFields = scan.flatMap { ColumnFields($0.plan) { $0 } }
    }

    /// Decodes the whole lines of the block, which ends at `end` and is followed by at least 16 bytes (64 when lines may be
    /// columns); a line without a newline at its end is left for the next block.
    mutating func decode(_ batch: inout RecordBatch, end: Int, recordBytesMax: Int) {
        guard let last = batch.texts.bytes[batch.restStart..<end].lastIndex(of: 0x0a) else {
            return
        }
        let stop = last + 1
        let start = batch.restStart
        let scratchStart = batch.texts.bytes.count
        var bytes: [UInt8] = []
        swap(&bytes, &batch.texts.bytes)
        // Safety: `bytes` is not changed while its buffer is used; its last line ends with a newline before `stop`, and
        // as many bytes as the scans may read beyond are within it by the caller's contract.
        precondition(stop + (scan == nil ? 16 : 64) <= bytes.count)
        let scratch = unsafe bytes.withUnsafeBufferPointer { buffer -> [UInt8] in
            guard let base = buffer.baseAddress else { return [] }
            var scanner = unsafe JSONLineScanner(
                base, start: start, scratchStart: scratchStart, tree: tree, layout: layout)
            decode(&scanner, &batch, stop: stop, recordBytesMax: recordBytesMax)
            layout = scanner.learnedLayout
            return scanner.scratch
        }
        bytes.append(contentsOf: scratch)
        swap(&bytes, &batch.texts.bytes)
        batch.restStart = stop
    }

    private func decode(
        _ scanner: inout JSONLineScanner, _ batch: inout RecordBatch, stop: Int, recordBytesMax: Int
    ) {
        var room = 8
        // How many lines are scanned one by one before plain ones are looked for again: more and more while there are none.
        var pause = 0
        var pauseLength = 0
        while scanner.index < stop {
            if pause == 0 {
                let place = scanner.index
                if let scan, let columnFields {
                    room = scanner.scanColumns(
                        &batch, scan, columnFields, stop: stop, limit: recordBytesMax)
                }
                let taken = scanner.scanPlainLines(
                    &batch, room: room, stop: stop, limit: recordBytesMax)
                if taken == room {
                    room = min(room * 4, 4096)
                    continue
                }
                room = 8
                pauseLength = scanner.index > place ? 0 : min(pauseLength * 2 + 1, 63)
                pause = pauseLength
                if scanner.index == stop { return }
            } else {
                pause -= 1
            }
            JSONLinesDecoder.scanLine(&scanner, &batch, recordBytesMax: recordBytesMax)
        }
    }

    private static func scanLine(
        _ scanner: inout JSONLineScanner, _ batch: inout RecordBatch, recordBytesMax: Int
    ) {
        let start = scanner.index
        scanner.skipSpace()
        if scanner.byte == 0x0a {
            scanner.index += 1
            return
        }
        let row = batch.append(start: start, end: start)
        var slots = batch.slots.mutableSpan
        let isGood = scanner.scanLine(&slots, row)
        let place = scanner.index
        if !isGood { scanner.skipToNewline() }
        let end = scanner.index
        batch.ends[batch.ends.count - 1] = end
        if !isGood {
            batch.fail("\(scanner.fault.rawValue) at byte \(place - start)")
        } else if end - start > recordBytesMax {
            batch.fail("line is longer than \(recordBytesMax) bytes")
        }
        scanner.index += 1
    }
}
