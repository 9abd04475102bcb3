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

    /// A head of these lines.
    private static func head(_ name: String, _ status: Int, _ lines: String...) -> BadRequest {
        BadRequest(name, [status], lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// More of what is no HTTP: other protocols, and bytes where they must not be.
    static let malformedMore: [BadRequest] = [
        head("tab in the line", 400, "GET\t/ HTTP/1.1", "Host: x"),
        head("space before the method", 400, " GET / HTTP/1.1", "Host: x"),
        head("words after the version", 400, "GET / HTTP/1.1 x", "Host: x"),
        head("no version", 400, "GET /", "Host: x"),
        head("half a version", 400, "GET / HTTP/1", "Host: x"),
        head("version without a dot", 400, "GET / HTTP/11", "Host: x"),
        head("version of two digits", 400, "GET / HTTP/1.10", "Host: x"),
        head("version in small letters", 400, "GET / http/1.1", "Host: x"),
        head("HTTP/0.9", 400, "GET / HTTP/0.9", "Host: x"),
        head("HTTP/3.0", 400, "GET / HTTP/3.0", "Host: x"),
        head("preface of HTTP/2", 400, "PRI * HTTP/2.0", "", "SM"),
        head("SSH", 400, "SSH-2.0-OpenSSH_9.7"), head("SMTP", 400, "EHLO example.org"),
        head("Redis", 400, "*1", "$4", "PING"),
        head("zero in the path", 400, "GET /a\0b HTTP/1.1", "Host: x"),
        head("delete in the path", 400, "GET /a\u{7f}b HTTP/1.1", "Host: x"),
        head("line feed in the path", 400, "GET /a\nb HTTP/1.1", "Host: x"),
        head("bytes beyond ASCII in the path", 400, "GET /é HTTP/1.1", "Host: x"),
        head("zero in the method", 400, "G\0T / HTTP/1.1", "Host: x"),
        head("long method", 400, String(repeating: "A", count: 70_000) + " / HTTP/1.1", "Host: x"),
        head("return in a value", 400, "GET / HTTP/1.1", "Host: x", "X: a\rb"),
        head("delete in a value", 400, "GET / HTTP/1.1", "Host: x", "X: a\u{7f}b"),
        head("control in a value", 400, "GET / HTTP/1.1", "Host: x", "X: a\u{1}b"),
        head("zero in a name", 400, "GET / HTTP/1.1", "Host: x", "A\0B: c"),
        head("bytes beyond ASCII in a name", 400, "GET / HTTP/1.1", "Host: x", "é: c"),
        head("quotes in a name", 400, "GET / HTTP/1.1", "Host: x", "\"A\": c"),
        head("tab before a colon", 400, "GET / HTTP/1.1", "Host\t: x"),
        head("the first header folded", 400, "GET / HTTP/1.1", " Host: x"),
        head("folded with a tab", 400, "GET / HTTP/1.1", "Host: x", "X: a", "\tb"),
        head("two other Hosts", 400, "GET / HTTP/1.1", "Host: x", "Host: y"),
        head("a list of Hosts", 400, "GET / HTTP/1.1", "Host: x, y"),
        head("one more expectation", 417, "GET / HTTP/1.1", "Host: x", "Expect: 100-continue, tea"),
        head("asterisk", 405, "GET * HTTP/1.1", "Host: x"),
        head("an authority for a path", 400, "GET x:80 HTTP/1.1", "Host: x"),
        head("no slash", 400, "GET t/r HTTP/1.1", "Host: x"),
        head("a URL for a path", 404, "GET http://elsewhere/t/r HTTP/1.1", "Host: x"),
        send("PROPFIND", [405], "PROPFIND /t/r", ""), send("LOCK", [405], "LOCK /t/r", ""),
        send("PATCH", [405], "PATCH /v1/tables/t/rows/r", "{}", json),
    ]

    private static let chunked = "Transfer-Encoding: chunked"
    private static let chunks = "5\r\nabcde\r\n0\r\n\r\n"

    /// More of what two servers could take for different requests.
    static let smuggledMore: [BadRequest] = [
        framed("chunked twice", [400, 501], "\(chunked)\r\n\(chunked)", chunks),
        framed("chunked twice in a list", [400, 501], "\(chunked), chunked", chunks),
        framed("identity", [400, 501], "Transfer-Encoding: identity"),
        framed("gzip, then chunked", [501], "Transfer-Encoding: gzip, chunked", chunks),
        framed(
            "gzip and chunked apart", [400, 501], "Transfer-Encoding: gzip\r\n\(chunked)", chunks),
        framed("no coding", [400, 501], "Transfer-Encoding:", chunks),
        framed("chunked with a weight", [400, 501], "\(chunked);q=1", chunks),
        framed("folded coding", [400], "Transfer-Encoding:\r\n chunked", chunks),
        framed("coding after a control", [400, 501], "Transfer-Encoding: \u{b}chunked", chunks),
        framed("other coding and length", [400, 501], "Transfer-Encoding: x\r\nContent-Length: 5"),
        framed(
            "length and identity", [400, 501], "Content-Length: 5\r\nTransfer-Encoding: identity"),
        BadRequest(
            "chunks of HTTP/1.0", [400],
            "PUT /t/r/f:q HTTP/1.0\r\n\(binary)\(chunked)\r\n\r\n\(chunks)"),
        framed("length with a fraction", [400], "Content-Length: 5.0"),
        framed("length with an exponent", [400], "Content-Length: 5e0"),
        framed("length with an underscore", [400], "Content-Length: 5_0"),
        framed("quoted length", [400], "Content-Length: \"5\""),
        framed("a list of one length", [400], "Content-Length: 5,"),
        framed("length and semicolon", [400], "Content-Length: 5;"),
        framed("length in other digits", [400], "Content-Length: \u{ff15}"),
        framed("length after a control", [400], "Content-Length: \u{b}5"),
        framed("length before a zero byte", [400], "Content-Length: 5\0"),
        framed("length of 2^64 + 5", [400], "Content-Length: 18446744073709551621"),
        framed("length of 2^63", [400, 413], "Content-Length: 9223372036854775808"),
        framed("space before the colon of a length", [400], "Content-Length : 5"),
        framed("chunk of no size", [400], chunked, "\r\nab\r\n0\r\n\r\n"),
        framed("signed chunk", [400], chunked, "+2\r\nab\r\n0\r\n\r\n"),
        framed("space before a chunk's size", [400], chunked, " 2\r\nab\r\n0\r\n\r\n"),
        framed("space after a chunk's size", [400], chunked, "2 \r\nab\r\n0\r\n\r\n"),
        framed("chunk with a fraction", [400], chunked, "2.0\r\nab\r\n0\r\n\r\n"),
        framed("chunk of 2^64 + 2", [400], chunked, "10000000000000002\r\nab\r\n0\r\n\r\n"),
        framed("chunk shorter than it says", [400], chunked, "5\r\nab\r\n0\r\n\r\n"),
        framed("line feeds for chunks", [400], chunked, "2\nab\n0\n\n"),
        framed("no line end after a chunk", [400], chunked, "2\r\nab0\r\n\r\n"),
        framed("zero in a chunk's extension", [400], chunked, "2;a=\0\r\nab\r\n0\r\n\r\n"),
        framed("trailer without colon", [400], chunked, "2\r\nab\r\n0\r\nnonsense\r\n\r\n"),
        framed("space in a trailer", [400], chunked, "2\r\nab\r\n0\r\nA b: c\r\n\r\n"),
        framed("length in a trailer", [400], chunked, "2\r\nab\r\n0\r\nContent-Length: 9\r\n\r\n"),
    ]

    /// Floods of headers, and long ones.
    static let floods: [BadRequest] = [
        BadRequest("1,000 headers", [431], get("/", (0..<1000).map { "X\($0): y\r\n" }.joined())),
        BadRequest(
            "one header 300 times", [431], get("/", String(repeating: "X: y\r\n", count: 300))),
        BadRequest("empty headers", [431], get("/", (0..<300).map { "X\($0):\r\n" }.joined())),
        BadRequest(
            "cookies", [431],
            get("/", String(repeating: "Cookie: \(long.prefix(1_000))\r\n", count: 100))),
        BadRequest(
            "long query", [414, 431], get("/v1/tables?" + String(repeating: "a=b&", count: 20_000))),
        BadRequest("long parameter", [414, 431], get("/v1/tables?a=\(long)\(long)\(long)\(long)")),
        BadRequest(
            "long path in pieces", [414, 431], get("/" + String(repeating: "a/", count: 40_000))),
        BadRequest("escaped path", [414, 431], get("/" + String(repeating: "%41", count: 30_000))),
        BadRequest("long token", [431], get("/", bearer("Bearer \(long)"))),
        BadRequest("long Host", [431], "GET / HTTP/1.1\r\nHost: \(long)\r\n\r\n"),
        framed(
            "many trailers", [431], chunked,
            "2\r\nab\r\n0\r\n" + (0..<300).map { "X\($0): y\r\n" }.joined() + "\r\n"),
        framed("long trailer", [431], chunked, "2\r\nab\r\n0\r\nX: \(long)\(long)\r\n\r\n"),
    ]

    /// More of what is HTTP and wrong.
    static let wrongMore: [BadRequest] = [
        send("no body", [400], "PUT /v1/tables/t/rows/r", "", json),
        send("a list", [400], "PUT /v1/tables/t/rows/r", "[]", json),
        send("no columns", [400], "PUT /v1/tables/t/rows/r", "{}", json),
        send("a list for a value", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":[1]}"#, json),
        send("another family", [404], "PUT /v1/tables/t/rows/r", #"{"g:q":"1"}"#, json),
        send(
            "no base 64 for a value", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":{"b64":"!!"}}"#,
            json),
        send("JSON that is cut", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":"1""#, json),
        send("JSON and more", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":"1"}}"#, json),
        send("half a surrogate", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":"\ud800"}"#, json),
        send("no number", [400], "PUT /v1/tables/t/rows/r", #"{"f:q":NaN}"#, json),
        send("append of nothing", [400], "POST /v1/tables/t/rows/r/append", "{}", json),
        send(
            "increment beyond 64 bits", [400], "POST /v1/tables/t/rows/r/increment",
            #"{"f:q":99999999999999999999}"#),
        send(
            "increment by a fraction", [400], "POST /v1/tables/t/rows/r/increment", #"{"f:q":1.5}"#),
        send(
            "check of no column", [400], "POST /v1/tables/t/rows/r/check",
            #"{"equals":"x","put":{"f:q":"1"}}"#),
        send(
            "check for nothing", [400], "POST /v1/tables/t/rows/r/check",
            #"{"column":"f:q","equals":"x"}"#),
        send("unknown operation", [404], "POST /v1/tables/t/rows/r/explode", "{}", json),
        BadRequest("get of an operation", [405], get("/v1/tables/t/rows/r/increment")),
        send("slash in a name", [400], "PUT /v1/tables/a%2fb", #"{"families":["f"]}"#, json),
        send("dots for a name", [400], "PUT /v1/tables/..", #"{"families":["f"]}"#, json),
        send(
            "long name", [400], "PUT /v1/tables/\(long.prefix(300))", #"{"families":["f"]}"#, json),
        send("colon in a family", [400], "PUT /v1/tables/u", #"{"families":["f:g"]}"#, json),
        send("a list of no families", [400], "PUT /v1/tables/u", #"{"families":[]}"#, json),
        BadRequest("limit in words", [400], get("/v1/tables/t/rows?limit=many")),
        BadRequest(
            "limit beyond 64 bits", [400], get("/v1/tables/t/rows?limit=99999999999999999999")),
        BadRequest("versions in words", [400], get("/v1/tables/t/rows/r?versions=x")),
        BadRequest("columns of no family", [404], get("/v1/tables/t/rows/r?columns=g:q")),
        BadRequest("no such table", [404], get("/v1/tables/u/rows/r")),
        BadRequest("no such row", [404], get("/v1/tables/t/rows/none")),
        BadRequest("an escape that is cut", [400, 404], get("/v1/tables/t/rows/%4")),
        BadRequest("no versions of HBase", [400], get("/t/r?v=0")),
        BadRequest("times in words", [400], get("/t/r/f:q/x")),
        BadRequest("a path too long", [400], get("/t/r/f:q/1,2/z/y")),
        send("a cell of no column", [400], "PUT /t/r", "x", binary),
        send("a time in words", [400], "PUT /t/r/f:q", "x", binary + "X-Timestamp: x\r\n"),
        send("unknown check", [400], "PUT /t/r?check=tea", #"{"Row":[]}"#, json),
        send("no media type", [415], "PUT /t/r/f:q", "x"),
        send("no scanner", [400], "PUT /t/scanner", "<Scanner", xml),
        send(
            "times of a scanner in disorder", [400], "PUT /t/scanner",
            #"<Scanner startTime="9" endTime="5"/>"#, xml),
        send("end of no scanner", [404], "DELETE /t/scanner/xyz", ""),
        BadRequest("no name space", [404], get("/namespaces/none", "Accept: application/json\r\n")),
        send("drop of the default name space", [503], "DELETE /namespaces/default", ""),
        BadRequest("no job", [404], get("/v1/jobs/none")),
        send("no snapshot", [404], "DELETE /v1/snapshots/none", ""),
        send("long stream", [400], "POST /v1/streams/\(long.prefix(300))", "{}", json),
        send(
            "CSV without row", [400], "POST /v1/tables/t/rows", "a,b\n1\n",
            "Content-Type: text/csv\r\n"),
        send("no line protocol", [400], "POST /write?db=t", "nonsense"),
        send("no database", [400], "POST /write", "m f=1"),
        send("unknown precision", [400], "POST /write?db=t&precision=y", "m f=1"),
        send(
            "bomb for a table", [413], "PUT /v1/tables/u", bomb, json + "Content-Encoding: gzip\r\n"
        ),
        send(
            "gzip with a tail", [400], "PUT /t/r/f:q", (GzipWriter.compress([1]) ?? []) + [7, 7],
            binary + "Content-Encoding: gzip\r\n"),
        send(
            "a coding that nobody uses", [415], "PUT /t/r/f:q", "x",
            binary + "Content-Encoding: compress\r\n"),
        send(
            "Zstandard with a large window", [400], "PUT /t/r/f:q",
            [0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0], binary + "Content-Encoding: zstd\r\n"),
    ]

    static let all =
        malformed + smuggled + oversize + compressed + wrong + malformedMore + smuggledMore + floods
        + wrongMore

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
        #expect(Self.all.count >= 200)
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
            #expect(try await table.get("r")?.cells.count == 1)
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
