import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

/// A server over a fresh directory, and requests to it.
private struct Live {
    let base: String

    func send(
        _ method: String, _ path: String, _ body: String? = nil,
        headers: [String: String] = [
            "Accept": "application/json", "Content-Type": "application/json",
        ]
    ) async throws -> (status: Int, body: String) {
        var request = URLRequest(url: try #require(URL(string: base + path)))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        return (http.statusCode, String(decoding: data, as: UTF8.self))
    }
}

private func withServer(
    readOnly: Bool = false, _ body: (Live) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("siltstone-server-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let database = try await Database.open(at: directory.path)
    var configuration = SiltstoneServer.Configuration()
    configuration.port = 0
    configuration.isReadOnly = readOnly
    let server = try await SiltstoneServer.start(database, configuration)
    do {
        try await body(Live(base: "http://127.0.0.1:\(server.port)"))
    } catch {
        await server.shutDown()
        try await database.close()
        throw error
    }
    await server.shutDown()
    try await database.close()
}

@Suite(.serialized) struct SiltstoneServerTests {
    @Test("HBase clients create a table, put, get, scan, delete and drop it")
    func hbase() async throws {
        try await withServer { live in
            let schema = #"{"name":"t","ColumnSchema":[{"name":"f","VERSIONS":"3"}]}"#
            #expect(try await live.send("PUT", "/t/schema", schema).status == 201)
            #expect(try await live.send("GET", "/").body.contains(#""name":"t""#))
            let cells =
                #"{"Row":[{"key":"cg==","Cell":[{"column":"Zjpx","timestamp":5,"$":"dg=="}]}]}"#
            #expect(try await live.send("PUT", "/t/fakerow", cells).status == 200)
            #expect(try await live.send("GET", "/t/r/f:q").body == cells)
            #expect(try await live.send("GET", "/t/*?limit=5").body == cells)
            #expect(try await live.send("GET", "/t/none").status == 404)
            #expect(try await live.send("GET", "/t/r/zzz:q").status == 404)
            #expect(try await live.send("DELETE", "/t/r/f:q").status == 200)
            #expect(try await live.send("GET", "/t/r").status == 404)
            #expect(try await live.send("GET", "/t/*").body == #"{"Row":[]}"#)
            #expect(try await live.send("DELETE", "/t/schema").status == 200)
            #expect(try await live.send("GET", "/t/schema").status == 404)
        }
    }

    @Test("/v1 tables, rows, scans with a next line, uploads with a line for each failure")
    func v1() async throws {
        try await withServer { live in
            #expect(
                try await live.send(
                    "PUT", "/v1/tables/m", #"{"families":{"a":{"versions":2}},"splits":["k5"]}"#
                )
                .status == 201)
            #expect(
                try await live.send("PUT", "/v1/tables/m", #"{"families":["a"]}"#).status == 409)
            let upload = """
                {"row":"k1","put":{"a:x":"1"}}
                {"row":"k2","put":{"b:x":"1"}}
                not json
                {"row":"k9","put":{"a:x":{"base64":"AP8="}}}

                """
            let answer = try await live.send("POST", "/v1/tables/m/rows", upload)
            #expect(answer.status == 200)
            let lines = answer.body.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines.last == #"{"applied":2,"failed":2}"#)
            #expect(try await live.send("GET", "/v1/tables/m/rows/k1").body == #"{"a:x":"1"}"#)
            let page = try await live.send("GET", "/v1/tables/m/rows?limit=1").body
            #expect(page == "{\"row\":\"k1\",\"columns\":{\"a:x\":\"1\"}}\n{\"next\":\"k9\"}\n")
            let rest = try await live.send("GET", "/v1/tables/m/rows?start=k9").body
            #expect(rest == "{\"row\":\"k9\",\"columns\":{\"a:x\":{\"base64\":\"AP8=\"}}}\n")
            let sum = try await live.send("POST", "/v1/tables/m/rows/c/increment", #"{"a:n":5}"#)
            #expect(sum.body == #"{"a:n":5}"#)
            let check = #"{"column":"a:x","equals":"2","put":{"a:x":"3"}}"#
            #expect(
                try await live.send("POST", "/v1/tables/m/rows/k1/check", check).body
                    == #"{"applied":false}"#)
            #expect(
                try await live.send("GET", "/v1/tables/m/regions").body.contains(#""start":"k5""#))
            #expect(try await live.send("GET", "/v1/nothing").status == 404)
            #expect(try await live.send("PUT", "/v1/tables/bad", "{").status == 400)
        }
    }

    @Test("a body beyond the limit, an unknown media type and a read-only server are refused")
    func refusals() async throws {
        try await withServer { live in
            #expect(
                try await live.send("PUT", "/v1/tables/t", #"{"families":["f"]}"#).status == 201)
            let odd = ["Content-Type": "application/x-nonsense"]
            #expect(try await live.send("PUT", "/t/r/f:q", "x", headers: odd).status == 415)
            let xml = ["Accept": "image/png"]
            #expect(try await live.send("GET", "/t/r/f:q", headers: xml).status == 406)
            #expect(try await live.send("GET", "/healthz").body == "ok\n")
            #expect(try await live.send("GET", "/metrics").body.contains("siltstone_http_request"))
        }
        try await withServer(readOnly: true) { live in
            #expect(
                try await live.send("PUT", "/v1/tables/t", #"{"families":["f"]}"#).status == 403)
        }
    }

    @Test("an address beyond loopback is refused")
    func loopbackOnly() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-server-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let database = try await Database.open(at: directory.path)
        var configuration = SiltstoneServer.Configuration()
        configuration.host = "0.0.0.0"
        configuration.port = 0
        await #expect(throws: SiltstoneError.self) {
            _ = try await SiltstoneServer.start(database, configuration)
        }
        try await database.close()
    }
}
