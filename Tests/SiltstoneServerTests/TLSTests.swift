import Foundation
import SiltBytes
import SiltModel
import SiltTLS
import Siltstone
import Testing

@testable import SiltstoneServer

@Suite(.serialized) struct TLSTests {
    private static let authority = TestCertificates.folder.appendingPathComponent("authority.pem")
        .path

    @Test("curl reads and writes, in pieces too, and believes the right authority only")
    func curlTalks() async throws {
        let certificates = try TestCertificates.server()
        try await withServer(configuring: { $0.certificates = certificates }) { live in
            let base = "https://localhost:\(live.port)"
            let made = try curl(
                "--cacert", Self.authority, "-X", "PUT", "-d", #"{"families":["f"]}"#,
                "\(base)/v1/tables/t")
            #expect(made.status == 0 && made.output.contains("\"t\""), "\(made)")
            // Several records of TLS, and a body that is handed on as it comes.
            let value = String(repeating: "v", count: 1000)
            let rows = (0..<4000).map { #"{"row":"r\#($0)","put":{"f:q":"\#(value)"}}"# }
            let file = freshDirectory()
            defer { try? FileManager.default.removeItem(at: file) }
            try Data(rows.joined(separator: "\n").utf8).write(to: file)
            let uploaded = try curl(
                "--cacert", Self.authority, "-H", "Content-Type: application/x-ndjson",
                "--data-binary", "@\(file.path)", "\(base)/v1/tables/t/rows")
            #expect(uploaded.status == 0 && uploaded.output.contains("4000"), "\(uploaded)")
            let scanned = try curl("--cacert", Self.authority, "\(base)/v1/tables/t/rows")
            #expect(scanned.status == 0)
            #expect(scanned.output.components(of: value) == 4000)
            let opened = try curl(
                "--cacert", Self.authority, "-X", "PUT", "-H", "Content-Type: text/xml", "-d",
                "<Scanner/>", "-D", "-", "\(base)/t/scanner")
            #expect(opened.output.contains("Location: \(base)/t/scanner/"), "\(opened)")
            // By its address, and over HTTP/1.0, where the end of the connection ends the answer.
            let old = try curl(
                "--cacert", Self.authority, "--http1.0",
                "https://127.0.0.1:\(live.port)/v1/tables/t/rows")
            #expect(old.status == 0 && old.output.components(of: value) == 4000)
            let other = try curl(
                "--cacert",
                TestCertificates.folder.appendingPathComponent("other-authority.pem").path,
                "\(base)/version")
            #expect(other.status == 60)
            let plain = try curl("http://localhost:\(live.port)/version")
            #expect(plain.status != 0)
        }
    }

    @Test(
        "a client turns down certificates that expired, are for others or of an unknown authority")
    func clientChecks() async throws {
        for (name, host, word) in [
            ("server-expired", "localhost", "expired"),
            ("server-elsewhere", "localhost", "mismatch"),
            ("server", "10.0.0.1", "mismatch"),
        ] {
            let certificates = try TestCertificates.server(name)
            try await withServer(configuring: { $0.certificates = certificates }) { live in
                let error = await #expect(throws: SiltstoneError.self) {
                    try await TLSClient(host: host).get(live.port, "/version")
                }
                #expect(error?.message.contains(word) == true, "\(name) \(host): \(error as Any)")
                let unknown = await #expect(throws: SiltstoneError.self) {
                    try await TLSClient(authority: "other-authority").get(live.port, "/version")
                }
                #expect(unknown?.message.contains("issuer") == true, "\(unknown as Any)")
            }
        }
        let certificates = try TestCertificates.server()
        try await withServer(configuring: { $0.certificates = certificates }) { live in
            for host in ["localhost", "127.0.0.1"] {
                let answer = try await TLSClient(host: host).get(live.port, "/healthz")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
        }
    }

