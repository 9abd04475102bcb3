import Foundation
import SiltBytes
import SiltCodec
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

/// A request that is not right, and the statuses that say so.
struct BadRequest: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    /// None: the connection is closed without an answer.
    let statuses: [Int]

    init(_ name: String, _ statuses: [Int], _ text: String, _ body: [UInt8] = []) {
        testDescription = name
        bytes = Array(text.utf8) + body
        self.statuses = statuses
    }
}

private let host = "Host: x\r\n"

private func get(_ path: String, _ more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\n\(host)\(more)\r\n"
}

private func send(
    _ name: String, _ statuses: [Int], _ line: String, _ body: [UInt8], _ more: String = ""
) -> BadRequest {
    BadRequest(
        name, statuses,
        "\(line) HTTP/1.1\r\n\(host)\(more)Content-Length: \(body.count)\r\n\r\n", body)
}

private func send(
    _ name: String, _ statuses: [Int], _ line: String, _ body: String, _ more: String = ""
) -> BadRequest { send(name, statuses, line, Array(body.utf8), more) }

/// A put with these header lines and this body, as sent.
private func framed(_ name: String, _ statuses: [Int], _ lines: String, _ body: String = "abcde")
    -> BadRequest
{
    BadRequest(
        name, statuses,
        "PUT /t/r/f:q HTTP/1.1\r\n\(host)Content-Type: application/octet-stream\r\n\(lines)\r\n\r\n\(body)"
    )
}

private func bearer(_ value: String) -> String { "Authorization: \(value)\r\n" }

@Suite(.serialized) struct BadRequestTests {
    private static let binary = "Content-Type: application/octet-stream\r\n"
    private static let json = "Content-Type: application/json\r\n"
    private static let xml = "Content-Type: text/xml\r\n"

