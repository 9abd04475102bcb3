import SiltBytes
import SiltModel

/// Mutations from lines of CSV (RFC 4180): the first line names the columns, `row` and `ts` among them.
struct CSVRows {
    private enum Field {
        case row
        case timestamp
        case column(Column)
    }

    private var header: [Field]?

    /// The mutation of a record; `nil` for the header.
    ///
    /// - Throws: what is wrong with the record; with the header, when there is none yet.
    mutating func mutation(_ record: [UInt8]) throws(SiltstoneError) -> RowMutation? {
        let texts = try Self.fields(record)
        guard let header else {
            header = try Self.header(texts)
            return nil
        }
        guard texts.count == header.count else {
            throw SiltstoneError(
                .invalidArgument,
                "line has another number of fields than the first count=\(texts.count)"
                    + " wanted=\(header.count)")
        }
        var row = Bytes.empty
        var timestamp: Int64?
        var values: [(Column, Bytes)] = []
        for (field, text) in zip(header, texts) where !text.bytes.isEmpty || text.isQuoted {
            switch field {
            case .row: row = Bytes(text.bytes)
            case .timestamp:
                let word = String(decoding: text.bytes, as: UTF8.self)
                guard let number = Int64(word), number >= 0 else {
                    throw SiltstoneError(
                        .invalidArgument, "ts is not a number of milliseconds value=\(word)")
                }
                timestamp = number
            case .column(let column): values.append((column, Bytes(text.bytes)))
            }
        }
        guard !row.isEmpty else { throw SiltstoneError(.invalidArgument, "row is empty") }
        guard !values.isEmpty else { throw SiltstoneError(.invalidArgument, "line has no values") }
        return RowMutation(
            row: row,
            changes: values.map {
                CellMutation(
                    $0.0, .put(value: $0.1, timeToLiveMilliseconds: nil), timestamp: timestamp)
            })
    }

    /// Whether the header was read.
    var hasHeader: Bool { header != nil }

    private static func header(
        _ texts: [(bytes: [UInt8], isQuoted: Bool)]
    ) throws(SiltstoneError) -> [Field] {
        var fields: [Field] = []
        var rows = 0
        for text in texts {
            let name = String(decoding: text.bytes, as: UTF8.self)
            switch name {
            case "row":
                fields.append(.row)
                rows += 1
            case "ts": fields.append(.timestamp)
            default: fields.append(.column(try RowJSON.column(name)))
            }
        }
        guard rows == 1 else {
            throw SiltstoneError(.invalidArgument, "the first line names one column row")
        }
        return fields
    }

    private static func fields(
        _ record: [UInt8]
    ) throws(SiltstoneError) -> [(bytes: [UInt8], isQuoted: Bool)] {
        var fields: [(bytes: [UInt8], isQuoted: Bool)] = []
        var index = 0
        while true {
            if index < record.count, record[index] == 0x22 {
                fields.append((try quoted(record, &index), true))
            } else {
                let end = record[index...].firstIndex(of: 0x2c) ?? record.count
                fields.append((Array(record[index..<end]), false))
                index = end
            }
            guard index < record.count else { return fields }
            guard record[index] == 0x2c else {
                throw SiltstoneError(.invalidArgument, "text goes on after a quoted field")
            }
            index += 1
        }
    }

    private static func quoted(_ record: [UInt8], _ index: inout Int) throws(SiltstoneError)
        -> [UInt8]
    {
        var text: [UInt8] = []
        index += 1
        while index < record.count {
            let byte = record[index]
            index += 1
            guard byte == 0x22 else {
                text.append(byte)
                continue
            }
            guard index < record.count, record[index] == 0x22 else { return text }
            text.append(0x22)
            index += 1
        }
        throw SiltstoneError(.invalidArgument, "quoted field has no end")
    }
}
