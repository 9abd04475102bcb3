import SiltModel
import SiltTLS
import Synchronization

extension SiltstoneServer {
    /// What TLS needs, as PEM.
    public struct Certificates: Sendable, Equatable {
        /// The server's certificate, and those between it and an authority.
        public var chain: [UInt8]
        /// The certificate's key.
        public var key: [UInt8]
        /// With these authorities' certificates clients must show one that an authority of them signed.
        ///
        /// Its common name then says whose token a request without one has.
        public var clientAuthorities: [UInt8]

        /// Certificates, their key, and who signs those of clients.
        public init(chain: [UInt8], key: [UInt8], clientAuthorities: [UInt8] = []) {
            self.chain = chain
            self.key = key
            self.clientAuthorities = clientAuthorities
        }

        func context() throws(SiltstoneError) -> TLSContext {
            try TLSContext(
                serverCertificates: chain, key: key, clientAuthorities: clientAuthorities)
        }
    }
}

/// The certificates that new connections get.
final class CurrentCertificates: Sendable {
    private let context: Mutex<TLSContext>

    init(_ certificates: SiltstoneServer.Certificates) throws(SiltstoneError) {
        context = Mutex(try certificates.context())
    }

    /// A handler that encrypts a new connection.
    func makeHandler(_ metrics: ServerMetrics) -> TLSHandler {
        TLSHandler(server: context.withLock { $0 }) { _ in metrics.failedTLS() }
    }

    /// Takes others for connections from here on.
    func replace(_ certificates: SiltstoneServer.Certificates) throws(SiltstoneError) {
        let made = try certificates.context()
        context.withLock { $0 = made }
    }
}
