import NIOHTTP1
import SiltBytes
import SiltCodec
import SiltModel
import Testing

@testable import SiltstoneServer

private func request(
    _ method: HTTPMethod, _ uri: String, headers: [(String, String)] = [], body: String = ""
) -> Request {
    Request(
        head: HTTPRequestHead(
            version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(headers)),
        body: Array(body.utf8))
}

@Suite struct RequestTests {
    @Test("the path is cut before it is decoded, the query decoded as a form")
    func splitting() {
        let parsed = request(.GET, "//t/a%2Fb+c/?x=1&y=%41+b&x=2&flag")
        #expect(parsed.segments == ["t", "a%2Fb+c"])
        #expect(Request.decode(parsed.segments[1]) == Array("a/b c".utf8))
        #expect(parsed.parameters("x") == ["1", "2"])
        #expect(parsed.parameter("y") == "A b")
        #expect(parsed.parameter("flag") == "")
        #expect(parsed.parameter("none") == nil)
    }

    @Test("the trace is that of W3C Trace Context, or none")
    func traces() {
        let trace = "0af7651916cd43dd8448eb211c80319c"
        func found(_ text: String) -> String? {
            HeadFacts(HTTPHeaders([("Traceparent", text)])).traceID
        }
        #expect(found("00-\(trace)-b7ad6b7169203331-01") == trace)
        // Later versions may say more.
        #expect(found("01-\(trace)-b7ad6b7169203331-01-more") == trace)
        for text in [
            "", "x", "00-\(trace)-b7ad6b7169203331", "ff-\(trace)-b7ad6b7169203331-01",
            "00-\(trace.uppercased())-b7ad6b7169203331-01", "00-\(trace)0-b7ad6b7169203331-01",
            "00-\(String(repeating: "0", count: 32))-b7ad6b7169203331-01",
        ] {
            #expect(found(text) == nil, "\(text)")
        }
        #expect(HeadFacts(HTTPHeaders()).traceID == nil)
    }

    @Test("a percent sign without two hex digits stays")
    func badEscapes() {
        #expect(Request.decode("%") == Array("%".utf8))
        #expect(Request.decode("%4") == Array("%4".utf8))
        #expect(Request.decode("%zz%41") == Array("%zzA".utf8))
        #expect(Request.decode("%00%ff") == [0, 255])
    }
}

@Suite struct RowSpecTests {
    private func spec(_ path: String) throws -> RowSpec {
        let parsed = request(.GET, path)
        return try RowSpec(parsed.segments[1...], parsed)
    }

    @Test("rows, columns and times of a path")
    func forms() throws {
        let whole = try spec("/t/r")
        #expect(whole.rows == .one("r") && whole.selectors.isEmpty && whole.times == .all)
        let columns = try spec("/t/r/f:q,g,h:")
        #expect(
            columns.selectors == [
                .column(Column("f", "q")), .family("g"), .column(Column("h", .empty)),
            ])
        #expect(try spec("/t/r//1000").times == .exactly(1000))
        #expect(try spec("/t/r/f:q/10,20").times == .range(TimeRange(min: 10, max: 20)))
        #expect(try spec("/t/a,b").rows == .range(start: "a", end: "b"))
        #expect(try spec("/t/a%2Cb").rows == .one("a,b"))
        #expect(try spec("/t/pre*/f:q").rows == .prefix("pre"))
    }

    @Test("base 64 keys, by query and by header, both alphabets")
    func base64() throws {
        #expect(try spec("/t/dGVzdHJvdzE/YTox?e=b64").rows == .one("testrow1"))
        let byHeader = request(.GET, "/t/dGVzdHJvdzE=", headers: [("Encoding", "base64url")])
        #expect(try RowSpec(byHeader.segments[1...], byHeader).rows == .one("testrow1"))
        #expect(throws: SiltstoneError.self) { try spec("/t/***?e=b64") }
        #expect(throws: SiltstoneError.self) { try spec("/t/r?e=rot13") }
    }

    @Test(
        "paths that name nothing are refused",
        arguments: ["/t/a,b,c", "/t/r/f:q/x", "/t/r/f:q/20,10", "/t/r/f:q/-1", "/t/r/f/1/2"])
    func refused(path: String) {
        #expect(throws: SiltstoneError.self) { try spec(path) }
    }
}

extension Request {
    /// A request of a head alone.
    init(head: HTTPRequestHead, body: [UInt8]) {
        self.init(head: head, facts: HeadFacts(head.headers), body: body, id: "test")
    }
}

@Suite struct ContentCodingTests {
    @Test("answers are compressed as clients like best")
    func answers() throws {
        for (field, wanted) in [
            ("gzip", "gzip"), ("gzip;q=0.5, zstd", "zstd"), ("zstd;q=0.1, gzip", "gzip"),
            ("br, zstd;q=0", ""), ("identity", ""), ("gzip, deflate, br, zstd", "zstd"),
        ] {
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: "/", headers: ["Accept-Encoding": field])
            let coding = Request(head: head, body: []).answerCoding
            #expect(coding?.rawValue ?? "" == wanted, "\(field)")
        }
        let plain = [UInt8](repeating: 0x61, count: 100_000)
        guard case .bytes(let packed) = Response(.ok, body: plain).compressed(.zstandard).body
        else {
            Issue.record("the answer is no longer whole")
            return
        }
        #expect(try ZstandardReader.decompress(packed, limit: 1 << 20) == plain)
    }
}
