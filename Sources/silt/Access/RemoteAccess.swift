import SiltBytes
import SiltModel
import SiltstoneServer

/// Tables of a running server, through its `/v1` API.
struct RemoteAccess: TableAccess {
    /// Rows asked for at a time.
    private static let pageRows = 1000

    let client: HTTPClient

    init(_ address: ServerAddress) { client = HTTPClient(address) }

    func tables() throws -> [TableDefinition] {
        let answer = try json(client.get("/v1/tables"))
        return try (answer["tables"]?.arrayValue ?? []).map(definition)
    }

    func definition(of table: String) throws -> TableDefinition {
        try definition(json(client.get(path(table))))
    }

    /// The alerts that are pending or firing.
    func alerts() throws -> [JSONValue] {
        try json(client.get("/v1/alerts"))["alerts"]?.arrayValue ?? []
    }

    /// The report of a job that the server runs.
    func report(of job: String, format: String) throws -> [UInt8] {
        try client.get("/v1/jobs/\(HTTPClient.escape(Bytes(job)))/report?format=\(format)")
    }

    func create(_ definition: TableDefinition, feedRetentionMilliseconds: Int64?) throws {
        var members = TableSchemaJSON.encode(definition).objectValue ?? []
        if let feedRetentionMilliseconds {
            let feed = JSONValue.object(("retention_ms", .integer(feedRetentionMilliseconds)))
            members.append(.init("feed", feed))
        }
        _ = try client.send("PUT", path(definition.name), JSONValue.object(members).bytes)
    }

    func drop(_ table: String) throws { _ = try client.send("DELETE", path(table)) }

    func statistics() throws -> JSONValue {
        guard let engine = try json(client.get("/v1/overview"))["engine"] else {
            throw CommandFailure(.failed, "the server does not show its statistics to this client")
        }
        return engine
    }

    func regions(of table: String) throws -> [RegionLine] {
        let answer = try json(client.get(path(table) + "/regions"))
        return try (answer["regions"]?.arrayValue ?? []).map { region in
            guard let id = region["id"]?.stringValue.flatMap({ Identifier($0) }),
                let start = region["start"], let end = region["end"]
            else { throw strange(region.text) }
            return RegionLine(
                id: id, start: try RowJSON.decode(start), end: try RowJSON.decode(end),
                bucket: figure(region["bucket"]), cellCount: figure(region["cells"]),
                fileCount: figure(region["files"]),
                fileBytes: figure(region["file_bytes"]),
                memtableBytes: figure(region["memory_bytes"]))
        }
    }

    func flush(_ table: String) throws { _ = try client.send("POST", path(table) + "/flush") }

    func split(_ table: String, at row: Bytes) throws -> Bool {
        try split(table, .object(("at", RowJSON.encode(row))))
    }

    func split(_ table: String, region: Identifier) throws -> Bool {
        try split(table, .object(("region", .string(region.description))))
    }

    private func split(_ table: String, _ what: JSONValue) throws -> Bool {
        let answer = try json(client.send("POST", path(table) + "/split", what.bytes))
        return answer["split"]?.boolValue ?? false
    }

    func merge(_ table: String, _ first: Identifier, _ second: Identifier) throws {
        let what = JSONValue.object(
            ("first", .string(first.description)), ("second", .string(second.description)))
        _ = try client.send("POST", path(table) + "/merge", what.bytes)
    }

    func compact(_ table: String) throws { _ = try client.send("POST", path(table) + "/compact") }

    private func figure(_ value: JSONValue?) -> Int? { value?.integerValue.map { Int($0) } }

    func indexes(of table: String) throws -> [ColumnIndex] {
        let answer = try json(client.get(path(table) + "/indexes"))
        return try (answer["indexes"]?.arrayValue ?? []).map { index in
            guard let column = index["column"],
                let order = index["order"]?.stringValue.flatMap({ ColumnIndex.Order(rawValue: $0) })
            else { throw strange(index.text) }
            return ColumnIndex(
                Column(parsing: try RowJSON.decode(column).array[...]), order: order)
        }
    }

    func createIndex(_ index: ColumnIndex, of table: String) throws {
        let body = JSONValue.object(("order", .string(index.order.rawValue)))
        _ = try client.send("PUT", path(index.column, of: table), body.bytes)
    }

    func dropIndex(_ column: Column, of table: String) throws {
        _ = try client.send("DELETE", path(column, of: table))
    }

    private func path(_ column: Column, of table: String) -> String {
        let name =
            HTTPClient.escape(Bytes(column.family)) + ":" + HTTPClient.escape(column.qualifier)
        return path(table) + "/indexes/" + name
    }

    func get(_ row: Bytes, of table: String, _ projection: Projection) throws -> Row? {
        // A missing row and a missing table are both answered with 404.
        let answer = try client.request(
            "GET", "\(path(table))/rows/\(HTTPClient.escape(row))?\(try query(projection))")
        if answer.status == 404 {
            _ = try definition(of: table)
            return nil
        }
        let columns = try json(client.checked(answer, path(table)))
        return Row(key: row, cells: try cells(columns))
    }

