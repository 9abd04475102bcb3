import NIOCore
import NIOHTTP1
import NIOPosix
import SiltIO
public import SiltModel
import SiltTable
public import Siltstone
import Synchronization

/// The HTTP server: HBase's REST API at the root and Siltstone's own under `/v1`.
public final class SiltstoneServer: Sendable {
    /// Settings of a server; plain data.
    public struct Configuration: Sendable {
        /// The address to listen on; only loopback addresses are accepted unless `isInsecure`.
        public var host = "127.0.0.1"
        /// The port; 0 lets the system choose.
        public var port = 8080
        /// The port for HBase's Thrift clients on the same address; 0 lets the system choose, `nil` is none.
        public var thriftPort: Int?
        /// The certificates of both ports; `nil` is no TLS.
        public var certificates: Certificates?
        /// Whether an address that others can reach is accepted although there is no TLS, or are no tokens.
        public var isInsecure = false
        /// Whether every change is refused with 403.
        public var isReadOnly = false
        /// Whether changes that a browser may have been tricked into need the header `X-XSRF-HEADER` (400 without).
        public var requiresBrowserHeader = false
        /// The scanners open at one time.
        public var scannerCountMax = 10_000
        /// Of those, the most of one token, or without tokens from one address other than loopback.
        public var clientScannerCountMax = 1_000
        /// A scanner that nobody asked for this long is given up, in seconds.
        public var scannerIdleSeconds: Int64 = 3600
        /// The largest request body, in bytes, also after decompression.
        public var bodyBytesMax = 64 << 20
        /// All request bodies in memory together, in bytes; beyond it requests are answered with 503.
        public var bodyBytesInFlightMax = 256 << 20
        /// The connections open at one time; further ones are closed at once.
        public var connectionCountMax = 4096
        /// Of those, the most from one address other than loopback, where a proxy may hold all of them.
        public var clientConnectionCountMax = 256
        /// A connection without a request, or without progress in either direction, for this long is closed.
        public var idleSeconds: Int64 = 30
        /// How long requests under way may take when the server ends, in seconds; then they are cut.
        public var drainSeconds: Int64 = 5
        /// The token with whose rights the Thrift port answers; needed there as soon as there are tokens.
        public var thriftToken: String?
        /// The secret of JSON Web Tokens (HS256) that count here, at least 32 bytes; with one requests need a token.
        public var webTokenSecret: [UInt8]?
        /// The public keys of JSON Web Tokens (RS256 and ES256) that count here, as PEM or a JSON Web Key Set; with some
        /// requests need a token.
        public var webTokenKeys: [UInt8]?
        /// For whom such tokens must be; `nil` is anyone.
        public var webTokenAudience: String?
        /// Takes a line of JSON for each act of administration; called on the server's threads.
        public var auditLog: (@Sendable (String) -> Void)?
        /// Takes a record of each request that was answered; called on the server's threads.
        public var accessLog: (@Sendable (AccessRecord) -> Void)?
        /// Takes a line for each failure of the server; called on the server's threads.
        public var errorLog: (@Sendable (String) -> Void)?
        /// The directory below which jobs may read files; `nil` lets no job that comes over HTTP read files.
        public var jobFilesDirectory: String?
        /// The receivers that alerts of jobs may be posted to: `http://HOST:PORT/PATH`, and what is below it.
        public var alertWebhooks: [String] = []
        /// Takes a line of JSON for each alert that a job sends to the standard output; `nil` drops them.
        public var alertOutput: (@Sendable (String) -> Void)?
        /// The directory that reports of jobs are written to as often as their files say; `nil` writes none.
        public var reportDirectory: String?
        /// The directory that `/v1/backups` keeps backups in; `nil` keeps none.
        public var backupDirectory: String?
        /// The threads for blocking work; 1 or more.
        public var threadCount = 8

        /// The defaults.
        public init() {}
    }

    /// The version of this build, as clients are told.
    public static let version = "0.1.0"

    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let channel: any Channel
    private let thriftChannel: (any Channel)?
    private let connections: Connections
    private let certificates: CurrentCertificates?
    private let webTokens: CurrentWebTokens?
    private let jobs: Jobs
    private let changes: ChangeWaits
    private let alerts: AlertService
    private let reports: ReportWriter?
    private let drainSeconds: Int64
    private let hasEnded = Mutex(false)

    /// The port the server listens on.
    public var port: Int { channel.localAddress?.port ?? 0 }

    /// The port for Thrift clients, where there is one.
    public var thriftPort: Int? { thriftChannel?.localAddress?.port }

    private init(
        group: MultiThreadedEventLoopGroup, threads: NIOThreadPool, channel: any Channel,
        thriftChannel: (any Channel)?, connections: Connections,
        certificates: CurrentCertificates?, router: Router, reports: ReportWriter?,
        drainSeconds: Int64
    ) {
        self.group = group
        self.threads = threads
        self.channel = channel
        self.thriftChannel = thriftChannel
        self.connections = connections
        self.certificates = certificates
        webTokens = router.webTokens
        jobs = router.jobs
        changes = router.changes
        alerts = router.alerts
        self.reports = reports
        self.drainSeconds = drainSeconds
    }

