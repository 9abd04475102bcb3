import ArgumentParser
import Foundation
import SiltstoneServer

/// The flags of `silt serve`, one for each setting of `Setting.all`; a test holds the two together.
struct ServeOptions: ParsableArguments {
    @Option(help: "The data directory; made when missing (default: silt-data).")
    var data: String?

    @Option(
        help: "HOST:PORT to listen on; port 0 lets the system choose (default: 127.0.0.1:8080).")
    var listen: String?

    @Option(help: "HOST:PORT for HBase's Thrift clients; the host is that of --listen.")
    var thriftListen: String?

    @Option(
        help:
            "The name of the token whose rights Thrift clients have; needed once there are tokens.")
    var thriftToken: String?

    @Option(help: "The file with the server's certificate, and those up to an authority, in PEM.")
    var tlsCertificate: String?

    @Option(help: "The file with the certificate's key in PEM.")
    var tlsKey: String?

    @Option(
        help: "The file with the authorities that sign the certificates that clients must show.")
    var tlsClientCa: String?

    @Option(help: "The file with the secret of JSON Web Tokens (HS256) that count here.")
    var jwtSecret: String?

    @Option(
        help:
            "The file with the public keys of those (RS256, ES256) that count here, PEM or a key set."
    )
    var jwtKeys: String?

    @Option(help: "For whom such tokens must be (aud).")
    var jwtAudience: String?

    @Flag(
        help: "Accept an address that others can reach, although there is no TLS or are no tokens.")
    var insecure = false

    @Flag(help: "Refuse every change.")
    var readOnly = false

    @Flag(help: "Refuse changes that a browser may send without the header X-XSRF-HEADER.")
    var csrf = false

    @Option(help: "One budget for all memory of the store, instead of the next two.")
    var memory: String?

    @Option(help: "Memory for what is not in table files yet (default: 128MiB).")
    var memtableBytes: String?

    @Option(help: "Memory for blocks of table files (default: 256MiB).")
    var cacheBytes: String?

    @Flag(
        help: "Read every table file again, and compare it with what was written, before it counts."
    )
    var paranoid = false

    @Option(help: "Threads for work that waits for disks (default: 8).")
    var threads: String?

    @Option(help: "Connections open at one time (default: 4096).")
    var connections: String?

    @Option(help: "Of those, the most from one address other than loopback (default: 256).")
    var connectionsPerClient: String?

    @Option(help: "The largest request body that is not written while it arrives (default: 64MiB).")
    var bodyBytes: String?

    @Option(help: "All request bodies in memory together (default: 256MiB).")
    var bodiesBytes: String?

    @Option(help: "How long a connection may stay without progress, in seconds (default: 30).")
    var idleSeconds: String?

    @Option(help: "How long requests may take when the server ends, in seconds (default: 5).")
    var drainSeconds: String?

    @Option(help: "HBase's scanners open at one time (default: 10000).")
    var scanners: String?

    @Option(help: "Of those, the most of one token or address (default: 1000).")
    var scannersPerClient: String?

    @Option(help: "How long a scanner that nobody asks is kept, in seconds (default: 3600).")
    var scannerIdleSeconds: String?

    @Option(help: "The directory below which jobs that come over HTTP may read files.")
    var jobFiles: String?

    @Option(
        help: ArgumentHelp(
            "A receiver that jobs may post alerts to, and what is below it; may be given more than once.",
            valueName: "url"))
    var allowWebhook: [String] = []

    @Option(help: "A directory that reports of jobs are written to, as often as their files say.")
    var reportDir: String?

    @Option(help: "The directory that backups asked for over HTTP are kept in.")
    var backupDir: String?

    @Option(help: "The file to which requests are noted; - is standard error.")
    var accessLog: String?

    @Option(help: "How requests are noted: text or json (default: text).")
    var accessLogFormat: String?

    @Option(help: "The file to which failures are noted; standard error when not given.")
    var errorLog: String?

    @Option(help: "The file to which acts of administration are noted; standard error otherwise.")
    var auditLog: String?

    /// What was given, by the names of settings.
    var given: [String: String] {
        let texts = [
            "data": data, "listen": listen, "thrift_listen": thriftListen,
            "thrift_token": thriftToken, "tls_certificate": tlsCertificate, "tls_key": tlsKey,
            "tls_client_ca": tlsClientCa, "jwt_secret": jwtSecret, "jwt_keys": jwtKeys,
            "jwt_audience": jwtAudience,
            "memory": memory, "memtable_bytes": memtableBytes,
            "cache_bytes": cacheBytes, "threads": threads, "connections": connections,
            "connections_per_client": connectionsPerClient, "body_bytes": bodyBytes,
            "bodies_bytes": bodiesBytes, "idle_seconds": idleSeconds,
            "drain_seconds": drainSeconds, "scanners": scanners,
            "scanners_per_client": scannersPerClient, "scanner_idle_seconds": scannerIdleSeconds,
            "job_files": jobFiles,
            "allow_webhook": allowWebhook.isEmpty ? nil : allowWebhook.joined(separator: " "),
            "report_dir": reportDir, "backup_dir": backupDir,
            "paranoid": paranoid ? "true" : nil,
            "access_log": accessLog, "access_log_format": accessLogFormat, "error_log": errorLog,
            "audit_log": auditLog, "insecure": insecure ? "true" : nil,
            "read_only": readOnly ? "true" : nil, "csrf": csrf ? "true" : nil,
        ]
        return texts.compactMapValues { $0 }
    }

    /// What a file holds; `nil` when it cannot be read.
    static func contents(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { Array($0) }
    }

    /// The settings of the flags, the environment and a file.
    func settings(file path: String?) throws -> ServerSettings {
        let environment = ProcessInfo.processInfo.environment
        var file: (String, String)?
        if let path = path ?? environment["SILT_CONFIG"] {
            guard let bytes = FileManager.default.contents(atPath: path),
                let text = String(validating: bytes, as: UTF8.self)
            else { throw CommandFailure(.usage, "cannot read '\(path)' as text") }
            file = (path, text)
        }
        do {
            return try ServerSettings.read(
                file: file, environment: environment, flags: given, contents: Self.contents)
        } catch {
            throw CommandFailure(.usage, error.lines.joined(separator: "\n      "))
        }
    }
}