    func scan(
        _ range: RowRange, of table: String, _ projection: Projection, limit: Int,
        _ body: (Row) throws -> Bool
    ) throws {
        // The API's scans include the start and exclude the stop: other bounds are dealt with here.
        var start = range.start
        var left = limit
        let fixed =
            try "stop=\(HTTPClient.escape(range.stop))&reverse=\(range.isReversed)&"
            + query(projection)
        while left > 0 {
            // A filter may count rows or end the scan: it sees all of it, not page by page.
            let count = projection.filter == nil ? min(left, Self.pageRows) : left
            let answer = try client.get(
                "\(path(table))/rows?start=\(HTTPClient.escape(start))&limit=\(count)&\(fixed)")
            var next: Bytes?
            for line in answer.split(separator: UInt8(ascii: "\n")) {
                let document = try json(Array(line))
                if let following = document["next"] {
                    next = try RowJSON.decode(following)
                    continue
                }
                guard let key = document["row"], let columns = document["columns"] else {
                    throw strange(document.text)
                }
                let row = Row(key: try RowJSON.decode(key), cells: try cells(columns))
                if !range.includesStart, row.key == range.start { continue }
                left -= 1
                if try !body(row) { return }
            }
            guard let next else { break }
            start = next
        }
        if left > 0, range.includesStop, !range.stop.isEmpty,
            let last = try get(range.stop, of: table, projection)
        {
            _ = try body(last)
        }
    }

    func write(_ mutation: RowMutation, to table: String, durability: Durability?) throws {
        var puts: [JSONValue.Member] = []
        var deletes: [JSONValue] = []
        for change in mutation.changes {
            guard change.column.qualifier.string != nil else {
                throw CommandFailure(
                    .usage, "a qualifier that is not UTF-8 text can only be written with --data")
            }
            switch change.action {
            case .put(let value, let life):
                var members = [JSONValue.Member("base64", .string(Base64.encode(value.array)))]
                if let time = change.timestamp { members.append(.init("ts", .integer(time))) }
                if let life { members.append(.init("ttl", .integer(life))) }
                puts.append(.init(change.column.description, .object(members)))
            case .deleteColumn where change.timestamp == nil:
                deletes.append(.string(change.column.description))
            case .deleteFamily where change.timestamp == nil:
                deletes.append(.string(change.column.family))
            default:
                throw CommandFailure(
                    .usage, "deleting single versions or up to a time stamp works only with --data")
            }
        }
        var members = [JSONValue.Member("row", RowJSON.encode(mutation.row))]
        if !puts.isEmpty { members.append(.init("put", .object(puts))) }
        if !deletes.isEmpty { members.append(.init("delete", .array(deletes))) }
        let level = durability.map { "?durability=\($0.name)" } ?? ""
        let answer = try client.send(
            "POST", path(table) + "/rows" + level, JSONValue.object(members).bytes)
        for line in answer.split(separator: UInt8(ascii: "\n")) {
            guard let error = try json(Array(line))["error"] else { continue }
            throw CommandFailure(.failed, error["message"]?.stringValue ?? "the write was refused")
        }
    }

    func close() throws { client.close() }

    func path(_ table: String) -> String { "/v1/tables/\(HTTPClient.escape(Bytes(table)))" }

    private func query(_ projection: Projection) throws -> String {
        let columns = try projection.selectors.map { selector -> String in
            switch selector {
            case .family(let name): return HTTPClient.escape(Bytes(name))
            case .column(let column):
                guard column.qualifier.string?.contains(",") == false else {
                    throw CommandFailure(
                        .usage, "a column whose qualifier has a comma can only be read with --data")
                }
                return HTTPClient.escape(Bytes(column.description))
            }
        }
        let range = projection.timeRange
        var query = "versions=\(projection.maxVersions)&from=\(range.min)&to=\(range.max)"
        if !columns.isEmpty { query += "&columns=\(columns.joined(separator: ","))" }
        if let filter = projection.filter {
            query += "&filter=\(HTTPClient.escape(Bytes(filter.json.text)))"
        }
        return query
    }

    func json(_ bytes: [UInt8]) throws -> JSONValue {
        do { return try JSONValue(parsing: bytes) } catch {
            throw strange(String(decoding: bytes.prefix(100), as: UTF8.self))
        }
    }

    private func definition(_ document: JSONValue) throws -> TableDefinition {
        guard let name = document["name"]?.stringValue else { throw strange(document.text) }
        return try TableSchemaJSON.decode(document, name: name, base: nil)
    }

    private func cells(_ columns: JSONValue) throws -> [Cell] {
        try (columns.objectValue ?? []).flatMap { member in
            try (member.value.arrayValue ?? []).map { version in
                guard let time = version["ts"]?.integerValue else { throw strange(version.text) }
                let value = version["text"] ?? version
                return Cell(
                    Column(stringLiteral: member.name), timestamp: time,
                    value: try RowJSON.decode(value))
            }
        }
    }

    func strange(_ text: String) -> CommandFailure {
        CommandFailure(.failed, "the server's answer is not understood: \(text)")
    }
}