    /// Starts to listen.
    ///
    /// The database stays the caller's: close it after `shutDown`.
    ///
    /// - Throws: `invalidArgument` for an address beyond loopback without certificates or without tokens, unless `isInsecure`, and
    ///   for certificates and keys that cannot be used; `conflict` when the address cannot be bound.
    public static func start(
        _ database: Database, _ configuration: Configuration = .init()
    ) async throws(SiltstoneError) -> SiltstoneServer {
        let webTokens = try WebTokens(configuration).map { CurrentWebTokens($0) }
        if let fault = exposureFault(configuration) {
            throw SiltstoneError(.invalidArgument, fault)
        }
        var certificates: CurrentCertificates?
        if let given = configuration.certificates { certificates = try CurrentCertificates(given) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let threads = NIOThreadPool(numberOfThreads: max(1, configuration.threadCount))
        threads.start()
        let connections = Connections(limits: ConnectionLimits(configuration))
        var started: Router?
        do {
            let store = database.store
            let tokens = try await threads.runIfActive { try AccessTokens(store: store) }
            let router = Router(
                database: database, group: group, threads: threads, tokens: tokens,
                backups: try openBackups(configuration), webTokens: webTokens,
                configuration: configuration)
            started = router
            if !router.requiresTokens, let fault = exposureFault(configuration, hasTokens: false) {
                throw SiltstoneError(.invalidArgument, fault)
            }
            if !configuration.isReadOnly {
                router.alerts.start()
                try await threads.runIfActive { try router.jobs.resume() }
            }
            let parts = ChannelParts(
                router: router, group: group, threads: threads, connections: connections,
                certificates: certificates)
            let channel = try await parts.startHTTP(configuration)
            let thriftChannel = try await parts.startThrift(configuration)
            let reports = startReports(router, configuration.reportDirectory)
            let scanners = router.scanners
            let errorLog = router.errorLog
            group.next().scheduleRepeatedTask(initialDelay: .seconds(15), delay: .seconds(15)) {
                _ in
                scanners.expire()
                if let errorLog { Self.reportOldSnapshots(store, errorLog) }
            }
            return SiltstoneServer(
                group: group, threads: threads, channel: channel, thriftChannel: thriftChannel,
                connections: connections, certificates: certificates, router: router,
                reports: reports, drainSeconds: configuration.drainSeconds)
        } catch {
            if let started { try? await threads.runIfActive { started.stopWork() } }
            try? await threads.shutdownGracefully()
            try? await group.shutdownGracefully()
            if let error = error as? SiltstoneError { throw error }
            throw SiltstoneError(
                .conflict,
                "cannot listen host=\(configuration.host) port=\(configuration.port) cause=\(error)"
            )
        }
    }

    /// Tells the error log of scans that were perhaps forgotten, once of each.
    static func reportOldSnapshots(_ store: TableStore, _ log: (String) -> Void) {
        for old in store.takeOldSnapshots() { log("\(store.clock.nowMilliseconds) \(old.warning)") }
    }

    private static func openBackups(_ configuration: Configuration) throws(SiltstoneError)
        -> BackupDirectory?
    {
        guard let directory = configuration.backupDirectory else { return nil }
        return BackupDirectory(try BackupPlace.posix(directory: directory, creates: true))
    }

    private static func startReports(_ router: Router, _ directory: String?) -> ReportWriter? {
        let reports = directory.map {
            ReportWriter(router.store, jobs: router.jobs, directory: $0)
        }
        reports?.start()
        return reports
    }

    /// Gives new connections other certificates; those that are open keep theirs.
    ///
    /// - Throws: `invalidArgument` when they cannot be used, or for a server that was started without; then all stays as it was.
    public func replace(_ new: Certificates) throws(SiltstoneError) {
        guard let certificates else {
            throw SiltstoneError(.invalidArgument, "the server was started without TLS")
        }
        try certificates.replace(new)
    }

    /// Takes another secret and other public keys of JSON Web Tokens, as those of `Configuration`, for requests from here on.
    ///
    /// - Throws: `invalidArgument` when they cannot be used or there are none, or for a server that was started without; then all
    ///   stays as it was.
    public func replaceWebTokens(secret: [UInt8]?, keys: [UInt8]?) throws(SiltstoneError) {
        guard let webTokens else {
            throw SiltstoneError(.invalidArgument, "the server was started without web tokens")
        }
        try webTokens.replace(secret: secret, keys: keys)
    }

    /// Stops accepting, lets requests under way end and closes the connections.
    ///
    /// Takes no longer than the configured seconds, and the one write or scan step that a request is in.
    /// Only the first call does something.
    public func shutDown() async {
        guard
            hasEnded.withLock({ hasEnded in
                defer { hasEnded = true }
                return !hasEnded
            })
        else { return }
        try? await channel.close().get()
        try? await thriftChannel?.close().get()
        changes.end()
        let (jobs, alerts, reports) = (jobs, alerts, reports)
        async let stopped: Void? = try? threads.runIfActive {
            reports?.stop()
            jobs.stopAll()
            alerts.stop()
        }
        await connections.drain(deadline: .seconds(drainSeconds), on: group.next())
        _ = await stopped
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    /// Why the server would not listen where it should; `nil` when it would.
    static func exposureFault(_ configuration: Configuration, hasTokens: Bool = true) -> String? {
        guard !configuration.isInsecure, !isLoopback(configuration.host) else { return nil }
        let lack: String
        if configuration.certificates == nil {
            lack = "TLS: give tls_certificate and tls_key, use 127.0.0.1 behind a proxy with TLS"
        } else if !hasTokens {
            lack = "tokens: make one with silt token create, give jwt_secret or jwt_keys"
        } else {
            return nil
        }
        return
            "refusing to listen beyond loopback without \(lack), or --insecure on a network you"
            + " trust host=\(configuration.host)"
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.split(separator: ".").count == 4
                && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