    static let malformed: [BadRequest] = [
        BadRequest("words", [400], "nonsense\r\n\r\n"),
        BadRequest("a method alone", [400], "GET\r\n\r\n"),
        BadRequest("zero bytes", [400], "\0\0\0\0\0\0\0\0\r\n\r\n"),
        BadRequest(
            "TLS", [400], "", [0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3, 0x0d, 0x0a, 0x0d, 0x0a]),
        BadRequest("HTTP/9.9", [400, 505], "GET / HTTP/9.9\r\n\(host)\r\n"),
        BadRequest("HTTP/2.0", [400, 505], "GET / HTTP/2.0\r\n\(host)\r\n"),
        BadRequest("HTTP/x", [400], "GET / HTTP/x\r\n\(host)\r\n"),
        BadRequest("another protocol", [400], "GET / XTTP/1.1\r\n\(host)\r\n"),
        BadRequest("odd method", [400], "G@T / HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("lower-case method", [400, 405], "get / HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("unknown method", [400, 405], "BREW /t/r HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("TRACE", [405], "TRACE / HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("CONNECT", [400, 405], "CONNECT x:80 HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("control in the path", [400], "GET /\u{1}a HTTP/1.1\r\n\(host)\r\n"),
        BadRequest("no colon", [400], "GET / HTTP/1.1\r\nHost x\r\n\r\n"),
        BadRequest("space before a colon", [400], "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
        BadRequest("space in a name", [400], "GET / HTTP/1.1\r\n\(host)A b: c\r\n\r\n"),
        BadRequest("empty name", [400], "GET / HTTP/1.1\r\n\(host): c\r\n\r\n"),
        BadRequest("NUL in a value", [400], "GET / HTTP/1.1\r\n\(host)X: a\0b\r\n\r\n"),
        BadRequest("folded header", [400], "GET / HTTP/1.1\r\n\(host)X: a\r\n b\r\n\r\n"),
        BadRequest("no Host", [400], "GET / HTTP/1.1\r\n\r\n"),
        BadRequest("two Hosts", [400], "GET / HTTP/1.1\r\n\(host)\(host)\r\n"),
        BadRequest("unknown expectation", [417], get("/", "Expect: tea\r\n")),
    ]

    static let smuggled: [BadRequest] = [
        framed("length and chunks", [400], "Content-Length: 4\r\nTransfer-Encoding: chunked"),
        framed("chunks and length", [400], "Transfer-Encoding: chunked\r\nContent-Length: 4"),
        framed("two lengths", [400], "Content-Length: 4\r\nContent-Length: 5"),
        framed("a length twice", [400], "Content-Length: 5\r\nContent-Length: 5"),
        framed("a list of lengths", [400], "Content-Length: 5, 5"),
        framed("negative length", [400], "Content-Length: -1"),
        framed("signed length", [400], "Content-Length: +5"),
        framed("hexadecimal length", [400], "Content-Length: 0x5"),
        framed("a length in words", [400], "Content-Length: five"),
        framed("a length with a space", [400], "Content-Length: 5 6"),
        framed("empty length", [400], "Content-Length:"),
        framed("a length beyond 64 bits", [400], "Content-Length: 99999999999999999999999"),
        framed("space before the colon", [400], "Transfer-Encoding : chunked"),
        framed("unknown transfer coding", [400, 501], "Transfer-Encoding: xchunked"),
        framed("chunked is not last", [400, 501], "Transfer-Encoding: chunked, identity"),
        framed("quoted coding", [400, 501], "Transfer-Encoding: \"chunked\""),
        framed("chunk size in words", [400], "Transfer-Encoding: chunked", "zz\r\nab\r\n0\r\n\r\n"),
        framed("negative chunk", [400], "Transfer-Encoding: chunked", "-1\r\nab\r\n0\r\n\r\n"),
        framed(
            "chunk beyond 64 bits", [400], "Transfer-Encoding: chunked",
            "FFFFFFFFFFFFFFFFF\r\nab\r\n0\r\n\r\n"),
        framed(
            "chunk longer than it says", [400], "Transfer-Encoding: chunked",
            "2\r\nabcd\r\n0\r\n\r\n"),
        framed(
            "chunk with another sign", [400], "Transfer-Encoding: chunked",
            "0x2\r\nab\r\n0\r\n\r\n"),
    ]

    private static let long = String(repeating: "a", count: 20_000)

    static let oversize: [BadRequest] = [
        BadRequest("long path", [400, 414, 431], get("/" + String(repeating: long, count: 4))),
        BadRequest("long header", [431], get("/", "X: \(long)\r\n")),
        BadRequest("long header name", [431], get("/", "\(long): x\r\n")),
        BadRequest(
            "many headers", [431], get("/", (0..<300).map { "X\($0): y\r\n" }.joined())),
        BadRequest(
            "large headers", [431],
            get("/", (0..<9).map { "X\($0): \(long.prefix(10_000))\r\n" }.joined())),
        framed("large length", [413], "Content-Length: 2000000", ""),
        framed("length of terabytes", [413], "Content-Length: 999999999999", ""),
        framed(
            "large chunks", [413], "Transfer-Encoding: chunked",
            String(repeating: "4e20\r\n\(long)\r\n", count: 60) + "0\r\n\r\n"),
    ]

    private static let bomb = GzipWriter.compress([UInt8](repeating: 0, count: 4 << 20)) ?? []

    /// A Zstandard frame of 20 blocks, each of which stands for 128 KiB of zeros.
    private static let zstandardBomb: [UInt8] = {
        var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]
        for block in 0..<20 { frame += [block == 19 ? 3 : 2, 0x00, 0x10, 0x00] }
        return frame
    }()

    static let compressed: [BadRequest] = {
        func packed(_ name: String, _ statuses: [Int], _ coding: String, _ body: [UInt8])
            -> BadRequest
        {
            send(name, statuses, "PUT /t/r/f:q", body, binary + "Content-Encoding: \(coding)\r\n")
        }
        let small = GzipWriter.compress(Array("hello, hello, hello".utf8)) ?? []
        var damaged = small
        if damaged.count > 8 { damaged[damaged.count - 6] ^= 0x55 }
        return [
            packed("gzip bomb", [413], "gzip", bomb),
            packed("zstd bomb", [413], "zstd", zstandardBomb),
            packed("a bomb that is cut", [400, 413], "gzip", Array(bomb.dropLast(20))),
            packed("gzip that is cut", [400], "gzip", Array(small.dropLast(9))),
            packed("gzip with a wrong sum", [400], "gzip", damaged),
            packed("no gzip", [400], "gzip", Array("plain text".utf8)),
            packed("no zstd", [400], "zstd", Array("plain text".utf8)),
            packed("zstd that is cut", [400], "zstd", Array(zstandardBomb.prefix(9))),
            packed("no deflate", [400], "deflate", Array("plain text".utf8)),
            packed("unknown coding", [415], "br", small),
            packed("two codings", [415], "gzip\r\nContent-Encoding: gzip", small),
            packed("two codings in a list", [415], "gzip, gzip", small),
        ]
    }()

    private static let deep = String(repeating: "[", count: 100_000)
    private static let entities =
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><CellSet>&b;</CellSet>"
    private static let external =
        "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><CellSet><Row key=\"&a;\"/></CellSet>"

    static let wrong: [BadRequest] = [
        send("no JSON", [400], "PUT /v1/tables/u", "{", json),
        send("deep JSON", [400], "PUT /v1/tables/u", deep, json),
        send("no families", [400], "PUT /v1/tables/u", "{}", json),
        send("unknown setting", [400], "PUT /v1/tables/u", #"{"x":1}"#, json),
        send("name of the system", [400, 404], "PUT /v1/tables/silt:x", #"{"families":["f"]}"#),
        send("drop of the system", [400, 404], "DELETE /v1/tables/silt:tokens", ""),
        send("drop by HBase", [400, 404], "DELETE /silt:tokens/schema", ""),
        BadRequest("table of the system", [404], get("/v1/tables/silt:tokens/rows")),
        BadRequest("its rows", [404], get("/silt:tokens/*", "Accept: application/json\r\n")),
        BadRequest("a file", [404, 405], get("/../../../../etc/passwd")),
        BadRequest("an escaped file", [404, 405], get("/%2e%2e%2f%2e%2e%2fetc/passwd")),
        BadRequest("a zero byte", [404], get("/%00/r")),
        BadRequest("unknown path", [404], get("/v1/x")),
        BadRequest("empty path below", [404], get("/v1")),
        send("wrong method", [405], "DELETE /v1/tables", ""),
        send("wrong method of HBase", [405], "DELETE /t/scanner", ""),
        BadRequest("no such scanner", [404], get("/t/scanner/0123")),
        BadRequest("unacceptable", [406], get("/t/r", "Accept: image/png\r\n")),
        send("unknown media type", [415], "PUT /t/r/f:q", "x", "Content-Type: image/png\r\n"),
        send("entities", [400, 415], "PUT /t/r/f:q", entities, xml),
        send("external entity", [400, 415], "PUT /t/r/f:q", external, xml),
        send("no XML", [400], "PUT /t/r/f:q", "<CellSet><Row", xml),
        send("no JSON cells", [400], "PUT /t/r/f:q", "{", json),
        send("deep JSON cells", [400], "PUT /t/r/f:q", deep, json),
        send(
            "cut protobuf", [400], "PUT /t/r/f:q", [0x0a, 0x7f, 0x01],
            "Content-Type: application/x-protobuf\r\n"),
        BadRequest("no base 64", [400], get("/t/!!!?e=b64")),
        BadRequest("unknown encoding", [400], get("/t/r?e=rot13")),
        BadRequest("times in disorder", [400], get("/t/r/f:q/9,5")),
        BadRequest("limit of less than none", [400], get("/v1/tables/t/rows?limit=-1")),
        BadRequest("no versions", [400], get("/v1/tables/t/rows?versions=0")),
        BadRequest("wrong filter", [400], get("/v1/tables/t/rows?filter=Nonsense(")),
        BadRequest("where", [400], get("/v1/tables/t/rows?where=a")),
        BadRequest("an open where", [400], get("/v1/tables/t/rows?where=((f:q=1)")),
        send("increment by words", [400], "POST /v1/tables/t/rows/r/increment", #"{"f:q":"a"}"#),
        send("column without family", [400], "PUT /v1/tables/t/rows/r", #"{"q":"a"}"#),
        send("unknown durability", [400], "PUT /v1/tables/t/rows/r?durability=x", #"{"f:q":"a"}"#),
        send("wrong job", [400], "PUT /v1/jobs/j", "job: [", json),
        send("anchors in a job", [400], "PUT /v1/jobs/j", "a: &a [1]\nb: [*a, *a]", json),
        send("no event", [400], "POST /v1/streams/s", "nonsense", json),
        send("split at nothing", [400], "POST /v1/tables/t/split", "{}", json),
        send("split of no region", [400], "POST /v1/tables/t/split", #"{"region":"x"}"#, json),
        send("merge of one", [400], "POST /v1/tables/t/merge", #"{"first":"x"}"#, json),
        send("index order", [400], "PUT /v1/tables/t/indexes/f:q", #"{"order":"x"}"#, json),
        send("index of no family", [404], "PUT /v1/tables/t/indexes/g:q", "", json),
        send("index of no column", [400], "PUT /v1/tables/t/indexes/f", "", json),
        send("index that is not there", [404], "DELETE /v1/tables/t/indexes/f:z", "", json),
        send("the first token", [409], "PUT /v1/tokens/x", #"{"rights":"admin"}"#, json),
    ]

    static let all = malformed + smuggled + oversize + compressed + wrong

    /// The status of the first answer; `nil` when the connection ended without one.
    private func status(_ bytes: [UInt8], _ live: LiveServer) throws -> Int? {
        let client = try live.raw()
        client.send(bytes)
        let text = client.read(until: { $0.count >= 12 }).text
        return text.hasPrefix("HTTP/1.") ? Int(text.dropFirst(9).prefix(3)) : nil
    }

    private func expectAlive(_ live: LiveServer, _ name: String, _ headers: String = "") throws {
        let client = try live.raw()
        client.send(get("/v1/tables/t/rows/r", headers))
        let text = client.read(until: { $0.suffix(13) == Array(#"{"f:q":"kept"}"#.utf8).suffix(13) }
        )
        .text
        #expect(text.hasPrefix("HTTP/1.1 200") && text.contains("kept"), "after: \(name)")
    }

    @Test("each bad request gets its status, and the next client its answer")
    func badRequests() async throws {
        #expect(Self.all.count >= 100)
        try await withServer(configuring: { $0.bodyBytesMax = 1 << 20 }) {
            (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("r", ["f:q": "kept"])
            for bad in Self.all {
                let status = try status(bad.bytes, live)
                #expect(
                    status.map { bad.statuses.contains($0) } ?? bad.statuses.isEmpty,
                    "\(bad.testDescription): \(status ?? 0), not \(bad.statuses)")
                try expectAlive(live, bad.testDescription)
            }
            #expect(live.database.tables().map(\.name) == ["t"])
        }
    }

    @Test("a request that is cut off anywhere changes nothing, and the next client is answered")
    func truncated() async throws {
        try await withServer { (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("r", ["f:q": "kept"])
            let whole = send("", [], "PUT /t/r/f:q", "overwritten", Self.binary).bytes
            for count in stride(from: 0, to: whole.count, by: 7) {
                let client = try live.raw()
                client.send(Array(whole[..<count]))
                client.endInput()
                let text = client.read(until: { $0.count >= 12 }).text
                #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 4"), "cut at \(count): \(text)")
                try expectAlive(live, "cut at \(count)")
            }
        }
    }

    @Test("who brings no token that counts gets 401, whatever else the request is")
    func unauthenticated() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let all = AccessRights(.admin, prefixes: [])
        let texts = try await makeTokens(in: directory, [("root", all), ("gone", all)])
        let (root, gone) = (texts["root"] ?? "", texts["gone"] ?? "")
        let bad = [
            "", bearer(""), bearer("Bearer"), bearer("Bearer "), bearer("Bearer x"),
            bearer(root), bearer("Basic \(root)"), bearer("Token \(root)"),
            bearer("Bearer \(root)x"), bearer("Bearer \(root.dropLast())"),
            bearer("Bearer \(root.uppercased())"), bearer("Bearer \(root) \(root)"),
            bearer("Bearer \(root),\(root)"), bearer("Bearer \(gone)"),
            bearer("Bearer \(root)") + bearer("Bearer \(root)"),
            bearer("Bearer silt_root_") + bearer("Bearer \(root)"),
            bearer("Bearer silt_root_" + String(repeating: "0", count: 64)),
            bearer("Bearer silt__"), bearer("Bearer silt_root"), bearer("Bearer _root_"),
            "X-Authorization: Bearer \(root)\r\n", "Cookie: token=\(root)\r\n",
        ]
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let good = bearer("Bearer \(root)")
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("r", ["f:q": "kept"])
            #expect(
                try status(
                    Array("DELETE /v1/tokens/gone HTTP/1.1\r\n\(host)\(good)\r\n".utf8), live)
                    == 200)
            for headers in bad {
                for path in ["/t/r", "/v1/tables/t/rows/r", "/metrics", "/?token=\(root)"] {
                    let status = try status(Array(get(path, headers).utf8), live)
                    #expect(status == 401, "\(path) \(headers)")
                }
                let bomb = send(
                    "", [], "PUT /t/r/f:q", Self.bomb,
                    Self.binary + "Content-Encoding: gzip\r\n" + headers)
                #expect(try status(bomb.bytes, live) == 401, "\(headers)")
                try expectAlive(live, headers, good)
            }
            #expect(try status(Array(get("/healthz").utf8), live) == 200)
        }
    }
}
