import SiltBytes
import SiltModel
import SiltTLS
import Synchronization

/// Tokens that another service signs: JSON Web Tokens (RFC 7519), with a secret that both know (HS256) or a key of which this server knows
/// the public half (RS256 and ES256).
///
/// A token says in `exp` until when it counts, in `sub` whose it is, and in `silt` what it allows, as
/// `{"rights": "read" or "write" or "admin", "tables": [prefix, …]}`.
struct WebTokens: Sendable {
    /// The shortest secret, in bytes: as long as the hash, as RFC 7518 asks.
    static let secretBytesMin = 32
    /// How far the clocks of the two may be apart, in seconds.
    private static let leewaySeconds: Double = 30
    private static let subjectBytesMax = 256

    private let secret: [UInt8]?
    private let keys: [WebKey]
    let audience: String?

    /// Tokens for an audience; `nil` is anyone's.
    init(secret: [UInt8]?, keys: [WebKey] = [], audience: String?) {
        self.secret = secret
        self.keys = keys
        self.audience = audience
    }

    /// Those of a server; `nil` when it takes none.
    ///
    /// - Throws: `invalidArgument` for a secret that is too short, and keys that cannot be used.
    init?(_ configuration: SiltstoneServer.Configuration) throws(SiltstoneError) {
        try self.init(
            secret: configuration.webTokenSecret, keys: configuration.webTokenKeys,
            audience: configuration.webTokenAudience)
    }

    /// Those of a secret and of keys as they stand in files; `nil` when there is neither.
    ///
    /// - Throws: `invalidArgument` for a secret that is too short, and keys that cannot be used.
    init?(secret: [UInt8]?, keys text: [UInt8]?, audience: String?) throws(SiltstoneError) {
        if let secret, secret.count < Self.secretBytesMin {
            throw SiltstoneError(
                .invalidArgument,
                "the secret of web tokens is too short bytes=\(secret.count)"
                    + " min=\(Self.secretBytesMin)")
        }
        var keys: [WebKey] = []
        if let text { keys = try WebKey.keys(text) }
        if keys.isEmpty, secret == nil { return nil }
        self.init(secret: secret, keys: keys, audience: audience)
    }

    /// What a text that a client sent allows; `nil` when it is no token that counts now.
    func token(_ text: String, nowMilliseconds: Int64) -> AccessToken? {
        let raw = Array(text.utf8)
        let parts = raw.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64.decode(parts[2]) else { return nil }
        let signed = Array(raw[..<parts[1].endIndex])
        // Of what is not signed only the header is read, which says how to look.
        guard let header = Self.json(parts[0]), header["crit"] == nil,
            isOurs(signature, of: signed, header), let claims = Self.json(parts[1])
        else { return nil }
        let now = Double(nowMilliseconds) / 1000
        guard let expires = claims["exp"]?.doubleValue, now < expires + Self.leewaySeconds else {
            return nil
        }
        if let begins = claims["nbf"] {
            guard let time = begins.doubleValue, now >= time - Self.leewaySeconds else {
                return nil
            }
        }
        guard isMeant(claims["aud"]), let rights = Self.rights(claims["silt"]),
            let subject = claims["sub"]?.stringValue,
            (1...Self.subjectBytesMax).contains(subject.utf8.count)
        else { return nil }
        // No token of the directory has such a name.
        return AccessToken(
            name: "jwt:" + subject, rights: rights, createdMilliseconds: 0, digest: [])
    }

    /// Whether a signature is of the secret or of a key, each for its own algorithm only.
    private func isOurs(_ signature: [UInt8], of signed: [UInt8], _ header: JSONValue) -> Bool {
        guard let name = header["alg"]?.stringValue else { return false }
        if name == "HS256" {
            guard let secret else { return false }
            return SHA256.areEqual(SHA256.authenticationCode(of: signed, secret), signature)
        }
        guard let algorithm = PublicKey.Algorithm(rawValue: name) else { return false }
        let wanted = header["kid"]?.stringValue
        return keys.contains { key in
            key.key.algorithm == algorithm && (wanted == nil || key.id == nil || key.id == wanted)
                && key.key.verifies(signature, of: signed)
        }
    }

    private static func json(_ part: ArraySlice<UInt8>) -> JSONValue? {
        Base64.decode(part).flatMap { try? JSONValue(parsing: $0) }
    }

    /// Whether the audience, a text or a list of them, is ours.
    private func isMeant(_ claim: JSONValue?) -> Bool {
        guard let audience else { return true }
        if let text = claim?.stringValue { return text == audience }
        return claim?.arrayValue?.contains { $0.stringValue == audience } ?? false
    }

    private static func rights(_ claim: JSONValue?) -> AccessRights? {
        guard let right = claim?["rights"]?.stringValue.flatMap({ AccessRight(rawValue: $0) })
        else { return nil }
        guard let tables = claim?["tables"] else { return AccessRights(right, prefixes: []) }
        guard let list = tables.arrayValue else { return nil }
        let prefixes = list.compactMap(\.stringValue)
        // A list of none is none, and not all.
        guard prefixes.count == list.count, !prefixes.isEmpty else { return nil }
        return AccessRights(right, prefixes: prefixes)
    }
}

/// The web tokens that count now.
final class CurrentWebTokens: Sendable {
    private let tokens: Mutex<WebTokens>

    init(_ tokens: WebTokens) { self.tokens = Mutex(tokens) }

    /// What a text that a client sent allows; `nil` when it is no token that counts now.
    func token(_ text: String, nowMilliseconds: Int64) -> AccessToken? {
        tokens.withLock { $0 }.token(text, nowMilliseconds: nowMilliseconds)
    }

    /// Takes another secret and other keys for requests from here on; the audience stays.
    func replace(secret: [UInt8]?, keys: [UInt8]?) throws(SiltstoneError) {
        let audience = tokens.withLock { $0.audience }
        guard let made = try WebTokens(secret: secret, keys: keys, audience: audience) else {
            throw SiltstoneError(.invalidArgument, "there is neither a secret nor a key")
        }
        tokens.withLock { $0 = made }
    }
}