    @Test("who must show a certificate has the rights of the token of its name")
    func clientCertificates() async throws {
        let certificates = try TestCertificates.server(asksClients: true)
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let database = try await Database.open(at: directory.path)
        for name in ["a1", "b1"] {
            _ = try await database.createTable(name, families: [Family("f")])
        }
        try await database.close()
        let tokens = try await makeTokens(
            in: directory,
            [
                ("ada", AccessRights(.read, prefixes: ["a"])),
                ("other", AccessRights(.admin, prefixes: [])),
            ])
        let text = try #require(tokens["ada"])
        try await withServer(in: directory, configuring: { $0.certificates = certificates }) {
            (live: LiveServer) async throws in
            func status(_ path: String, _ certificate: String, _ headers: String = "") async throws
                -> Int
            {
                let answer = try await TLSClient(certificate: certificate)
                    .get(live.port, path, headers: headers)
                return Int(answer.split(separator: " ")[1]) ?? 0
            }
            #expect(try await status("/v1/tables/a1", "client-ada") == 200)
            #expect(try await status("/v1/tables/b1", "client-ada") == 403)
            #expect(try await status("/v1/tables/a1", "client-nobody") == 401)
            #expect(try await status("/healthz", "client-nobody") == 200)
            // A token that is given counts, and one that does not is no reason to look at the certificate.
            let bearer = "Authorization: Bearer \(text)\r\n"
            #expect(try await status("/v1/tables/a1", "client-nobody", bearer) == 200)
            let wrong = "Authorization: Bearer silt_ada_00\r\n"
            #expect(try await status("/v1/tables/a1", "client-ada", wrong) == 401)
            for certificate in [nil, "client-other", "client-expired"] {
                await #expect(throws: (any Error).self, "\(certificate ?? "none")") {
                    let answer = try await TLSClient(certificate: certificate)
                        .get(live.port, "/healthz")
                    // In TLS 1.3 a client learns it from the connection's end.
                    if answer.isEmpty { throw SiltstoneError(.unavailable, "no answer") }
                }
            }
        }
    }

    @Test("garbage and half handshakes end, in little memory, and the next client is answered")
    func garbage() async throws {
        let certificates = try TestCertificates.server()
        try await withServer(configuring: {
            $0.certificates = certificates
            $0.idleSeconds = 1
        }) { live in
            // A record that announces 16 KiB of a first message and does not end.
            let half =
                [0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xf0, 3, 3] + [UInt8](repeating: 7, count: 9000)
            let before = residentBytes()
            let slow = try (0..<200).map { _ in
                let client = try live.raw()
                client.send(half)
                return client
            }
            for text in [
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{0}\u{0}\u{0}", "SSH-2.0-x\r\n",
                String(repeating: "garbage", count: 10_000),
            ] {
                let client = try live.raw()
                client.send(text)
                let end = client.read(milliseconds: 5000)
                #expect(end.end == .closed || end.end == .reset, "\(text.prefix(20)): \(end.end)")
                #expect(!end.text.contains("HTTP/1.1"))
            }
            #expect(try await TLSClient().get(live.port, "/healthz").hasPrefix("HTTP/1.1 200"))
            #expect(residentBytes() - before < 64 << 20)
            for client in slow {
                let end = client.read(milliseconds: 5000).end
                #expect(end == .closed || end == .reset)
            }
            let metrics = try await TLSClient().get(live.port, "/metrics")
            let line = try #require(
                metrics.split(separator: "\n").first { $0.hasPrefix("siltstone_tls_failures") })
            // Three bytes are no record yet: that client was only slow, as the halves were.
            #expect(Int(line.split(separator: " ")[1]) == 3, "\(line)")
        }
    }

    @Test("answers wait for a client that does not take them, in little memory")
    func backPressure() async throws {
        let certificates = try TestCertificates.server()
        try await withServer(configuring: { $0.certificates = certificates }) {
            (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            let value = String(repeating: "v", count: 1 << 20)
            try await table.put("r", ["f:q": Bytes(value)], durability: .skipWAL)
            let get = "GET /t/r/f:q HTTP/1.1\r\nHost: x\r\nAccept: application/octet-stream\r\n"
            let requests =
                String(repeating: get + "\r\n", count: 99) + get
                + "Connection: close\r\n\r\n"
            let before = residentBytes()
            let answers = try await TLSClient().ask(live.port, requests) {
                for _ in 0..<10 {
                    try await Task.sleep(for: .milliseconds(200))
                    #expect(residentBytes() - before < 48 << 20)
                }
            }
            #expect(answers.components(of: "HTTP/1.1 200 OK") == 100)
            #expect(answers.utf8.count > 100 << 20)
        }
    }

    @Test("new connections get the certificates that were put in last")
    func replacing() async throws {
        let certificates = try TestCertificates.server()
        try await withServer(configuring: { $0.certificates = certificates }) { live in
            #expect(throws: SiltstoneError.self) {
                try live.server.replace(.init(chain: certificates.chain, key: [1, 2, 3]))
            }
            let other = try TestCertificates.server("server-elsewhere")
            #expect(throws: SiltstoneError.self) {
                try live.server.replace(.init(chain: certificates.chain, key: other.key))
            }
            #expect(try await TLSClient().get(live.port, "/healthz").hasPrefix("HTTP/1.1 200"))
            try live.server.replace(other)
            #expect(
                try await TLSClient(host: "silt.example").get(live.port, "/healthz")
                    .hasPrefix("HTTP/1.1 200"))
        }
        try await withServer { live in
            #expect(throws: SiltstoneError.self) { try live.server.replace(certificates) }
        }
    }

    @Test("beyond loopback there are TLS and tokens, or no server")
    func exposure() async throws {
        let certificates = try TestCertificates.server()
        func start(_ configure: (inout SiltstoneServer.Configuration) -> Void) async throws {
            try await withServer(configuring: {
                $0.host = "0.0.0.0"
                configure(&$0)
            }) { _ in }
        }
        let plain = await #expect(throws: SiltstoneError.self) { try await start { _ in } }
        #expect(plain?.message.contains("without TLS") == true)
        let open = await #expect(throws: SiltstoneError.self) {
            try await start { $0.certificates = certificates }
        }
        #expect(open?.message.contains("without tokens") == true)
        try await start {
            $0.certificates = certificates
            $0.webTokenSecret = [UInt8](repeating: 1, count: 32)
        }
        try await start { $0.isInsecure = true }
    }
}
