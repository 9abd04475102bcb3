package import SiltBytes
package import SiltModel

/// Rows, columns and values as `/v1` writes them: text where the bytes are UTF-8, else `{"base64": …}`.
package enum RowJSON {
    /// A row key, qualifier or value.
    package static func encode(_ bytes: Bytes) -> JSONValue {
        bytes.string.map { .string($0) } ?? .object(("base64", .string(Base64.encode(bytes.array))))
    }

    /// The bytes that a text, number, truth value or `{"base64": …}` stands for.
    package static func decode(_ value: JSONValue) throws(SiltstoneError) -> Bytes {
        if let text = value.stringValue { return Bytes(text) }
        if let text = value["base64"]?.stringValue {
            guard let bytes = Base64.decode(text) else {
                throw SiltstoneError(.invalidArgument, "value is not base 64")
            }
            return Bytes(bytes)
        }
        switch value {
        case .integer, .number, .decimal, .bool: return Bytes(value.text)
        default: throw SiltstoneError(.invalidArgument, "value is neither text nor {\"base64\": …}")
        }
    }

    /// The columns of a row: the value alone, or a list of `{"text" or "base64", "ts"}` when versions were asked for.
    static func encodeColumns(_ cells: [Cell], withVersions: Bool) -> JSONValue {
        var members: [JSONValue.Member] = []
        for cell in cells {
            let name = "\(cell.column.family):\(cell.column.qualifier)"
            guard withVersions else {
                members.append(.init(name, encode(cell.value)))
                continue
            }
            let key = cell.value.string == nil ? "base64" : "text"
            let text = cell.value.string ?? Base64.encode(cell.value.array)
            let version = JSONValue.object((key, .string(text)), ("ts", .integer(cell.timestamp)))
            if members.last?.name == name,
                case .array(let earlier) = members[members.count - 1].value
            {
                members[members.count - 1].value = .array(earlier + [version])
            } else {
                members.append(.init(name, .array([version])))
            }
        }
        return .object(members)
    }

    /// Appends the columns of a row, each with its newest value.
    static func append(_ cells: some Sequence<Cell>, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "{"))
        var isFirst = true
        for cell in cells {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            let qualifier = cell.column.qualifier.array
            let family = cell.column.family
            if isPlain(qualifier), isPlain(Array(family.utf8)) {
                text.append(UInt8(ascii: "\""))
                text.append(contentsOf: family.utf8)
                text.append(UInt8(ascii: ":"))
                text.append(contentsOf: qualifier)
                text.append(UInt8(ascii: "\""))
            } else {
                JSONWriter.append("\(family):\(cell.column.qualifier)", to: &text)
            }
            text.append(UInt8(ascii: ":"))
            append(cell.value, to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }

    /// Appends a row key or value; plain text is copied as it is.
    static func append(_ bytes: Bytes, to text: inout [UInt8]) {
        let raw = bytes.array
        guard isPlain(raw) else { return JSONWriter.append(encode(bytes), to: &text) }
        text.append(UInt8(ascii: "\""))
        text.append(contentsOf: raw)
        text.append(UInt8(ascii: "\""))
    }

    /// Whether bytes are ASCII that stands in JSON as it is.
    private static func isPlain(_ raw: [UInt8]) -> Bool {
        var odd: UInt8 = 0
        for byte in raw {
            odd |= byte < 0x20 ? 1 : 0
            odd |= byte == 0x22 ? 1 : 0
            odd |= byte == 0x5c ? 1 : 0
            odd |= byte & 0x80
        }
        return odd == 0
    }

    /// The changes that `{"cf:q": "text" or {"base64" or "text", "ts", "ttl"}}` puts.
    static func decodePuts(_ document: JSONValue) throws(SiltstoneError) -> [CellMutation] {
        guard let members = document.objectValue else {
            throw SiltstoneError(.invalidArgument, "a row is an object of columns and values")
        }
        var changes: [CellMutation] = []
        for member in members {
            let column = try column(member.name)
            var value = member.value
            if let text = value["text"] { value = text }
            let timestamp = try integer(member.value["ts"], "ts")
            let timeToLive = try integer(member.value["ttl"], "ttl")
            changes.append(
                CellMutation(
                    column, .put(value: try decode(value), timeToLiveMilliseconds: timeToLive),
                    timestamp: timestamp))
        }
        return changes
    }

    /// The changes that `["cf:q", "cf"]` deletes, or `true` for the whole row.
    static func decodeDeletes(_ document: JSONValue, families: [Family]) throws(SiltstoneError)
        -> [CellMutation]
    {
        if document.boolValue == true {
            return families.map { CellMutation(Column($0.name, .empty), .deleteFamily) }
        }
        var changes: [CellMutation] = []
        guard let names = document.arrayValue else {
            throw SiltstoneError(
                .invalidArgument, "delete is a list of columns, or true for the row")
        }
        for name in names {
            guard let text = name.stringValue else {
                throw SiltstoneError(.invalidArgument, "a column's name is a string")
            }
            switch RowSpec.selector(Bytes(text)) {
            case .column(let column): changes.append(CellMutation(column, .deleteColumn))
            case .family(let name):
                changes.append(CellMutation(Column(name, .empty), .deleteFamily))
            }
        }
        return changes
    }

    static func column(_ name: String) throws(SiltstoneError) -> Column {
        guard name.utf8.contains(UInt8(ascii: ":")) else {
            throw SiltstoneError(
                .invalidArgument, "a column is written family:qualifier column=\(name)")
        }
        return Column(stringLiteral: name)
    }

    private static func integer(_ value: JSONValue?, _ name: String) throws(SiltstoneError)
        -> Int64?
    {
        guard let value, !value.isNull else { return nil }
        guard let number = value.integerValue, number >= 0 else {
            throw SiltstoneError(
                .invalidArgument, "\(name) is not a number of milliseconds value=\(value.text)")
        }
        return number
    }

    /// The projection of the query's `columns`, `versions`, `from` and `to`.
    static func projection(_ request: Request) throws(SiltstoneError) -> Projection {
        func number(_ name: String, _ least: Int64) throws(SiltstoneError) -> Int64? {
            guard let text = request.parameter(name) else { return nil }
            guard let value = Int64(text), value >= least else {
                throw SiltstoneError(
                    .invalidArgument, "\(name) is not a number in range value=\(text)")
            }
            return value
        }
        let names = request.parameters("columns").flatMap { $0.split(separator: ",") }
        let from = try number("from", 0) ?? 0
        let to = try number("to", 0) ?? .max
        guard from <= to else { throw SiltstoneError(.invalidArgument, "to is before from") }
        return Projection(
            names.map { RowSpec.selector(Bytes(String($0))) },
            maxVersions: Int(try number("versions", 1) ?? 1),
            timeRange: TimeRange(min: from, max: to), filter: try request.filter())
    }

    /// The query's `durability`; `nil` when there is none.
    static func durability(_ request: Request) throws(SiltstoneError) -> Durability? {
        guard let name = request.parameter("durability") else { return nil }
        guard let level = Durability(name: name) else {
            throw SiltstoneError(.invalidArgument, "durability is unknown value=\(name)")
        }
        return level
    }

    /// The request's body as JSON.
    static func body(_ request: Request) throws(SiltstoneError) -> JSONValue {
        do { return try JSONValue(parsing: request.body) } catch {
            throw SiltstoneError(.invalidArgument, "body is not JSON: \(error)")
        }
    }
}
