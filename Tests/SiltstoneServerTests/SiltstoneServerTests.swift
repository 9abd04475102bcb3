import Foundation
import SiltBytes
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

@Suite(.serialized) struct SiltstoneServerTests {
    @Test("HBase clients create a table, put, get, scan, delete and drop it")
    func hbase() async throws {
        try await withServer { (live: LiveServer) async throws in
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
        try await withServer { (live: LiveServer) async throws in
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
            #expect(lines.last == #"{"applied":2,"failed":2,"first_failed":2}"#)
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
        try await withServer { (live: LiveServer) async throws in
            #expect(
                try await live.send("PUT", "/v1/tables/t", #"{"families":["f"]}"#).status == 201)
            let odd = ["Content-Type": "application/x-nonsense"]
            #expect(try await live.send("PUT", "/t/r/f:q", "x", headers: odd).status == 415)
            let zipped = ["Content-Type": "application/octet-stream", "Content-Encoding": "br"]
            #expect(try await live.send("PUT", "/t/r/f:q", "x", headers: zipped).status == 415)
            #expect(try await live.send("GET", "/t/r/f:q").status == 404)
            let xml = ["Accept": "image/png"]
            #expect(try await live.send("GET", "/t/r/f:q", headers: xml).status == 406)
            #expect(try await live.send("GET", "/healthz").body == "ok\n")
            #expect(try await live.send("GET", "/metrics").body.contains("siltstone_http_request"))
        }
        try await withServer(configuring: { $0.isReadOnly = true }) {
            (live: LiveServer) async throws in
            #expect(
                try await live.send("PUT", "/v1/tables/t", #"{"families":["f"]}"#).status == 403)
        }
    }

    @Test("a table needs its namespace, with HBase's statuses")
    func namespaces() async throws {
        try await withServer { (live: LiveServer) async throws in
            let json = ["Content-Type": "application/json"]
            let schema = #"{"name":"n:t","ColumnSchema":[{"name":"f"}]}"#
            let refused = try await live.send("PUT", "/n:t/schema", schema, headers: json)
            #expect(refused.status == 503)
            #expect(refused.body.contains("NamespaceNotFoundException"))
            let own = try await live.send("PUT", "/v1/tables/n:t", #"{"families":["f"]}"#)
            #expect(own.status == 404 && own.body.contains("no such namespace namespace=n"))
            #expect(try await live.send("GET", "/n:t/exists").status == 404)
            #expect(try await live.send("PUT", "/namespaces/n", "").status == 403)
            #expect(try await live.send("POST", "/namespaces/n", "").status == 201)
            #expect(try await live.send("POST", "/namespaces/n", "").status == 403)
            #expect(
                try await live.send("PUT", "/n:t/schema", schema, headers: json).status == 201)
            let full = try await live.send("DELETE", "/namespaces/n", "")
            #expect(full.status == 503 && full.body.contains("namespace has tables"))
            #expect(try await live.send("DELETE", "/n:t/schema", "").status == 200)
            #expect(try await live.send("DELETE", "/namespaces/n", "").status == 200)
            #expect(try await live.send("DELETE", "/namespaces/n", "").status == 404)
            for name in ["default", "hbase"] {
                #expect(try await live.send("DELETE", "/namespaces/\(name)", "").status == 503)
                #expect(try await live.send("POST", "/namespaces/\(name)", "").status == 403)
            }
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
