internal import COpenSSL

/// A key by which signatures of others are told to be theirs.
// Safety: immutable, and OpenSSL lets any thread verify with a key.
@safe
package final class PublicKey: @unchecked Sendable {
    /// What it signs by, as JSON Web Signatures name it.
    package enum Algorithm: String, Sendable {
        /// RSA with SHA-256, of at least 2,048 bits.
        case rs256 = "RS256"
        /// The curve P-256 with SHA-256.
        case es256 = "ES256"
    }

    /// Whether this program was built with what keys need, which is the package trait TLS; otherwise there are none.
    package static var isSupported: Bool { silt_tls_is_built() == 1 }

    /// What it signs by.
    package let algorithm: Algorithm
    private let pointer: OpaquePointer

    /// A key of RSA by its numbers, big end first; `nil` when it is too short or none.
    package convenience init?(modulus: [UInt8], exponent: [UInt8]) {
        // Safety: the bytes are read during the call only.
        unsafe self.init(
            silt_public_key_rsa(modulus, modulus.count, exponent, exponent.count))
    }

    /// A key of P-256 by its point; `nil` when there is no such point.
    package convenience init?(x: [UInt8], y: [UInt8]) {
        guard x.count == 32, y.count == 32 else { return nil }
        // Safety: each has the 32 bytes that are read, during the call only.
        unsafe self.init(silt_public_key_p256(x, y))
    }

    /// The public keys, and those of certificates, in a text of PEM; `nil` when there is none, or one that cannot be used.
    package static func keys(pem text: [UInt8]) -> [PublicKey]? {
        var keys: [PublicKey] = []
        var rest = text[...]
        let begin = Array("-----BEGIN ".utf8)
        while rest.contains(begin) {
            var used = 0
            // Safety: the bytes are read during the call only.
            let made = unsafe rest.withUnsafeBufferPointer {
                unsafe silt_public_key_from_pem($0.baseAddress, $0.count, &used)
            }
            guard used > 0, let key = unsafe PublicKey(made) else { return nil }
            keys.append(key)
            rest = rest.dropFirst(used)
        }
        return keys.isEmpty ? nil : keys
    }

    /// Takes a key over; `nil` for none.
    private init?(_ pointer: OpaquePointer?) {
        // Safety: the key is this object's from here on.
        guard let pointer = unsafe pointer else { return nil }
        algorithm = unsafe Int(silt_public_key_kind(pointer)) == SILT_KEY_RS256 ? .rs256 : .es256
        unsafe self.pointer = pointer
    }

    // Safety: nobody uses the key after its last reference is gone.
    deinit { unsafe silt_public_key_free(pointer) }

    /// Whether a signature of a message is this key's, in the form of RFC 7518.
    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        // Safety: the bytes are read during the call only.
        unsafe silt_public_key_verify(
            pointer, message, message.count, signature, signature.count) == 1
    }
}
