import Foundation
import SiltBytes
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

@Suite(.serialized) struct WebTokenTests {
    private static let secret = Array("a secret of at least thirty-two bytes".utf8)
    private static let now: Int64 = 1_700_000_000_000

    private static func sign(
        _ claims: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, by key: [UInt8] = secret
    ) -> String {
        func encode(_ bytes: [UInt8]) -> String {
            var text = Base64.encode(bytes)
            text.replace("+", with: "-")
            text.replace("/", with: "_")
            text.replace("=", with: "")
            return text
        }
        let signed = encode(Array(header.utf8)) + "." + encode(Array(claims.utf8))
        return signed + "." + encode(SHA256.authenticationCode(of: Array(signed.utf8), key))
    }

    @Test("HMAC gives the codes of RFC 4231")
    func codes() {
        #expect(
            Hex.encode(
                SHA256.authenticationCode(
                    of: Array("what do ya want for nothing?".utf8), Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            Hex.encode(
                SHA256.authenticationCode(
                    of: Array(
                        "Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                    [UInt8](repeating: 0xaa, count: 131)))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("the token of RFC 7515's example is read as it is signed")
    func example() throws {
        let key = try #require(
            Base64.decode(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
                    .utf8))
        let signed =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"
            + "DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        #expect(
            Base64.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".utf8)
                == SHA256.authenticationCode(of: Array(signed.utf8), key))
    }

    @Test("what is expired, early, for others, signed by others or not signed does not count")
    func refusals() throws {
        let tokens = WebTokens(secret: Self.secret, audience: "silt")
        let rights = #""silt":{"rights":"write","tables":["a","b"]}"#
        let good = #"{"sub":"me","exp":1700000100,"aud":["x","silt"],\#(rights)}"#
        let found = try #require(tokens.token(Self.sign(good), nowMilliseconds: Self.now))
        #expect(
            found.name == "jwt:me" && found.rights == AccessRights(.write, prefixes: ["a", "b"]))
        // Within what clocks may differ.
        #expect(tokens.token(Self.sign(good), nowMilliseconds: Self.now + 125_000) != nil)
        #expect(tokens.token(Self.sign(good), nowMilliseconds: Self.now + 131_000) == nil)
        for claims in [
            #"{"sub":"me","aud":"silt",\#(rights)}"#,
            #"{"sub":"me","exp":"1700000100","aud":"silt",\#(rights)}"#,
            #"{"sub":"me","exp":1700000100,"nbf":1700000090,"aud":"silt",\#(rights)}"#,
            #"{"sub":"me","exp":1700000100,"aud":"other",\#(rights)}"#,
            #"{"sub":"me","exp":1700000100,\#(rights)}"#,
            #"{"exp":1700000100,"aud":"silt",\#(rights)}"#,
            #"{"sub":"me","exp":1700000100,"aud":"silt"}"#,
            #"{"sub":"me","exp":1700000100,"aud":"silt","silt":{"rights":"all"}}"#,
            #"{"sub":"me","exp":1700000100,"aud":"silt","silt":{"rights":"read","tables":[]}}"#,
            #"{"sub":"me","exp":1700000100,"aud":"silt","silt":{"rights":"read","tables":"a"}}"#,
            "[]", "nonsense",
        ] {
            #expect(tokens.token(Self.sign(claims), nowMilliseconds: Self.now) == nil, "\(claims)")
        }
        for text in [
            Self.sign(good, by: Array("another secret of thirty-two bytes".utf8)),
            Self.sign(good, header: #"{"alg":"none"}"#),
            Self.sign(good, header: #"{"alg":"HS512"}"#),
            Self.sign(good, header: #"{"alg":"HS256","crit":["x"]}"#), Self.sign(good) + "A",
            Self.sign(good) + ".", String(Self.sign(good).dropLast(43)), "..", "", "a.b.c",
        ] {
            #expect(tokens.token(text, nowMilliseconds: Self.now) == nil, "\(text)")
        }
    }

    @Test("a server with a secret asks for tokens, and keeps to what theirs say")
    func server() async throws {
        try await withServer(configuring: { $0.webTokenSecret = Self.secret }) {
            (live: LiveServer) async throws in
            for name in ["a1", "b1"] {
                _ = try await live.database.createTable(name, families: [Family("f")])
            }
            let token = Self.sign(
                #"{"sub":"me","exp":9999999999,"silt":{"rights":"write","tables":["a"]}}"#)
            let headers = ["Authorization": "Bearer \(token)"]
            #expect(try await live.send("GET", "/v1/tables", headers: [:]).status == 401)
            let put = try await live.send(
                "PUT", "/v1/tables/a1/rows/r", #"{"f:q":"1"}"#, headers: headers)
            #expect(put.status == 204)
            #expect(
                try await live.send("GET", "/v1/tables/b1/rows/r", headers: headers).status == 403)
            #expect(try await live.send("DELETE", "/v1/tables/a1", headers: headers).status == 403)
            let listed = try await live.send("GET", "/v1/tables", headers: headers).body
            #expect(listed.contains("\"a1\"") && !listed.contains("\"b1\""))
        }
    }

    @Test("another secret counts from the next request on; one that cannot be used changes nothing")
    func replacing() async throws {
        let next = Array("the next secret of thirty-two bytes".utf8)
        let claims = #"{"sub":"me","exp":9999999999,"silt":{"rights":"read"}}"#
        try await withServer(configuring: { $0.webTokenSecret = Self.secret }) { live in
            func status(_ key: [UInt8]) async throws -> Int {
                let headers = ["Authorization": "Bearer \(Self.sign(claims, by: key))"]
                return try await live.send("GET", "/v1/tables", headers: headers).status
            }
            #expect(try await status(Self.secret) == 200)
            #expect(try await status(next) == 401)
            for (secret, keys) in [(nil, nil), (next, [1, 2, 3]), ([1], nil)]
                as [([UInt8]?, [UInt8]?)]
            {
                #expect(throws: SiltstoneError.self) {
                    try live.server.replaceWebTokens(secret: secret, keys: keys)
                }
            }
            #expect(try await status(Self.secret) == 200)
            try live.server.replaceWebTokens(secret: next, keys: nil)
            #expect(try await status(Self.secret) == 401)
            #expect(try await status(next) == 200)
        }
        try await withServer { live in
            #expect(throws: SiltstoneError.self) {
                try live.server.replaceWebTokens(secret: next, keys: nil)
            }
        }
    }
}
