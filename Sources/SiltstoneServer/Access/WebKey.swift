import SiltBytes
import SiltModel
import SiltTLS

/// A key by which another service signs JSON Web Tokens.
struct WebKey: Sendable {
    private static let countMax = 64

    /// Its name, which tokens may say.
    let id: String?
    let key: PublicKey

    /// The keys of a text: a JSON Web Key Set (RFC 7517), or public keys and certificates in PEM.
    ///
    /// Keys of a set that are for something else are passed over.
    static func keys(_ text: [UInt8]) throws(SiltstoneError) -> [WebKey] {
        guard PublicKey.isSupported else {
            throw SiltstoneError(
                .invalidArgument,
                "public keys of web tokens need a program that was built with TLS (the package trait TLS)"
            )
        }
        let isJSON = text.first { $0 > 0x20 } == UInt8(ascii: "{")
        let keys =
            isJSON
            ? keys(set: text) : PublicKey.keys(pem: text)?.map { WebKey(id: nil, key: $0) }
        guard let keys, !keys.isEmpty, keys.count <= countMax else {
            throw SiltstoneError(
                .invalidArgument,
                "the keys of web tokens are not 1 to \(countMax) of RSA with 2,048 bits or more and"
                    + " of P-256, as PEM or a JSON Web Key Set")
        }
        return keys
    }

    private static func keys(set text: [UInt8]) -> [WebKey]? {
        guard let set = try? JSONValue(parsing: text), let list = set["keys"]?.arrayValue else {
            return nil
        }
        var keys: [WebKey] = []
        for member in list where isForSignatures(member) {
            guard let key = key(member) else { return nil }
            keys.append(WebKey(id: member["kid"]?.stringValue, key: key))
        }
        return keys
    }

    private static func isForSignatures(_ member: JSONValue) -> Bool {
        if let use = member["use"]?.stringValue, use != "sig" { return false }
        let algorithm = member["alg"]?.stringValue
        switch member["kty"]?.stringValue {
        case "RSA": return algorithm == nil || algorithm == "RS256"
        case "EC": return member["crv"]?.stringValue == "P-256"
        default: return false
        }
    }

    private static func key(_ member: JSONValue) -> PublicKey? {
        func number(_ name: String) -> [UInt8]? {
            member[name]?.stringValue.flatMap { Base64.decode($0.utf8) }
        }
        if member["kty"]?.stringValue == "RSA" {
            guard let modulus = number("n"), let exponent = number("e") else { return nil }
            return PublicKey(modulus: modulus, exponent: exponent)
        }
        guard let x = number("x"), let y = number("y") else { return nil }
        return PublicKey(x: x, y: y)
    }
}
