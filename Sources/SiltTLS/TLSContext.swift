internal import COpenSSL
package import SiltModel

/// Certificates and keys, as connections use them.
// Safety: immutable, and OpenSSL lets any thread make connections of a context.
@safe
package final class TLSContext: @unchecked Sendable {
    /// Whether connections are those of a server.
    let isServer: Bool
    let handle: OpaquePointer

    /// A server's.
    ///
    /// - Parameters:
    ///   - certificates: its certificate in PEM, and those between it and an authority.
    ///   - key: the certificate's key in PEM.
    ///   - clientAuthorities: with these, in PEM, clients must show a certificate that one of them signed.
    /// - Throws: `invalidArgument` when something is wrong with them.
    package init(
        serverCertificates certificates: [UInt8], key: [UInt8], clientAuthorities: [UInt8] = []
    ) throws(SiltstoneError) {
        isServer = true
        // Safety: the buffers are read during the call only; the text has the length given.
        unsafe handle = try Self.make { text in
            unsafe silt_tls_server_context(
                certificates, certificates.count, key, key.count, clientAuthorities,
                clientAuthorities.count, &text, Int32(text.count))
        }
    }

    /// A client's.
    ///
    /// - Parameters:
    ///   - authorities: who may have signed the server's certificate, in PEM; the system's when there are none.
    ///   - certificates: the client's own in PEM, where it has some.
    ///   - key: that certificate's key in PEM.
    /// - Throws: `invalidArgument` when something is wrong with them.
    package init(
        authorities: [UInt8], certificates: [UInt8] = [], key: [UInt8] = []
    ) throws(SiltstoneError) {
        isServer = false
        // Safety: the buffers are read during the call only; the text has the length given.
        unsafe handle = try Self.make { text in
            unsafe silt_tls_client_context(
                authorities, authorities.count, certificates, certificates.count, key, key.count,
                &text, Int32(text.count))
        }
    }

    // Safety: connections hold what they need of it themselves.
    deinit { unsafe silt_tls_context_free(handle) }

    private static func make(_ body: (inout [CChar]) -> OpaquePointer?) throws(SiltstoneError)
        -> OpaquePointer
    {
        var text = [CChar](repeating: 0, count: 256)
        // Safety: the pointer is handed on unseen.
        guard let made = unsafe body(&text) else {
            let reason = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw SiltstoneError(
                .invalidArgument, "TLS: \(String(decoding: reason, as: UTF8.self))")
        }
        return unsafe made
    }
}
