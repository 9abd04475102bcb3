import Foundation
import Testing

@Suite("TLS")
struct TLSCommandTests {
    private let scratch = Scratch()

    /// A file of data/tls.
    private func file(_ name: String) -> String {
        Program.root.appendingPathComponent("data/tls/\(name)").path
    }

    /// Puts a file of data/tls where a server looks.
    private func use(_ name: String, as other: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: file(name))).write(to: scratch.url(other))
    }

    /// Asks again and again, for as long as a process may take to see a signal.
    private func eventually(_ isSo: () throws -> Bool) throws -> Bool {
        let deadline = Date().addingTimeInterval(20)
        while Date() < deadline {
            if try isSo() { return true }
            usleep(50_000)
        }
        return false
    }

    @Test("commands talk to a server over TLS, which SIGHUP gives the certificates of its files")
    func server() throws {
        try use("server.pem", as: "certificate")
        try use("server.key", as: "key")
        let server = try Server(
            data: scratch.path("data"), "--tls-certificate", scratch.path("certificate"),
            "--tls-key", scratch.path("key"), "--error-log", scratch.path("log"))
        let (url, ca) = (server.url, file("authority.pem"))
        #expect(url.hasPrefix("https://127.0.0.1:"))
        try Program.succeed("table", "create", "t", "-f", "f", "--server", url, "--ca", ca)
        try Program.succeed("put", "t", "r", "f:q=hello", "--server", url, "--ca", ca)
        let found = try Program.succeed("get", "t", "r", "--server", url, "--ca", ca)
        #expect(found.output.contains("hello"))
        let stranger = try Program.silt("get", "t", "r", "--server", url)
        #expect(stranger.status == 1 && stranger.errors.contains("TLS: "), "\(stranger.errors)")
        let plain = url.replacing("https", with: "http")
        #expect(try Program.silt("get", "t", "r", "--server", plain).status == 1)
        #expect(try Program.silt("get", "t", "r", "--server", plain, "--ca", ca).status == 2)
        #expect(try Program.silt("get", "t", "r", "--server", url, "--ca", "missing").status == 2)

        // A key that is not the certificate's changes nothing.
        try use("server-elsewhere.pem", as: "certificate")
        kill(server.process.processIdentifier, SIGHUP)
        #expect(try eventually { scratch.text("log").contains("certificates stay as they were") })
        try Program.succeed("get", "t", "r", "--server", url, "--ca", ca)
        try use("server-elsewhere.key", as: "key")
        kill(server.process.processIdentifier, SIGHUP)
        let isReplaced = try eventually {
            try Program.silt("get", "t", "r", "--server", url, "--ca", ca).errors
                .contains("mismatch")
        }
        #expect(isReplaced)
        #expect(server.stop() == 0)
    }

    @Test(
        "SIGHUP gives a server the secret of web tokens that is in its file, unless it cannot be used"
    )
    func webTokens() throws {
        // HS256 of {"sub":"me","exp":9999999999,"silt":{"rights":"read"}} by each secret.
        let signed =
            "eyJhbGciOiJIUzI1NiJ9"
            + ".eyJzdWIiOiJtZSIsImV4cCI6OTk5OTk5OTk5OSwic2lsdCI6eyJyaWdodHMiOiJyZWFkIn19."
        let tokens = [
            "the first secret of 32 bytes.....": "Dr4YRDNWkbQxDbm_k_YHoRXLJsrlvwiDb-z878EGe1E",
            "the second secret of 32 bytes....": "P1NrmkSb1zjjTqhFusHkoQK-z8G4_VIX0jzDoyxvyTU",
        ]
        func use(_ secret: String) throws {
            try Data(secret.utf8).write(to: scratch.url("secret"))
        }
        let data = scratch.path("data")
        try Program.succeed("table", "create", "t", "-f", "f", "--data", data)
        let secrets = tokens.keys.sorted()
        try use(secrets[0])
        let server = try Server(
            data: data, "--jwt-secret", scratch.path("secret"), "--error-log", scratch.path("log"))
        func counts(_ secret: String) throws -> Bool {
            let token = signed + (tokens[secret] ?? "")
            let outcome = try Program.run(
                URL(fileURLWithPath: "/usr/bin/env"),
                ["SILT_TOKEN=\(token)", Program.silt.path, "count", "t", "--server", server.url])
            return outcome.status == 0
        }
        #expect(try counts(secrets[0]))
        #expect(try !counts(secrets[1]))
        try use("short")
        kill(server.process.processIdentifier, SIGHUP)
        #expect(
            try eventually { scratch.text("log").contains("keys of web tokens stay as they were") })
        #expect(try counts(secrets[0]))
        try use(secrets[1])
        kill(server.process.processIdentifier, SIGHUP)
        #expect(try eventually { try counts(secrets[1]) })
        #expect(try !counts(secrets[0]))
        #expect(server.stop() == 0)
    }

    @Test("a client's certificate stands for the token of its name")
    func clients() throws {
        let data = scratch.path("data")
        try Program.succeed("table", "create", "t", "-f", "f", "--data", data)
        try Program.succeed("token", "create", "--name", "ada", "--rights", "read", "--data", data)
        let server = try Server(
            data: data, "--tls-certificate", file("server.pem"), "--tls-key", file("server.key"),
            "--tls-client-ca", file("authority.pem"))
        func run(as name: String, _ arguments: String...) throws -> Program.Outcome {
            try Program.run(
                URL(fileURLWithPath: "/usr/bin/env"),
                [
                    "SILT_CA=\(file("authority.pem"))", "SILT_CERTIFICATE=\(file("\(name).pem"))",
                    "SILT_KEY=\(file("\(name).key"))", Program.silt.path,
                ] + arguments + ["--server", server.url])
        }
        let allowed = try run(as: "client-ada", "count", "t")
        #expect(allowed.status == 0, "\(allowed.errors)")
        let refused = try run(as: "client-ada", "put", "t", "r", "f:q=1")
        #expect(refused.status == 1 && refused.errors.contains("does not allow"))
        #expect(try run(as: "client-nobody", "count", "t").errors.contains("token"))
        #expect(try run(as: "client-other", "count", "t").status == 1)
        #expect(server.stop() == 0)
    }

    @Test("settings of TLS that do not fit together are told before anything starts")
    func settings() throws {
        for (arguments, word) in [
            (["--tls-certificate", file("server.pem")], "TLS needs"),
            (["--tls-client-ca", file("authority.pem")], "TLS needs"),
            (
                ["--tls-certificate", file("server.pem"), "--tls-key", file("client-ada.key")],
                "mismatch"
            ),
            (["--tls-certificate", file("none.pem"), "--tls-key", file("server.key")], "none.pem"),
            (["--jwt-keys", file("server.key")], "--jwt-keys: "),
            (["--listen", "0.0.0.0:0"], "without TLS"),
        ] {
            let outcome = try Program.run(Program.silt, ["serve", "--check-config"] + arguments)
            #expect(outcome.status == 2 && outcome.errors.contains(word), "\(outcome.errors)")
        }
        let beyond = try Program.silt(
            "serve", "--data", scratch.path("data"), "--listen", "0.0.0.0:0", "--tls-certificate",
            file("server.pem"), "--tls-key", file("server.key"))
        #expect(beyond.status != 0 && beyond.errors.contains("without tokens"), "\(beyond.errors)")
    }
}
