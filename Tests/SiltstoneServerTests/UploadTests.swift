import Foundation
import SiltBytes
import SiltCodec
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

private let table = "/v1/tables/t/rows"

private func post(_ path: String, _ more: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\(more)\r\n"
}

private func chunk(_ bytes: [UInt8]) -> [UInt8] {
    Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
}

private let end = Array("0\r\n\r\n".utf8)

private func lines(_ range: Range<Int>) -> [UInt8] {
    Array(range.map { #"{"row":"r\#($0)","put":{"f:q":"\#($0)"}}"# + "\n" }.joined().utf8)
}

/// Sends a body in chunks of `size` and gives the answer.
private func upload(
    _ live: LiveServer, _ path: String, _ body: [UInt8], _ more: String = "",
    chunks size: Int = 1000
) throws -> String {
    let client = try live.raw()
    client.send(post(path, more))
    for start in stride(from: 0, to: body.count, by: size) {
        client.send(chunk(Array(body[start..<min(start + size, body.count)])))
    }
    client.send(end)
    return client.readAnswers(1)
}

/// Asks until it is so, for at most a minute.
private func eventually(_ isSo: () async throws -> Bool) async throws -> Bool {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(60) {
        if try await isSo() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}

extension LiveServer {
    fileprivate func hasRow(_ row: String) async throws -> Bool {
        try await send("GET", "\(table)/\(row)").status == 200
    }
}

private func withTable(
    configuring configure: (inout SiltstoneServer.Configuration) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Void
) async throws {
    try await withServer(configuring: configure) { (live: LiveServer) async throws in
        let made = try await live.database.createTable("t", families: [Family("f")])
        try await made.put("first", ["f:q": "1"], durability: .syncWAL)
        try await body(live)
    }
}

@Suite(.serialized) struct UploadTests {
    @Test("records are stored while the body is on its way")
    func early() async throws {
        try await withTable { (live: LiveServer) async throws in
            let client = try live.raw()
            client.send(post(table))
            client.send(chunk(lines(0..<2000)))
            #expect(try await eventually { try await live.hasRow("r1999") })
            client.send(chunk(Array("nonsense\n".utf8) + lines(2000..<40_000)))
            client.send(end)
            let text = client.read(
                milliseconds: 60_000, until: { $0.count(of: "applied") > 0 }
            ).text
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(text.contains(#"{"applied":40000,"failed":1,"first_failed":2001}"#))
            #expect(text.contains(#"{"line":2001,"error""#))
            // The connection goes on.
            client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.readAnswers(1).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("a client that goes away leaves what it sent, and nothing else")
    func gone() async throws {
        try await withTable { (live: LiveServer) async throws in
            try await abandon(live)
            #expect(try await live.send("GET", "\(table)/torn").status == 404)
            // Only the request for the metrics is under way.
            let inFlight = "siltstone_http_requests_in_flight 1\n"
            #expect(
                try await eventually {
                    try await live.send("GET", "/metrics").body.contains(inFlight)
                })
        }
    }

    /// Sends 3,000 rows and half of another, and goes away once those are stored.
    private func abandon(_ live: LiveServer) async throws {
        let client = try live.raw()
        client.send(post(table))
        client.send(chunk(lines(0..<3000) + Array(#"{"row":"torn","put":{"f:"#.utf8)))
        #expect(try await eventually { try await live.hasRow("r2999") })
    }

    @Test("arrays, CSV and line protocol hold rows too", arguments: [3, 1000])
    func formats(size: Int) async throws {
        try await withTable { (live: LiveServer) async throws in
            let array = Array(
                #" [{"row":"a","put":{"f:q":"[}\"]"}}, {"row":"b","put":{"f:q":2}} ] "#.utf8)
            let first = try upload(live, table, array, chunks: size)
            #expect(first.contains(#"{"applied":2,"failed":0}"#))
            #expect(try await live.send("GET", "\(table)/a").body == #"{"f:q":"[}\"]"}"#)
            let csv = Array(
                "row,ts,f:q,f:r\nc,5,\"x, \"\"y\"\"\nz\",\nd,,1,2\r\n,,3,\nend,1\n".utf8)
            let second = try upload(
                live, table, csv, "Content-Type: text/csv; charset=utf-8\r\n", chunks: size)
            #expect(second.contains(#"{"applied":2,"failed":2,"first_failed":5}"#))
            #expect(
                try await live.send("GET", "\(table)/c?versions=1").body
                    == #"{"f:q":[{"text":"x, \"y\"\nz","ts":5}]}"#)
            #expect(try await live.send("GET", "\(table)/d").body == #"{"f:q":"1","f:r":"2"}"#)
            let points = Array("# a comment\ncpu,host=a v=1i 7\ncpu,host=a v=x 8\n".utf8)
            let third = try upload(
                live, "\(table)?format=line_protocol&precision=s", points, chunks: size)
            #expect(third.contains(#"{"applied":1,"failed":1,"first_failed":3}"#))
            let row = "cpu,host%3Da%200000000007000000000"
            #expect(
                try await live.send("GET", "\(table)/\(row)?versions=1").body
                    == #"{"f:v":[{"text":"1","ts":7000}]}"#)
        }
    }

    @Test("a body that breaks off is answered with what is stored and where to go on")
    func broken() async throws {
        try await withTable { (live: LiveServer) async throws in
            let array = Array("[{\"row\":\"a\",\"put\":{\"f:q\":\"1\"}},\n{\"row\":\"b\"".utf8)
            let text = try upload(live, table, array)
            #expect(text.hasPrefix("HTTP/1.1 400") && text.contains("array has no end"))
            #expect(text.contains(#""detail":{"applied":1,"failed":0,"next_line":2}"#))
            let csv = try upload(live, "\(table)?format=csv", Array("a,b\n1,2\n".utf8))
            #expect(csv.hasPrefix("HTTP/1.1 400") && csv.contains("column=a"))
            let packed = GzipWriter.compress(lines(0..<5000)) ?? []
            let torn = Array(packed.dropLast(20))
            let answer = try upload(live, table, torn, "Content-Encoding: gzip\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains("ends too early"))
            let damaged = try upload(live, table, Array(1...40), "Content-Encoding: zstd\r\n")
            #expect(damaged.hasPrefix("HTTP/1.1 400") && damaged.contains("cannot be decompressed"))
        }
    }

    @Test("compressed bodies are restored while they arrive", arguments: ["gzip", "zstd"])
    func compressed(coding: String) async throws {
        try await withTable { (live: LiveServer) async throws in
            let plain = lines(0..<20_000)
            let packed =
                coding == "gzip"
                ? GzipWriter.compress(plain) : ZstandardWriter()?.add(plain, finishes: true)
            let text = try upload(
                live, table, try #require(packed), "Content-Encoding: \(coding)\r\n")
            #expect(text.contains(#"{"applied":20000,"failed":0}"#))
            let scanned = try await live.send("GET", "\(table)?limit=20001").body
            #expect(scanned.utf8.count { $0 == 0x0a } == 20_001)
        }
    }

    @Test("a body that is refused is not waited for")
    func refused() async throws {
        try await withTable { (live: LiveServer) async throws in
            for (path, status) in [
                ("/v1/tables/none/rows", "404"), ("\(table)?format=xml", "400"),
                ("\(table)?durability=x", "400"), ("/write?db=none", "404"), ("/write", "400"),
            ] {
                let client = try live.raw()
                client.send(post(path) + "5\r\n")
                let (text, end) = client.read()
                #expect(text.hasPrefix("HTTP/1.1 \(status)") && end == .closed, "\(path)")
            }
            // Short enough to be read to its end: the connection stays.
            let client = try live.raw()
            let body = String(repeating: "x", count: 300 << 10)
            client.send(
                "POST /v1/tables/none/rows HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                    + "\(body.utf8.count)\r\n\r\n\(body)GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = client.readAnswers(2)
            #expect(text.hasPrefix("HTTP/1.1 404") && text.contains("HTTP/1.1 200"))
        }
    }

    @Test("a body that comes too slowly is cut, one that comes is not")
    func slow() async throws {
        // Long enough for a busy machine to bring a piece in time.
        try await withTable(configuring: { $0.idleSeconds = 4 }) {
            (live: LiveServer) async throws in
            let (slow, quick) = (try live.raw(), try live.raw())
            Self.drip(slow, quick)
            #expect(slow.read().text.hasPrefix("HTTP/1.1 408"))
            quick.send(end)
            #expect(quick.readAnswers(1).hasPrefix("HTTP/1.1 200"))
        }
    }

    /// Sends a byte at a time to one, rows to the other, for longer than a connection may be idle.
    ///
    /// Keeps its thread: a task that sleeps waits for its turn after all other tests, longer than that.
    private static func drip(_ slow: RawClient, _ quick: RawClient) {
        slow.send(post(table))
        quick.send(post(table))
        for index in 0..<20 {
            usleep(250_000)
            slow.send(chunk([0x20]))
            quick.send(chunk(lines(index * 2000..<(index + 1) * 2000)))
        }
    }

    @Test("InfluxDB's clients write as they are used to")
    func influx() async throws {
        try await withServer { (live: LiveServer) async throws in
            #expect(try await live.send("GET", "/ping").status == 204)
            let packed = try await live.send(
                "GET", "/ping", headers: ["Content-Encoding": "gzip"])
            #expect(packed.status == 204)
            let made = try await live.send("POST", "/query?q=CREATE%20DATABASE%20%22measures%22")
            #expect(made.status == 200)
            let point = #"cpu,region=eu\ 1,host=a\,b load=0.5,n=3i,up=t,note="a \"b\"" 1700000000"#
            let first = try await live.send(
                "POST", "/write?db=measures&precision=s", "\(point)\n")
            #expect(first.status == 204 && first.body.isEmpty)
            let key = #"cpu,host=a\,b,region=eu\ 1 1700000000000000000"#
            let table = try live.database.table("measures")
            let row = try #require(try await table.get(Bytes(key)))
            let values = row.cells.map {
                "\($0.column.qualifier.string ?? "")=\($0.value.string ?? "")"
            }
            #expect(values == ["load=0.5", "n=3", #"note=a "b""#, "up=true"])
            #expect(row.cells.allSatisfy { $0.timestamp == 1_700_000_000_000 })
            let second = try await live.send(
                "POST", "/api/v2/write?org=o&bucket=measures", "m v=1\n\nm v= 5\nm v=2\n")
            #expect(second.status == 400)
            #expect(second.body.contains("line 3") && second.body.contains("written=2 dropped=1"))
            #expect(second.body.hasPrefix(#"{"code":"invalid","message":"#))
            let missing = try await live.send("POST", "/write?db=none", "m v=1")
            #expect(missing.status == 404 && missing.body.contains("database not found"))
            for wrong in [
                "m v=1 99999999999999999999", "m v=1 -5", "m,a=1,a=2 v=1", "m", "m v=\"x",
            ] {
                let answer = try await live.send("POST", "/write?db=measures", wrong)
                #expect(answer.status == 400, "\(wrong)")
            }
        }
    }

    @Test("InfluxDB's ways of sending a token count")
    func influxTokens() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let texts = try await makeTokens(
            in: directory, [("w", AccessRights(.write, prefixes: ["m"]))])
        let text = try #require(texts["w"])
        try await withServer(in: directory) { (live: LiveServer) async throws in
            _ = try await live.database.createTable("m1", families: [Family("f")])
            let basic = Base64.encode(Array("user:\(text)".utf8))
            for header in ["Token \(text)", "Bearer \(text)", "Basic \(basic)"] {
                let answer = try await live.send(
                    "POST", "/write?db=m1", "a b=1", headers: ["Authorization": header])
                #expect(answer.status == 204)
            }
            for (path, header, status) in [
                ("/write?db=m1", "Basic x", 401), ("/write?db=m1", "", 401),
                ("/write?db=other", "Token \(text)", 403),
                ("/query?q=CREATE%20DATABASE%20m2", "Token \(text)", 403),
            ] {
                let answer = try await live.send(
                    "POST", path, "a b=1", headers: ["Authorization": header])
                #expect(answer.status == status, "\(path) \(header)")
            }
        }
    }
}

@Suite struct RecordSplitterTests {
    private func split(_ kind: RecordSplitter.Kind, _ text: String, by size: Int) throws -> [String]
    {
        var splitter = RecordSplitter(kind)
        var found: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            splitter.add(Array(bytes[start..<min(start + size, bytes.count)]))
            while let record = try splitter.next(isLast: false) {
                found.append("\(record.line) \(String(decoding: record.bytes, as: UTF8.self))")
            }
        }
        while let record = try splitter.next(isLast: true) {
            found.append("\(record.line) \(String(decoding: record.bytes, as: UTF8.self))")
        }
        return found
    }

    @Test("records are the same however the body is cut", arguments: [1, 2, 3, 7, 100])
    func cuts(size: Int) throws {
        #expect(try split(.lines, "a\r\n\nb", by: size) == ["1 a", "2 ", "3 b"])
        #expect(try split(.json, "\n {a}\n{b}\n", by: size) == ["2 {a}", "3 {b}"])
        #expect(
            try split(.json, "\n[{\"x\":[1,\"]}\\\"\"]\n},\n\n{}]\n", by: size)
                == ["2 {\"x\":[1,\"]}\\\"\"]\n}", "5 {}"])
        #expect(
            try split(.csv, "a,\"b\n\"\"c\"\nd,e\"\nf", by: size)
                == ["1 a,\"b\n\"\"c\"", "3 d,e\"", "4 f"])
    }

    @Test(
        "what is no array is refused",
        arguments: ["[", "[{}", "[{},]", "[1]", "[{}]x", "[{}{}]", "[,{}]"])
    func wrongArrays(text: String) {
        #expect(throws: SiltstoneError.self) { try split(.json, text, by: 2) }
    }

    @Test("a body that unpacks to far more than it is is given up")
    func bomb() throws {
        final class Counter: BodySink {
            var count = 0
            var heldBytes: Int { 0 }
            func take(_ piece: [UInt8]) { count += piece.count }
            func finish() -> Response { UploadDialect.influx(.first).answer(UploadCounts()) }
            func failure(_ error: SiltstoneError) -> Response { finish() }
        }
        let zeros = [UInt8](repeating: 0, count: 16 << 20)
        let packed = try #require(ZstandardWriter()?.add(zeros, finishes: true))
        let counter = Counter()
        let strict = try UnpackingSink("zstd", counter, freeBytes: 1 << 20)
        let sink = try #require(strict)
        #expect(throws: SiltstoneError.self) { try sink.take(packed) }
        #expect(counter.count < 2 << 20)
        let free = try #require(try UnpackingSink("zstd", Counter()))
        try free.take(packed)
        _ = try free.finish()
    }
}

extension [UInt8] {
    fileprivate func count(of text: String) -> Int {
        String(decoding: self, as: UTF8.self).components(of: text)
    }
}
