import SiltBytes
import SiltModel

/// A row of a request's body.
struct BodyRow {
    var key: Bytes?
    var cells: [BodyCell] = []
}

/// A cell of a request's body.
struct BodyCell {
    var column: Bytes?
    var timestamp: Int64?
    var value = Bytes.empty
}

/// Reads the rows of a body.
enum CellSetReader {
    /// The rows of a body in a representation; `nil` for one that has none.
    static func decode(_ body: [UInt8], _ type: MediaType) throws(SiltstoneError) -> [BodyRow]? {
        switch type {
        case .json: try json(body)
        case .xml: try xml(body)
        case .protobuf: try protobuf(body)
        case .binary, .text: nil
        }
    }

    // MARK: JSON

    /// Reads `{"Row":[…]}`; a lone row or cell may stand without its list.
    private static func json(_ body: [UInt8]) throws(SiltstoneError) -> [BodyRow] {
        let document = try JSONBody.parse(body)
        guard document.objectValue != nil else {
            throw SiltstoneError(.invalidArgument, "body is not an object with rows")
        }
        var rows: [BodyRow] = []
        for row in try JSONBody.list(document["Row"], "Row") {
            var cells: [BodyCell] = []
            for cell in try JSONBody.list(row["Cell"], "Cell") {
                cells.append(
                    BodyCell(
                        column: try JSONBody.bytes(cell["column"], "column"),
                        timestamp: try JSONBody.integer(cell["timestamp"], "timestamp").flatMap(
                            time),
                        value: try JSONBody.bytes(cell["$"], "value") ?? .empty))
            }
            rows.append(BodyRow(key: try JSONBody.bytes(row["key"], "key"), cells: cells))
        }
        return rows
    }

    // MARK: XML

    /// Reads `<CellSet><Row key="…"><Cell column="…" timestamp="…">…</Cell></Row></CellSet>`.
    private static func xml(_ body: [UInt8]) throws(SiltstoneError) -> [BodyRow] {
        var reader = XMLReader(body)
        var rows: [BodyRow] = []
        var path: [String] = []
        var text = ""
        while let event = try reader.next() {
            switch event {
            case .start(let name, let attributes):
                path.append(name)
                guard path[0] == "CellSet" else {
                    throw SiltstoneError(.invalidArgument, "body is not a CellSet element=\(name)")
                }
                text = ""
                if path == ["CellSet", "Row"] {
                    rows.append(BodyRow(key: try bytes(attributes, "key")))
                } else if path == ["CellSet", "Row", "Cell"] {
                    let column = try bytes(attributes, "column")
                    var stamp: Int64?
                    if let text = attributes.first(where: { $0.name == "timestamp" })?.value {
                        guard let number = Int64(text) else { throw wrong("timestamp") }
                        stamp = time(number)
                    }
                    rows[rows.count - 1].cells.append(BodyCell(column: column, timestamp: stamp))
                }
            case .text(let part): if path.count == 3 { text += part }
            case .end:
                if path == ["CellSet", "Row", "Cell"], !rows.isEmpty {
                    let last = rows[rows.count - 1].cells.count - 1
                    guard let value = decoded(text) else { throw wrong("value") }
                    rows[rows.count - 1].cells[last].value = value
                }
                path.removeLast()
            }
        }
        return rows
    }

    private static func bytes(_ attributes: [(name: String, value: String)], _ name: String)
        throws(SiltstoneError) -> Bytes?
    {
        guard let text = attributes.first(where: { $0.name == name })?.value else { return nil }
        guard let bytes = decoded(text) else { throw wrong(name) }
        return bytes
    }

    /// Base 64 with white space in it.
    private static func decoded(_ text: String) -> Bytes? {
        Base64.decode(text.utf8.filter { $0 > 0x20 }).map { Bytes($0) }
    }

    private static func wrong(_ name: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "\(name) is wrong in the body")
    }

    // MARK: Protocol Buffers

    private static func protobuf(_ body: [UInt8]) throws(SiltstoneError) -> [BodyRow] {
        var rows: [BodyRow] = []
        var reader = ProtobufReader(body)
        while let (field, value) = try reader.next() {
            guard field == 1 else { continue }
            var row = BodyRow()
            var fields = ProtobufReader(value.slice)
            while let (field, value) = try fields.next() {
                switch field {
                case 1: row.key = value.bytes
                case 2: row.cells.append(try cell(value.slice))
                default: break
                }
            }
            rows.append(row)
        }
        return rows
    }

    private static func cell(_ message: ArraySlice<UInt8>) throws(SiltstoneError) -> BodyCell {
        var cell = BodyCell()
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch field {
            case 2: cell.column = value.bytes
            case 3: cell.timestamp = time(value.integer)
            case 4: cell.value = value.bytes
            default: break
            }
        }
        return cell
    }

    /// A time stamp of a body; HBase's clients write the largest number for "now".
    static func time(_ number: Int64) -> Int64? { number == .max ? nil : number }
}

/// Parts of JSON bodies as HBase's clients send them.
enum JSONBody {
    static func parse(_ body: [UInt8]) throws(SiltstoneError) -> JSONValue {
        do { return try JSONValue(parsing: body) } catch {
            throw SiltstoneError(.invalidArgument, "body is not JSON: \(error)")
        }
    }

    /// The elements of a list, or the one thing that stands in its place.
    static func list(_ value: JSONValue?, _ name: String) throws(SiltstoneError) -> [JSONValue] {
        guard let value, !value.isNull else { return [] }
        if let elements = value.arrayValue { return elements }
        guard value.objectValue != nil || value.stringValue != nil else {
            throw SiltstoneError(.invalidArgument, "\(name) is not a list")
        }
        return [value]
    }

    static func bytes(_ value: JSONValue?, _ name: String) throws(SiltstoneError) -> Bytes? {
        guard let value, !value.isNull else { return nil }
        guard let text = value.stringValue, let bytes = Base64.decode(text) else {
            throw SiltstoneError(.invalidArgument, "\(name) is not base 64")
        }
        return Bytes(bytes)
    }

    /// A number, or a text that is one.
    static func integer(_ value: JSONValue?, _ name: String) throws(SiltstoneError) -> Int64? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }) else {
            throw SiltstoneError(.invalidArgument, "\(name) is not an integer")
        }
        return number
    }

    /// A truth value, or a text that is one.
    static func bool(_ value: JSONValue?, _ name: String) throws(SiltstoneError) -> Bool? {
        guard let value, !value.isNull else { return nil }
        guard let flag = value.boolValue ?? value.stringValue.flatMap({ Bool($0.lowercased()) })
        else { throw SiltstoneError(.invalidArgument, "\(name) is neither true nor false") }
        return flag
    }
}
