import Foundation
import SiltModel
import SiltTLS

/// Where a server is, and by what this client knows it.
struct ServerAddress {
    let host: String
    let port: Int
    /// What TLS needs; `nil` for a server without.
    let tls: TLSContext?

    /// `http://HOST:PORT` or `https://HOST:PORT`.
    ///
    /// - Parameter ca: a file with the authorities that may have signed the server's certificate; else `SILT_CA` names it, else they are
    ///   the system's. `SILT_CERTIFICATE` and `SILT_KEY` name the client's own.
    init(url: String, ca: String? = nil) throws {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme,
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty,
            parts.path.isEmpty || parts.path == "/"
        else {
            throw CommandFailure(
                .usage, "a server is written http://HOST:PORT or https://HOST:PORT, not '\(url)'")
        }
        // An address of IPv6 stands in brackets.
        self.host = String(host.trimmingPrefix("[").reversed().trimmingPrefix("]").reversed())
        port = parts.port ?? 8080
        if scheme == "http" {
            guard ca == nil else {
                throw CommandFailure(.usage, "--ca is for servers written https://")
            }
            tls = nil
            return
        }
        let variables = ProcessInfo.processInfo.environment
        func bytes(_ path: String?) throws -> [UInt8] {
            guard let path else { return [] }
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure(.usage, "cannot read '\(path)'")
            }
            return Array(data)
        }
        do {
            tls = try TLSContext(
                authorities: bytes(ca ?? variables["SILT_CA"]),
                certificates: bytes(variables["SILT_CERTIFICATE"]),
                key: bytes(variables["SILT_KEY"]))
        } catch let error as SiltstoneError {
            throw CommandFailure(.usage, error.message)
        }
    }

    /// As it stands in messages.
    var text: String { "\(tls == nil ? "http" : "https")://\(hostText):\(port)" }

    /// As it stands in the header `Host`.
    var headerText: String { "\(hostText):\(port)" }

    private var hostText: String { host.contains(":") ? "[\(host)]" : host }
}
