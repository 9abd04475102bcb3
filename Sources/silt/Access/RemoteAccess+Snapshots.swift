import SiltBytes
import SiltModel
import Siltstone
import SiltstoneServer

/// Snapshots and aggregates of a server.
extension RemoteAccess {
    func aggregate(_ aggregation: Aggregation, over table: String) throws -> [GroupLine] {
        let answer = try json(
            client.send("POST", path(table) + "/aggregate", request(aggregation).bytes))
        return try (answer["groups"]?.arrayValue ?? []).map { group in
            guard let key = group["group"], let values = group["values"] else {
                throw strange(group.text)
            }
            return GroupLine(
                key: try RowJSON.decode(key),
                values: try aggregation.items.map { try text(values[$0.name] ?? .null) })
        }
    }

    private func request(_ aggregation: Aggregation) -> JSONValue {
        let results = aggregation.items.map { item in
            let arguments = [item.column?.description ?? ""] + item.parameters.map { "\($0)" }
            return JSONValue.Member(
                item.name,
                .string("\(item.function.name)(\(arguments.joined(separator: ", ")))"))
        }
        var members: [JSONValue.Member] = [
            .init("results", .object(results)),
            .init("values", .string(aggregation.values.rawValue)),
            .init("from", .integer(aggregation.timeRange.min)),
            .init("to", .integer(aggregation.timeRange.max)),
            .init("start", RowJSON.encode(aggregation.range.start)),
            .init("stop", RowJSON.encode(aggregation.range.stop)),
        ]
        switch aggregation.grouping {
        case .all: break
        case .prefix(let count):
            members.append(.init("group", .object(("prefix", .integer(Int64(count))))))
        case .parts(let count, let separator):
            members.append(
                .init(
                    "group",
                    .object(
                        ("separator", RowJSON.encode(separator)), ("parts", .integer(Int64(count))))
                ))
        case .qualifier: members.append(.init("group", "qualifier"))
        }
        if let filter = aggregation.filter {
            members.append(.init("filter", .string(filter.json.text)))
        }
        return .object(members)
    }

    private func text(_ value: JSONValue) throws -> String {
        switch value {
        case .null: return ""
        case .array: return value.text
        case .object where value["base64"] == nil: return value.text
        default: return String(decoding: try RowJSON.decode(value).array, as: UTF8.self)
        }
    }

    func snapshots() throws -> [SnapshotLine] {
        let answer = try json(client.get("/v1/snapshots"))
        return try (answer["snapshots"]?.arrayValue ?? []).map { snapshot in
            guard let name = snapshot["snapshot"]?.stringValue,
                let table = snapshot["table"]?.stringValue,
                let time = snapshot["made_ms"]?.integerValue,
                let bytes = snapshot["file_bytes"]?.integerValue
            else { throw strange(snapshot.text) }
            return SnapshotLine(
                name: name, table: table, milliseconds: time, fileBytes: Int(bytes))
        }
    }

    func createSnapshot(_ snapshot: String, of table: String) throws {
        _ = try client.send("PUT", snapshotPath(snapshot), body(table))
    }

    func cloneSnapshot(_ snapshot: String, to table: String) throws {
        _ = try client.send("POST", snapshotPath(snapshot) + "/clone", body(table))
    }

    func restoreSnapshot(_ snapshot: String) throws {
        _ = try client.send("POST", snapshotPath(snapshot) + "/restore")
    }

    func dropSnapshot(_ snapshot: String) throws {
        _ = try client.send("DELETE", snapshotPath(snapshot))
    }

    private func snapshotPath(_ snapshot: String) -> String {
        "/v1/snapshots/\(HTTPClient.escape(Bytes(snapshot)))"
    }

    private func body(_ table: String) -> [UInt8] {
        JSONValue.object(("table", .string(table))).bytes
    }
}
