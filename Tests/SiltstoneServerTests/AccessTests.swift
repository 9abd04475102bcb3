import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

/// Lines that a server noted.
final class NotedLines: @unchecked Sendable {
    // Safety: the lock is held around every use of the lines.
    private let lock = NSLock()
    private var lines: [String] = []

    func add(_ line: String) { lock.withLock { lines.append(line) } }

    var all: [String] { lock.withLock { lines } }
}

/// Makes tokens in a directory that no server has open, and returns their texts.
func makeTokens(in directory: URL, _ wanted: [(String, AccessRights)]) async throws
    -> [String: String]
{
    let database = try await Database.open(at: directory.path)
    let tokens = try AccessTokens(store: database.store)
    var texts: [String: String] = [:]
    for (name, rights) in wanted { texts[name] = try tokens.create(name, rights) }
    try await database.close()
    return texts
}

@Suite(.serialized) struct AccessTests {
    @Test("SHA-256 gives the digests of the standard's examples")
    func digests() {
        func hex(_ text: String) -> String { Hex.encode(SHA256.digest(Array(text.utf8))) }
        #expect(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            hex(String(repeating: "a", count: 1000))
                == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
    }

    @Test("a directory keeps digests, not tokens; a revoked token stays known and useless")
    func storage() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let texts = try await makeTokens(
            in: directory, [("reader", AccessRights(.read, prefixes: ["m", "n"]))])
        let text = try #require(texts["reader"])
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory.path) {
            let path = directory.appendingPathComponent(name)
            let data = (try? Data(contentsOf: path)) ?? Data()
            #expect(data.range(of: Data(text.utf8)) == nil, "\(name) holds the token")
        }
        let database = try await Database.open(at: directory.path)
        let tokens = try AccessTokens(store: database.store)
        #expect(tokens.token(text)?.rights == AccessRights(.read, prefixes: ["m", "n"]))
        #expect(tokens.token(text + "0") == nil)
        #expect(tokens.token(String(text.dropLast())) == nil)
        #expect(tokens.token("") == nil)
        #expect(throws: SiltstoneError.self) {
            try tokens.create("reader", AccessRights(.admin, prefixes: []))
        }
        #expect(throws: SiltstoneError.self) {
            try tokens.create("a_b", AccessRights(.admin, prefixes: []))
        }
        try tokens.revoke("reader")
        #expect(tokens.token(text) == nil && tokens.areRequired)
        #expect(try AccessTokens(store: database.store).token(text) == nil)
        #expect(try AccessTokens(store: database.store).areRequired)
        try await database.close()
    }

    /// Method, path, body, and the status for: nobody, reader and writer of `m`, admin of `m`, admin of all.
    private static let table: [(String, String, String?, [Int])] = [
        ("GET", "/healthz", nil, [200, 200, 200, 200, 200]),
        ("GET", "/version", nil, [401, 200, 200, 200, 200]),
        ("GET", "/", nil, [401, 200, 200, 200, 200]),
        ("GET", "/metrics", nil, [401, 403, 403, 403, 200]),
        ("GET", "/m1/schema", nil, [401, 200, 200, 200, 200]),
        ("GET", "/o1/schema", nil, [401, 403, 403, 403, 200]),
        ("GET", "/o9/schema", nil, [401, 403, 403, 403, 404]),
        ("GET", "/m1/r/f:q", nil, [401, 200, 200, 200, 200]),
        ("GET", "/o1/r/f:q", nil, [401, 403, 403, 403, 200]),
        ("GET", "/%6f1/r/f:q", nil, [401, 403, 403, 403, 200]),
        ("GET", "//o1/r/f:q", nil, [401, 403, 403, 403, 200]),
        ("GET", "/%76ersion/r/f:q", nil, [401, 403, 403, 403, 404]),
        ("PUT", "/m1/s/f:q", "x", [401, 403, 200, 200, 200]),
        ("PUT", "/o1/s/f:q", "x", [401, 403, 403, 403, 200]),
        ("DELETE", "/m1/s", nil, [401, 403, 200, 200, 200]),
        ("DELETE", "/o9/schema", nil, [401, 403, 403, 403, 404]),
        ("DELETE", "/m9/schema", nil, [401, 403, 403, 404, 404]),
        ("POST", "/namespaces/x1", "{}", [401, 403, 403, 403, 201]),
        ("GET", "/v1/tables", nil, [401, 200, 200, 200, 200]),
        ("GET", "/v1/tables/m1", nil, [401, 200, 200, 200, 200]),
        ("GET", "/v1/tables/o1", nil, [401, 403, 403, 403, 200]),
        ("GET", "/v1/%74ables/o1", nil, [401, 403, 403, 403, 200]),
        ("GET", "/v1/tables/%6f1/rows", nil, [401, 403, 403, 403, 200]),
        ("GET", "/v1/tables/m1/rows/r", nil, [401, 200, 200, 200, 200]),
        ("PUT", "/v1/tables/m1/rows/k", #"{"f:q":"1"}"#, [401, 403, 204, 204, 204]),
        ("POST", "/v1/tables/m1/rows/k/append", #"{"f:q":"1"}"#, [401, 403, 200, 200, 200]),
        ("POST", "/v1/tables/m1/flush", nil, [401, 403, 403, 200, 200]),
        ("POST", "/v1/tables/m1/split", #"{"at":"zz"}"#, [401, 403, 403, 200, 200]),
        ("PATCH", "/v1/tables/m1", "{}", [401, 403, 403, 200, 200]),
        ("DELETE", "/v1/tables/m9", nil, [401, 403, 403, 404, 404]),
        ("PUT", "/v1/tables/m1/indexes/f:q", "x", [401, 403, 403, 400, 400]),
        ("GET", "/v1/tables/m1/indexes", nil, [401, 200, 200, 200, 200]),
        ("GET", "/v1/tokens", nil, [401, 403, 403, 403, 200]),
        ("PUT", "/v1/tokens/x", #"{"rights":"all"}"#, [401, 403, 403, 403, 400]),
        ("GET", "/v1/jobs", nil, [401, 403, 403, 403, 200]),
        ("GET", "/v1/streams", nil, [401, 403, 403, 403, 200]),
        ("PUT", "/v1/jobs/j", "x", [401, 403, 403, 403, 400]),
    ]

    @Test("each request needs the right that its path and method tell")
    func rights() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let texts = try await makeTokens(
            in: directory,
            [
                ("reader", AccessRights(.read, prefixes: ["m"])),
                ("writer", AccessRights(.write, prefixes: ["m"])),
                ("owner", AccessRights(.admin, prefixes: ["m"])),
                ("root", AccessRights(.admin, prefixes: [])),
            ])
        let noted = NotedLines()
        try await withServer(in: directory, configuring: { $0.auditLog = { noted.add($0) } }) {
            (live: LiveServer) async throws in
            for name in ["m1", "o1"] {
                let table = try await live.database.createTable(name, families: [Family("f")])
                try await table.put("r", ["f:q": "v"])
            }
            for (method, path, body, statuses) in Self.table {
                for (name, status) in zip(["", "reader", "writer", "owner", "root"], statuses) {
                    var headers = ["Content-Type": "application/json"]
                    if body == "x" { headers["Content-Type"] = "application/octet-stream" }
                    if path == "/m1/r/f:q" || path.hasSuffix("o1/r/f:q") {
                        headers["Accept"] = "application/octet-stream"
                    }
                    if let text = texts[name] { headers["Authorization"] = "Bearer \(text)" }
                    let answer = try await live.send(method, path, body, headers: headers)
                    #expect(
                        answer.status == status, "\(method) \(path) as \(name): \(answer.body)")
                }
            }
            let list = try await live.send(
                "GET", "/v1/tables",
                headers: ["Authorization": "Bearer \(texts["reader"] ?? "")"])
            #expect(list.body.contains("m1") && !list.body.contains("o1"))
            let bad = try await live.send(
                "GET", "/v1/tables", headers: ["Authorization": "Bearer nonsense"])
            #expect(bad.status == 401 && bad.body.contains(#""code":"unauthenticated""#))
        }
        let lines = noted.all
        #expect(
            lines.contains {
                $0.contains(#""token":"owner","action":"POST /v1/tables/m1/flush","status":200"#)
            })
        #expect(
            lines.contains {
                $0.contains(#""token":"reader","action":"POST /v1/tables/m1/flush","status":403"#)
            })
        #expect(!lines.contains { $0.contains("rows") })
    }

    @Test("a scanner belongs to the token that opened it; revoking counts at once")
    func scanners() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let texts = try await makeTokens(
            in: directory,
            [
                ("one", AccessRights(.read, prefixes: [])),
                ("two", AccessRights(.read, prefixes: [])),
                ("root", AccessRights(.admin, prefixes: [""])),
            ])
        func headers(_ name: String) -> [String: String] {
            [
                "Authorization": "Bearer \(texts[name] ?? "")", "Accept": "application/json",
                "Content-Type": "text/xml",
            ]
        }
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("r", ["f:q": "v"])
            let (opened, _) = try await live.exchange(
                "PUT", "/t/scanner", Data(#"<Scanner batch="1"/>"#.utf8), headers("one"))
            #expect(opened.statusCode == 201)
            let location = try #require(opened.value(forHTTPHeaderField: "Location"))
            let path = try #require(URL(string: location)?.path)
            #expect(try await live.send("GET", path, headers: headers("two")).status == 403)
            #expect(try await live.send("DELETE", path, headers: headers("two")).status == 403)
            #expect(try await live.send("GET", path, headers: headers("one")).status == 200)
            let made = try await live.send(
                "PUT", "/v1/tokens/new", #"{"rights":"read","tables":["t"]}"#,
                headers: headers("root"))
            #expect(made.status == 201 && made.body.contains("silt_new_"))
            #expect(
                try await live.send("DELETE", "/v1/tokens/one", headers: headers("root")).status
                    == 200)
            #expect(try await live.send("GET", path, headers: headers("one")).status == 401)
            let list = try await live.send("GET", "/v1/tokens", headers: headers("root"))
            #expect(list.body.contains(#""name":"new""#) && !list.body.contains("silt_"))
        }
    }

    @Test("of one token's scanners the oldest makes room for one too many; others keep theirs")
    func scannersOfOne() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let texts = try await makeTokens(
            in: directory,
            [
                ("one", AccessRights(.read, prefixes: [])),
                ("two", AccessRights(.read, prefixes: [])),
            ])
        try await withServer(in: directory, configuring: { $0.clientScannerCountMax = 2 }) {
            (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("r", ["f:q": "v"])
            func headers(_ name: String) -> [String: String] {
                [
                    "Authorization": "Bearer \(texts[name] ?? "")", "Accept": "application/json",
                    "Content-Type": "text/xml",
                ]
            }
            func open(_ name: String) async throws -> String {
                let (opened, _) = try await live.exchange(
                    "PUT", "/t/scanner", Data("<Scanner/>".utf8), headers(name))
                let location = try #require(opened.value(forHTTPHeaderField: "Location"))
                return try #require(URL(string: location)?.path)
            }
            let other = try await open("two")
            var paths: [String] = []
            for _ in 0..<3 { paths.append(try await open("one")) }
            var statuses: [Int] = []
            for path in paths {
                statuses.append(try await live.send("GET", path, headers: headers("one")).status)
            }
            #expect(statuses == [404, 200, 200])
            #expect(try await live.send("GET", other, headers: headers("two")).status == 200)
        }
    }

    @Test("the Thrift port answers with the rights of a token that is named, or not at all")
    func thrift() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        _ = try await makeTokens(
            in: directory, [("thrift", AccessRights(.write, prefixes: ["m"]))])
        let database = try await Database.open(at: directory.path)
        var configuration = SiltstoneServer.Configuration()
        (configuration.port, configuration.thriftPort) = (0, 0)
        await #expect(throws: SiltstoneError.self) {
            _ = try await SiltstoneServer.start(database, configuration)
        }
        try await database.close()
        try await withServer(
            in: directory,
            configuring: {
                $0.thriftPort = 0
                $0.thriftToken = "thrift"
            }
        ) { (live: LiveServer) async throws in
            for name in ["m1", "o1"] {
                _ = try await live.database.createTable(name, families: [Family("f")])
            }
            let client = try RawClient(port: try #require(live.server.thriftPort))
            func call(_ name: String, _ table: String = "") -> String {
                let arguments = ThriftValue.fields([
                    (1, .text(table)), (2, .text("r")), (3, .list(.fields, [])),
                ])
                client.send(
                    ThriftWriter.encode(
                        ThriftMessage(name: name, kind: .call, sequence: 1, body: arguments),
                        ThriftEncoding(isCompact: false, isFramed: true)))
                return client.read(until: { bytes in
                    bytes.count >= 4
                        && bytes.count >= 4 + bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
                }).text
            }
            let names = call("getTableNames")
            #expect(names.contains("m1") && !names.contains("o1"))
            #expect(!call("getRow", "m1").contains("does not allow"))
            #expect(call("getRow", "o1").contains("does not allow"))
            #expect(call("disableTable", "m1").contains("does not allow"))
            #expect(call("deleteAllRow", "o1").contains("does not allow"))
        }
    }
}
