import Foundation
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

private let head = "Host: localhost\r\n"

private func get(_ path: String, _ more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\n\(head)\(more)\r\n"
}

private func put(_ path: String, _ body: String, _ more: String = "") -> String {
    "PUT \(path) HTTP/1.1\r\n\(head)Content-Type: application/octet-stream\r\n\(more)"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// What is no HTTP, and why.
struct Malformed: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String

    init(_ name: String, _ text: String) {
        testDescription = name
        self.text = text
    }
}

/// Makes table `t` with family `f`, and row `r` with a value of so many bytes.
private func fill(_ live: LiveServer, valueBytes: Int = 1000, rows: Int = 1) async throws {
    let table = try await live.database.createTable("t", families: [Family("f")])
    for index in 0..<rows {
        let value = Bytes([UInt8](repeating: UInt8(ascii: "x"), count: valueBytes))
        try await table.put(Bytes("r\(index)"), ["f:q": value], durability: .syncWAL)
    }
}

@Suite(.serialized) struct ConnectionTests {
    @Test("pipelined requests are answered in order, whatever their answers wait for")
    func pipelining() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live)
            let client = try live.raw()
            // The put is answered by the log; thousands of answers that are ready wait behind it.
            let many = 2000
            client.send(
                put("/t/a/f:q", "one") + String(repeating: get("/healthz"), count: many)
                    + get("/t/a/f:q", "Accept: application/octet-stream\r\nConnection: close\r\n"))
            let (text, end) = client.read()
            #expect(end == .closed)
            #expect(text.components(of: "HTTP/1.1 200 OK") == many + 2)
            #expect(text.components(of: "\r\n\r\nok\n") == many)
            #expect(text.hasSuffix("\r\n\r\none"))
        }
    }

    @Test("a client that sends requests without reading answers does not fill the server's memory")
    func unreadAnswers() async throws {
        try await withServer(configuring: { $0.idleSeconds = 1 }) {
            (live: LiveServer) async throws in
            try await fill(live, valueBytes: 1 << 20)
            let client = try live.raw()
            let request = get("/t/r0/f:q", "Accept: application/octet-stream\r\n")
            let before = residentBytes()
            client.send(String(repeating: request, count: 3000))
            try await Task.sleep(for: .milliseconds(300))
            // 3 GB of answers wait, in the requests that ask for them only; what grows beside
            // them belongs to the tests that run at the same time.
            #expect(residentBytes() - before < 1 << 30)
            #expect(try await live.send("GET", "/healthz").status == 200)
            // And it is cut off after a while.
            try await Task.sleep(for: .milliseconds(2500))
            let (text, end) = client.read()
            #expect(end == .closed || end == .reset)
            #expect(text.components(of: "HTTP/1.1 200 OK") < 100)
        }
    }

    @Test("keep-alive, close and HTTP/1.0 are kept as asked")
    func keepAlive() async throws {
        try await withServer { (live: LiveServer) async throws in
            let client = try live.raw()
            client.send(get("/healthz"))
            #expect(client.readAnswers(1).contains("200 OK"))
            client.send(get("/healthz", "Connection: close\r\n"))
            let last = client.read()
            #expect(last.text.contains("Connection: close") && last.end == .closed)

            let old = try live.raw()
            old.send("GET /healthz HTTP/1.0\r\n\r\n")
            let answer = old.read()
            #expect(answer.text.hasSuffix("ok\n") && answer.end == .closed)
            let kept = try live.raw()
            kept.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let first = kept.read(until: { $0.suffix(3) == Array("ok\n".utf8)[...] }).text
            #expect(first.lowercased().contains("connection: keep-alive"))
            kept.send("GET /healthz HTTP/1.0\r\n\r\n")
            #expect(kept.read().end == .closed)
        }
    }

    @Test("HEAD has the head of GET and no body, also for answers of unknown length")
    func headRequests() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live, valueBytes: 100_000, rows: 3)
            let client = try live.raw()
            client.send("HEAD /healthz HTTP/1.1\r\n\(head)\r\n" + get("/healthz"))
            let both = client.read(until: { $0.suffix(3) == Array("ok\n".utf8)[...] }).text
            #expect(
                both.components(of: "Content-Length: 3") == 2 && both.components(of: "ok\n") == 1)
            client.send("HEAD /v1/tables/t/rows HTTP/1.1\r\n\(head)\r\n")
            let streamed = client.read()
            #expect(streamed.text.contains("200 OK") && streamed.text.hasSuffix("\r\n\r\n"))
            #expect(streamed.end == .closed)
        }
    }

    @Test("a client that waits for 100 Continue gets it; another expectation is refused")
    func expectations() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live)
            let client = try live.raw()
            client.send(
                "PUT /t/e/f:q HTTP/1.1\r\n\(head)Content-Type: application/octet-stream\r\n"
                    + "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            #expect(client.readAnswers(1).hasPrefix("HTTP/1.1 100 Continue\r\n\r\n"))
            client.send("body")
            #expect(client.readAnswers(1).contains("200 OK"))
            let odd = try live.raw()
            odd.send(put("/t/e/f:q", "x", "Expect: nonsense\r\n"))
            #expect(odd.read().text.contains("417"))
            let large = try live.raw()
            large.send(
                "PUT /t/e/f:q HTTP/1.1\r\n\(head)Content-Length: 999999999999\r\n"
                    + "Expect: 100-continue\r\n\r\n")
            #expect(large.read().text.hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test("a body over the limit gets 413 and the connection ends, declared or not")
    func oversize() async throws {
        try await withServer(configuring: { $0.bodyBytesMax = 1000 }) {
            (live: LiveServer) async throws in
            let declared = try live.raw()
            declared.send(put("/t/r/f:q", String(repeating: "x", count: 200_000)))
            let refused = declared.read()
            #expect(refused.text.hasPrefix("HTTP/1.1 413") && refused.end == .closed)
            let chunked = try live.raw()
            chunked.send("PUT /t/r/f:q HTTP/1.1\r\n\(head)Transfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 where !chunked.send("64\r\n\(String(repeating: "x", count: 100))\r\n") {
                break
            }
            #expect(chunked.read().text.hasPrefix("HTTP/1.1 413"))
            #expect(try await live.send("GET", "/healthz").status == 200)
        }
    }

    @Test(
        "what is no HTTP gets 400 or 431 and the connection ends",
        arguments: [
            Malformed("no Host", "GET / HTTP/1.1\r\n\r\n"),
            Malformed("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            Malformed("no request line", "nonsense\r\n\r\n"),
            Malformed("space before a colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
            Malformed("NUL in a header", "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"),
            Malformed(
                "length and chunks",
                "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            Malformed(
                "two lengths",
                "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
            Malformed(
                "negative length", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
            Malformed(
                "chunk beyond 64 bits",
                "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx"
            ),
            Malformed(
                "long header",
                "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n"),
        ])
    func malformed(request: Malformed) async throws {
        try await withServer { (live: LiveServer) async throws in
            let client = try live.raw()
            client.send(request.text)
            let (text, end) = client.read()
            #expect(text.hasPrefix("HTTP/1.1 400") || text.hasPrefix("HTTP/1.1 431"))
            #expect(text.components(of: "HTTP/1.1 ") == 1 && end == .closed)
            #expect(try await live.send("GET", "/healthz").status == 200)
        }
    }

    @Test("a good request before a malformed one is still answered")
    func malformedSecond() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live)
            let client = try live.raw()
            client.send(put("/t/a/f:q", "x") + "nonsense\r\n\r\n")
            let (text, end) = client.read()
            #expect(text.hasPrefix("HTTP/1.1 200") && text.contains("HTTP/1.1 400"))
            #expect(end == .closed)
        }
    }

    @Test("a client that ends its side early still gets its answer")
    func halfClose() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live, valueBytes: 100_000, rows: 30)
            let client = try live.raw()
            client.send(put("/t/a/f:q", "x") + get("/v1/tables/t/rows"))
            client.endInput()
            let (text, end) = client.read()
            #expect(text.hasPrefix("HTTP/1.1 200") && text.hasSuffix("0\r\n\r\n") && end == .closed)
            let part = try live.raw()
            part.send("PUT /t/a/f:q HTTP/1.1\r\n\(head)Content-Length: 10\r\n\r\nabc")
            part.endInput()
            #expect(part.read().end == .closed)
        }
    }

    @Test("idle clients, slow heads and slow bodies are cut")
    func slowClients() async throws {
        try await withServer(configuring: { $0.idleSeconds = 1 }) {
            (live: LiveServer) async throws in
            let idle = try live.raw()
            let slowHead = try live.raw()
            let slowBody = try live.raw()
            slowHead.send("GET / HTTP/1.1\r\n")
            slowBody.send("PUT /t/r/f:q HTTP/1.1\r\n\(head)Content-Length: 1000\r\n\r\n")
            for _ in 0..<12 {
                try await Task.sleep(for: .milliseconds(150))
                slowHead.send("X: y\r\n")
                slowBody.send("x")
            }
            #expect(idle.read(milliseconds: 500).end == .closed)
            let end = slowHead.read(milliseconds: 500).end
            #expect(end == .closed || end == .reset)
            #expect(slowBody.read(milliseconds: 500).text.hasPrefix("HTTP/1.1 408"))
        }
    }

    @Test("a client that goes away in the middle of a long answer costs nothing but that")
    func goneClient() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live, valueBytes: 1 << 18, rows: 16)
            for _ in 0..<5 {
                let client = try live.raw()
                client.send(get("/v1/tables/t/rows"))
                _ = client.read(until: { $0.count > 10_000 })
            }
            let answer = try await live.send("GET", "/v1/tables/t/rows")
            #expect(answer.body.components(of: "\n") == 16)
        }
    }

    @Test("a scan that finds nothing ends when its client goes away")
    func goneScan() async throws {
        try await withServer(configuring: { $0.idleSeconds = 1 }) {
            (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            for start in stride(from: 0, to: 300_000, by: 5000) {
                var batch = WriteBatch()
                for row in start..<start + 5000 {
                    batch.put(Bytes("\(row)"), ["f:q": "1"], in: table)
                }
                try await live.database.write(batch, durability: .skipWAL)
            }
            // Many at once, so that whatever the speed, they take longer than a connection may be silent.
            let path = "/v1/tables/t/rows?filter=ValueFilter(=,'regexstring:(a*)*b')"
            for _ in 0..<16 {
                let client = try live.raw()
                client.send(get(path))
                client.endInput()
            }
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(20) {
                let metrics = try await live.send("GET", "/metrics").body
                if metrics.contains("siltstone_http_requests_in_flight 1\n") { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            Issue.record("scans go on without a client")
        }
    }

    @Test("shutting down lets requests under way end, closes idle connections, and ends quickly")
    func draining() async throws {
        try await withServer { (live: LiveServer) async throws in
            try await fill(live, valueBytes: 1 << 18, rows: 32)
            let idle = try live.raw()
            let kept = try live.raw()
            kept.send(get("/healthz"))
            _ = kept.readAnswers(1)
            let reading = try live.raw()
            reading.send(get("/v1/tables/t/rows"))
            let begin = reading.read(until: { $0.count > 100_000 }).text
            let receiving = try live.raw()
            receiving.send(
                "PUT /t/late/f:q HTTP/1.1\r\n\(head)Content-Type: application/octet-stream\r\n"
                    + "Content-Length: 4\r\n\r\nbo")
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            async let ended: Void = live.server.shutDown()
            try await Task.sleep(for: .milliseconds(200))
            #expect(idle.read(milliseconds: 100).end == .closed)
            kept.send(get("/healthz"))
            #expect(kept.read(milliseconds: 100).text.isEmpty)
            receiving.send("dy")
            let stored = receiving.read()
            #expect(stored.text.contains("200 OK") && stored.text.contains("Connection: close"))
            let rest = reading.read()
            #expect(rest.text.hasSuffix("0\r\n\r\n"))
            #expect((begin + rest.text).components(of: "\"row\"") == 32)
            await ended
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(throws: (any Error).self) { try RawClient(port: live.port) }
        }
    }

    @Test("a client that does not take its answer cannot hold up the end of the server")
    func drainDeadline() async throws {
        try await withServer(configuring: { $0.drainSeconds = 1 }) {
            (live: LiveServer) async throws in
            try await fill(live, valueBytes: 1 << 18, rows: 32)
            let client = try live.raw()
            client.send(get("/v1/tables/t/rows"))
            _ = client.read(until: { $0.count > 1000 })
            let start = ContinuousClock.now
            await live.server.shutDown()
            #expect(ContinuousClock.now - start < .seconds(3))
            let (text, _) = client.read()
            #expect(!text.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("more connections than allowed are closed at once")
    func connectionLimit() async throws {
        try await withServer(configuring: { $0.connectionCountMax = 3 }) {
            (live: LiveServer) async throws in
            let held = try (0..<3).map { _ in try live.raw() }
            for client in held { client.send(get("/healthz")) }
            for client in held { _ = client.readAnswers(1) }
            #expect(try live.raw().read().end != .timedOut)
        }
    }
}

/// The memory of this process that is in use.
func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
}
