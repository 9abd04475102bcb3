import SiltBytes
import SiltFormat
import SiltModel

extension FileWords {
    /// A table file: properties, blocks, and cells when asked for.
    func printTable(_ file: TableFileBytes) throws(SiltstoneError) {
        let own = file.properties
        line("table file \(file.footer.fileID), \(file.bytes.count) bytes")
        line("table \(own.table), region \(own.region), family \(own.family)")
        line("created \(Moment.text(own.createdMilliseconds))")
        line(
            "\(own.entryCount) entries, of which \(own.markerCount) delete markers"
                + " (\(own.familyMarkerCount) of whole families)"
                + (own.versionMarkerCount == own.markerCount
                    ? "" : ", \(own.versionMarkerCount) of single versions"))
        if own.entryCount > 0 {
            line("time stamps \(own.minTimestamp)…\(own.maxTimestamp)")
            line("sequences \(own.minSequence)…\(own.maxSequence)")
            line("first key \(Hex.encode(own.smallest))")
            line("last key \(Hex.encode(own.largest))")
        }
        line(
            "\(own.blockCount) blocks of about \(own.blockBytes) bytes, codec \(own.codec):"
                + " \(own.rawByteCount) bytes, \(own.storedByteCount) stored")
        line("index at \(file.footer.index.offset), \(file.footer.index.byteCount) bytes")
        line(
            file.filter == nil
                ? "no filter"
                : "filter at \(file.footer.filter.offset), \(file.footer.filter.byteCount) bytes")
        for (number, entry) in file.entries.enumerated() {
            line(
                "block \(number) at \(entry.offset): \(entry.entryCount) entries,"
                    + " \(entry.markerCount) markers, \(entry.rawByteCount) bytes,"
                    + " \(entry.storedByteCount) stored")
            let cells = try file.cells(ofBlock: number)
            if showsCells { for cell in cells { line("  \(cell.words())") } }
        }
    }

    /// A log segment: its records, and their operations when asked for.
    func printLog() throws(SiltstoneError) {
        var reader = try located(name, 0) { () throws(DecodingError) in try LogSegmentReader(bytes)
        }
        line("log segment \(reader.header.segment) of incarnation \(reader.header.incarnation)")
        while let record = reader.next() {
            line(
                "record \(record.slot) at \(record.offset): \(record.end - record.offset) bytes,"
                    + " \(record.sections.count) regions; on the device then: segment"
                    + " \(record.durable.segment) up to \(record.durable.offset)")
            for section in record.sections {
                line(
                    "  region \(section.region): \(section.operationCount) operations from sequence"
                        + " \(section.firstSequence), server time \(section.serverTimestamp)")
                if showsCells { try printOperations(section) }
            }
        }
        switch reader.end {
        case .marked(let offset): line("end mark before \(offset)")
        case .torn(let offset, let byteCount, let cause):
            line(
                "torn tail at \(offset), \(byteCount) bytes of a batch never acknowledged: \(cause.message)"
            )
        case .damaged(let offset, let cause):
            throw SiltstoneError(.corrupted, cause.message, at: .init(file: name, offset: offset))
        case .clean(let offset): line("nothing after \(offset)")
        case nil: break
        }
    }

    private func printOperations(_ section: LogRecord.Section) throws(SiltstoneError) {
        try located(name, 0) { () throws(DecodingError) in
            var operations = OperationReader(bytes, range: section.range)
            var sequence = section.firstSequence
            while let operation = try operations.next() {
                let cell = StoredCell(
                    columnKey: Array(bytes[operation.key]),
                    timestamp: operation.timestamp ?? section.serverTimestamp, type: operation.type,
                    flags: operation.flags, sequence: sequence, value: Array(bytes[operation.value])
                )
                line("    family \(operation.family): \(cell.words())")
                sequence &+= 1
            }
        }
    }
}
