import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

@Suite(.serialized) struct OpenAPITests {
    /// A body with which the operation succeeds on the table `t`; the other paths are filled in below.
    private static let bodies = [
        "put /v1/tables/{table}": #"{"families":["f"]}"#, "patch /v1/tables/{table}": "{}",
        "post /v1/tables/{table}/split": #"{"at":"m"}"#,
        "post /v1/tables/{table}/aggregate": #"{"results":{"n":"count()"}}"#,
        "put /v1/tables/{table}/indexes/{column}": #"{"order":"text"}"#,
        "put /v1/tables/{table}/feed": #"{"retention_ms":60000}"#,
        "post /v1/tables/{table}/rows": #"{"row":"r","put":{"f:a":"1"}}"#,
        "put /v1/tables/{table}/rows/{row}": #"{"f:a":"1"}"#,
        "post /v1/tables/{table}/rows/{row}/increment": #"{"f:n":1}"#,
        "post /v1/tables/{table}/rows/{row}/append": #"{"f:a":"1"}"#,
        "post /v1/tables/{table}/rows/{row}/check":
            #"{"column":"f:z","equals":null,"put":{"f:z":"1"}}"#,
        "put /v1/snapshots/{snapshot}": #"{"table":"t"}"#,
        "post /v1/snapshots/{snapshot}/clone": #"{"table":"copy"}"#,
        "put /v1/backups/{backup}": "{}",
        "post /v1/backups/restore": #"{"table":"t","as":"again"}"#,
        "post /v1/streams/{stream}": #"{"a":1}"#, "put /v1/tokens/{token}": #"{"rights":"read"}"#,
    ]

    private func fill(_ path: String, _ table: String = "t") -> String {
        var path = path
        for (name, value) in [
            ("table", table), ("row", "r"), ("column", "f:a"), ("stream", "s"), ("job", "none"),
            ("token", "new"), ("snapshot", "kept"), ("backup", "kept"),
        ] { path = path.replacingOccurrences(of: "{\(name)}", with: value) }
        return path
    }

    /// What makes things comes first, what drops them last.
    private static func order(_ operation: OpenAPI.Operation) -> Int {
        if operation.method == "delete" { return 3 - operation.path.count }
        if operation.path == "/v1/tables/{table}/merge" { return -1000 }
        if operation.method == "post" && operation.path.hasSuffix("{stream}") { return -2500 }
        // A snapshot is of all that was made, and is restored before anything else changes.
        if operation.method == "put", operation.path.hasSuffix("{snapshot}") { return -2450 }
        if operation.path.hasSuffix("/restore") { return -2400 }
        return operation.method == "put" ? -3000 + operation.path.count : -2000
    }

    @Test("each path that is described answers as described")
    func operations() async throws {
        let directory = freshDirectory()
        let backups = freshDirectory()
        defer {
            for place in [directory, backups] { try? FileManager.default.removeItem(at: place) }
        }
        let texts = try await makeTokens(
            in: directory, [("root", AccessRights(.admin, prefixes: []))])
        let headers = [
            "Authorization": "Bearer \(texts["root"] ?? "")", "Accept": "application/json",
            "Content-Type": "application/json",
        ]
        try await withServer(
            in: directory, configuring: { $0.backupDirectory = backups.path }
        ) { (live: LiveServer) async throws in
            let described = try JSONValue(
                parsing: Array(try await live.send("GET", "/v1/openapi.json").body.utf8))
            #expect(described["openapi"]?.stringValue == "3.1.0")
            let schemas = try #require(described["components"]?["schemas"])
            let sorted = OpenAPI.operations.filter { !$0.path.contains("/v1/jobs/") }
                .sorted { Self.order($0) < Self.order($1) }
            for operation in sorted {
                let name = "\(operation.method) \(operation.path)"
                #expect(described["paths"]?[operation.path]?[operation.method] != nil, "\(name)")
                var body = Self.bodies[name]
                if operation.path == "/v1/tables/{table}/merge" {
                    let regions = try await live.send(
                        "GET", "/v1/tables/t/regions", headers: headers)
                    let list = try JSONValue(parsing: Array(regions.body.utf8))["regions"]
                    let ids = (list?.arrayValue ?? []).compactMap { $0["id"] }
                    try #require(ids.count == 2)
                    body = JSONValue.object(("first", ids[0]), ("second", ids[1])).text
                }
                let (http, data) = try await live.exchange(
                    operation.method.uppercased(), fill(operation.path),
                    body.map { Data($0.utf8) }, headers)
                #expect(
                    http.statusCode == operation.success.status,
                    "\(name): \(String(decoding: data, as: UTF8.self))")
                #expect(
                    http.value(forHTTPHeaderField: "Content-Type") == operation.success.type,
                    "\(name)")
                guard operation.success.type == "application/json" else { continue }
                let answer = try JSONValue(parsing: Array(data))
                #expect(answer.objectValue != nil, "\(name)")
                let wanted = schemas[operation.success.schema]?["required"]?.arrayValue ?? []
                for member in wanted.compactMap(\.stringValue) {
                    #expect(answer[member] != nil, "\(name): \(member)")
                }
            }
            // Without a directory for backups none of them are there.
            for operation in OpenAPI.operations
            where operation.refusals.contains(404) && operation.path != "/v1/backups" {
                let name = "\(operation.method) \(operation.path)"
                guard !operation.method.hasPrefix("p") || operation.path.contains("{table}/")
                else { continue }
                let (http, data) = try await live.exchange(
                    operation.method.uppercased(), fill(operation.path, "missing"),
                    operation.method == "get" ? nil : Data((Self.bodies[name] ?? "{}").utf8),
                    headers)
                guard operation.path.contains("{table}") || operation.method != "delete" else {
                    continue
                }
                if operation.path.contains("{stream}") { continue }
                #expect(http.statusCode == 404, "\(name)")
                let error = try JSONValue(parsing: Array(data))["error"]
                #expect(error?["code"]?.stringValue == "notFound", "\(name)")
            }
        }
    }
}
