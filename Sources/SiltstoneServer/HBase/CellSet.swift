import SiltBytes
import SiltModel

/// Rows and cells as HBase's JSON writes them, base 64 for keys, columns and values.
enum CellSet {
    /// A row of a request's body.
    struct BodyRow {
        var key: Bytes?
        var cells: [BodyCell]
    }

    /// A cell of a request's body.
    struct BodyCell {
        var column: Bytes?
        var timestamp: Int64?
        var value: Bytes
    }

    /// Appends `{"key":…,"Cell":[…]}`.
    static func append(_ row: Row, to text: inout [UInt8]) {
        append(key: row.key, cells: row.cells[...], to: &text)
    }

    /// Appends a part of a row's cells as a row of its own.
    static func append(key: Bytes, cells: ArraySlice<Cell>, to text: inout [UInt8]) {
        text.append(contentsOf: #"{"key":""#.utf8)
        Base64.encode(key.array, into: &text)
        text.append(contentsOf: #"","Cell":["#.utf8)
        for (index, cell) in cells.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text.append(contentsOf: #"{"column":""#.utf8)
            Base64.encode(
                Array(cell.column.family.utf8) + [UInt8(ascii: ":")] + cell.column.qualifier.array,
                into: &text)
            text.append(contentsOf: #"","timestamp":"#.utf8)
            JSONWriter.append(cell.timestamp, to: &text)
            text.append(contentsOf: #","$":""#.utf8)
            Base64.encode(cell.value.array, into: &text)
            text.append(contentsOf: #""}"#.utf8)
        }
        text.append(contentsOf: "]}".utf8)
    }

    /// `{"Row":[…]}`.
    static func encode(_ rows: [Row]) -> [UInt8] {
        var text = Array(#"{"Row":["#.utf8)
        for (index, row) in rows.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            append(row, to: &text)
        }
        text.append(contentsOf: "]}".utf8)
        return text
    }

    /// Reads `{"Row":[…]}`.
    ///
    /// A time stamp may be a number or a string, as some clients send it.
    static func decode(_ body: [UInt8]) throws(SiltstoneError) -> [BodyRow] {
        let document: JSONValue
        do { document = try JSONValue(parsing: body) } catch {
            throw SiltstoneError(.invalidArgument, "body is not JSON: \(error)")
        }
        guard document.objectValue != nil else {
            throw SiltstoneError(.invalidArgument, "body is not an object with rows")
        }
        var rows: [BodyRow] = []
        for row in document["Row"]?.arrayValue ?? [] {
            var cells: [BodyCell] = []
            for cell in row["Cell"]?.arrayValue ?? [] {
                cells.append(
                    BodyCell(
                        column: try bytes(cell["column"], "column"),
                        timestamp: try time(cell["timestamp"]),
                        value: try bytes(cell["$"], "value") ?? .empty))
            }
            rows.append(BodyRow(key: try bytes(row["key"], "key"), cells: cells))
        }
        return rows
    }

    private static func bytes(_ value: JSONValue?, _ name: String) throws(SiltstoneError) -> Bytes?
    {
        guard let value, !value.isNull else { return nil }
        guard let text = value.stringValue, let bytes = Base64.decode(text) else {
            throw SiltstoneError(.invalidArgument, "\(name) is not base 64")
        }
        return Bytes(bytes)
    }

    private static func time(_ value: JSONValue?) throws(SiltstoneError) -> Int64? {
        guard let value, !value.isNull else { return nil }
        guard let time = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }) else {
            throw SiltstoneError(.invalidArgument, "timestamp is not a number of milliseconds")
        }
        // HBase's clients write the largest number for "now".
        return time == .max ? nil : time
    }
}
