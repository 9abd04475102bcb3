import Siltstone

extension Setting {
    /// Every setting, in the order of the documentation.
    package static let all: [Setting] = [
        .text("data", "directory", \.data, "The data directory; made when missing."),
        .address(
            "listen", "Where HTTP is answered; port 0 lets the system choose.",
            { ($0.server.host, $0.server.port) = ($1, $2) },
            show: { "\($0.server.host):\($0.server.port)" }),
        .address(
            "thrift_listen",
            "Where HBase's Thrift clients are answered; the host is that of `listen`.",
            { ($0.thriftHost, $0.server.thriftPort) = ($1, $2) },
            show: { settings in settings.server.thriftPort.map { "\(settings.server.host):\($0)" } }
        ),
        .text(
            "thrift_token", "name", \.server.thriftToken,
            "The token whose rights Thrift clients have; needed once there are tokens."),
        .text(
            "tls_certificate", "file", \.certificateFile,
            "Holds the server's certificate, and those between it and an authority, in PEM; both ports speak TLS then."
        ),
        .text("tls_key", "file", \.keyFile, "Holds the certificate's key in PEM."),
        .text(
            "tls_client_ca", "file", \.clientAuthoritiesFile,
            "Holds the authorities, in PEM, one of which must have signed the certificate that each client shows."
        ),
        .text(
            "jwt_secret", "file", \.webTokenFile,
            "Holds the secret of JSON Web Tokens (HS256) that count here; with one requests need a token."
        ),
        .text(
            "jwt_keys", "file", \.webKeysFile,
            "Holds public keys, in PEM or as a JSON Web Key Set, of those (RS256, ES256) that count here too."
        ),
        .text(
            "jwt_audience", "name", \.server.webTokenAudience,
            "For whom such tokens must be (`aud`)."),
        .truth(
            "insecure", \.server.isInsecure,
            "Whether an address that others can reach is accepted although there is no TLS, or are no tokens."
        ),
        .truth("read_only", \.server.isReadOnly, "Whether every change is refused."),
        .truth(
            "csrf", \.server.requiresBrowserHeader,
            "Whether changes that a browser may send need the header `X-XSRF-HEADER`."),
        .bytes(
            "memory", from: 16 << 20, \.database.memoryBudgetBytes,
            "One budget for all memory of the store, instead of the next two."),
        .bytes(
            "memtable_bytes", from: 1 << 20, \.database.memtableBytesMax,
            "Memory for what is not in table files yet."),
        .bytes(
            "cache_bytes", from: 0, \.database.cacheBytes,
            "Memory for blocks of table files; indexes and filters of open files, about 1.5 bytes a row, come on top unless `memory` is set."
        ),
        .truth(
            "paranoid", \.database.verifiesFiles,
            "Whether every table file is read again, and compared with what was written, before it counts."
        ),
        .number(
            "threads", 1...1024, \.server.threadCount, "Threads for work that waits for disks."),
        .number(
            "connections", 1...1_000_000, \.server.connectionCountMax,
            "Connections open at one time; further ones are closed at once."),
        .number(
            "connections_per_client", 1...1_000_000, \.server.clientConnectionCountMax,
            "Of those, the most from one address other than loopback."),
        .bytes(
            "body_bytes", from: 1 << 10, \.server.bodyBytesMax,
            "The largest request body that is not written while it arrives, also decompressed."),
        .bytes(
            "bodies_bytes", from: 1 << 20, \.server.bodyBytesInFlightMax,
            "All request bodies in memory together; at least `body_bytes`."),
        .seconds(
            "idle_seconds", 1...86_400, \.server.idleSeconds,
            "How long a connection may stay without a request or without progress."),
        .seconds(
            "drain_seconds", 0...3600, \.server.drainSeconds,
            "How long requests under way may take when the server ends."),
        .number(
            "scanners", 1...10_000_000, \.server.scannerCountMax,
            "HBase's scanners open at one time."),
        .number(
            "scanners_per_client", 1...10_000_000, \.server.clientScannerCountMax,
            "Of those, the most of one token, or without tokens from one address other than loopback; one more ends the oldest."
        ),
        .seconds(
            "scanner_idle_seconds", 1...864_000, \.server.scannerIdleSeconds,
            "How long a scanner that nobody asks is kept."),
        .text(
            "job_files", "directory", \.server.jobFilesDirectory,
            "Below it jobs that come over HTTP may read files; without it they may read none."),
        .urls(
            "allow_webhook", \.server.alertWebhooks,
            "Receivers that jobs may post alerts to, and what is below them, with spaces between."),
        .text(
            "report_dir", "directory", \.server.reportDirectory,
            "Where reports of jobs are written, as often as their files say; made when missing."),
        .text(
            "backup_dir", "directory", \.server.backupDirectory,
            "Where `/v1/backups` keeps backups; made when missing. Without it there are none."),
        .text(
            "access_log", "file or `-`", \.accessLog,
            "Where each request is noted; `-` is standard error."),
        .choice("access_log_format", \.accessLogFormat, "How requests are noted."),
        .text(
            "error_log", "file", \.errorLog,
            "Where failures of the server are noted; standard error when not given."),
        .text(
            "audit_log", "file", \.auditLog,
            "Where acts of administration are noted; standard error when not given."),
    ]
}
