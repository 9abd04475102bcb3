import Foundation
import SiltBytes
import SiltModel
import SiltTLS
import Siltstone
import Testing

@testable import SiltstoneServer

/// Tokens and keys of data/tls/web-tokens.json, which another implementation made.
@Suite struct WebKeyTests {
    private let samples: JSONValue

    init() throws { samples = try JSONValue(parsing: TestCertificates.bytes("web-tokens.json")) }

    private func text(_ name: String) throws -> String {
        try #require(samples[name]?.stringValue)
    }

    private func set(_ names: [String]) throws -> [UInt8] {
        JSONValue.object(("keys", .array(try names.map { try #require(samples[$0]) }))).bytes
    }

    private func tokens(_ keys: [UInt8]) throws -> WebTokens {
        WebTokens(
            secret: Array(try text("rsa_pem").utf8), keys: try WebKey.keys(keys), audience: nil)
    }

    private func counts(_ name: String, _ tokens: WebTokens) throws -> Bool {
        let token = tokens.token(try text(name), nowMilliseconds: 1_700_000_000_000)
        if let token {
            #expect(token.name == "jwt:ada")
            #expect(token.rights == AccessRights(.write, prefixes: ["a"]))
        }
        return token != nil
    }

    @Test("tokens count that RSA or P-256 signed, by keys in PEM and in a set")
    func both() throws {
        let pem = Array((try text("rsa_pem") + (try text("ec_pem"))).utf8)
        for keys in [pem, try set(["rsa_jwk", "ec_jwk"])] {
            let tokens = try tokens(keys)
            for name in ["rs256", "rs256_kid", "es256"] {
                #expect(try counts(name, tokens), "\(name)")
            }
            #expect(try !counts("rs256_as_es", tokens))
        }
        // A set says which key is which.
        #expect(try !counts("rs256_other_kid", try tokens(set(["rsa_jwk"]))))
        #expect(try counts("rs256_other_kid", try tokens(pem)))
        #expect(try !counts("es256", try tokens(set(["rsa_jwk"]))))
        #expect(try !counts("rs256", try tokens(set(["ec_jwk"]))))
    }

    @Test("what was signed with a public key as if it were a secret does not count")
    func confusion() throws {
        let keys = Array(try text("rsa_pem").utf8)
        let tokens = WebTokens(secret: nil, keys: try WebKey.keys(keys), audience: nil)
        #expect(try !counts("confused", tokens))
        // Unless somebody really made it the secret.
        #expect(try counts("confused", WebTokens(secret: keys, audience: nil)))
    }

    @Test("a token of which any part was changed does not count")
    func changed() throws {
        let tokens = try tokens(set(["rsa_jwk", "ec_jwk"]))
        for name in ["rs256", "es256"] {
            let token = Array(try text(name).utf8)
            let dots = token.indices.filter { token[$0] == UInt8(ascii: ".") }
            for index in stride(from: 0, to: token.count - 1, by: 7) where !dots.contains(index) {
                var other = token
                other[index] =
                    other[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let text = String(decoding: other, as: UTF8.self)
                #expect(tokens.token(text, nowMilliseconds: 0) == nil, "\(name) \(index)")
            }
            for count in [0, 1, dots[1] + 1, token.count - 1, token.count - 4] {
                let text = String(decoding: token[..<count], as: UTF8.self)
                #expect(tokens.token(text, nowMilliseconds: 0) == nil, "\(name) \(count)")
            }
        }
    }

    @Test("the keys of RFC 7515's examples verify them")
    func examples() throws {
        func bytes(_ text: String) throws -> [UInt8] { try #require(Base64.decode(text.utf8)) }
        let key = try #require(
            PublicKey(
                x: bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                y: bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")))
        let signed =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let signature = try bytes(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        )
        #expect(key.verifies(signature, of: Array(signed.utf8)))
        #expect(!key.verifies(signature, of: Array(signed.utf8) + [0]))
        #expect(!key.verifies(Array(signature.dropLast()), of: Array(signed.utf8)))
        #expect(!key.verifies([UInt8](repeating: 0, count: 64), of: Array(signed.utf8)))
    }

    @Test("keys that are none, too short, off their curve or of other kinds are refused")
    func refusals() throws {
        #expect(
            PublicKey(x: [UInt8](repeating: 1, count: 32), y: [UInt8](repeating: 1, count: 32))
                == nil)
        #expect(PublicKey(modulus: [], exponent: []) == nil)
        #expect(
            PublicKey(modulus: [UInt8](repeating: 255, count: 5000), exponent: [1, 0, 1]) == nil)
        let pem = try text("ec_pem")
        for keys in [
            Array("".utf8), Array("{}".utf8), Array(#"{"keys":[]}"#.utf8),
            Array(#"{"keys":1}"#.utf8),
            Array(#"{"keys":[{"kty":"RSA","n":"AQAB"}]}"#.utf8),
            Array(#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#.utf8), try set(["weak_jwk"]),
            try set(["rsa_jwk", "weak_jwk"]), try TestCertificates.bytes("server.key"),
            Array(pem.dropLast(40).utf8), Array((pem + "-----BEGIN X-----\nAAAA\n").utf8),
        ] {
            #expect(throws: SiltstoneError.self, "\(String(decoding: keys, as: UTF8.self))") {
                try WebKey.keys(keys)
            }
        }
        // A certificate holds a key as well.
        #expect(try WebKey.keys(TestCertificates.bytes("server.pem")).count == 1)
    }
}
