import NIOCore
import NIOHTTP1
import NIOPosix
import SiltIO
import SiltIngest
import SiltLSM
import SiltModel
import SiltTable
import Siltstone

/// Finds the route of a request; safe from any thread.
final class Router: Sendable {
    /// Headers of every answer, as HBase's gateway sends them.
    static let standardHeaders: HTTPHeaders = [
        "X-Content-Type-Options": "nosniff", "X-XSS-Protection": "1; mode=block",
        "X-Frame-Options": "DENY",
    ]

    let store: TableStore
    let metrics = ServerMetrics()
    let streams: Streams
    let jobs: Jobs
    let alerts: AlertService
    let scanners: Scanners
    /// Where backups are kept; `nil` when the server was given no directory.
    let backups: BackupDirectory?
    let tokens: AccessTokens
    let webTokens: CurrentWebTokens?
    /// When the server started, in milliseconds since 1970.
    let startedMilliseconds: Int64
    /// Requests that wait for changes of tables.
    let changes: ChangeWaits
    let identifiers: RequestIdentifiers
    private let configuration: SiltstoneServer.Configuration

    /// Whether every change is refused.
    var isReadOnly: Bool { configuration.isReadOnly }

    /// Whether requests need a token.
    var requiresTokens: Bool { webTokens != nil || tokens.areRequired }

    /// The address of a path, as a request's client knows the server.
    func address(_ path: String, _ request: Request) -> String {
        let scheme = configuration.certificates == nil ? "http" : "https"
        return "\(scheme)://\(request.header("Host") ?? "localhost")\(path)"
    }

    /// The port asked for.
    var port: Int { configuration.port }

    /// Where acts of administration are noted.
    var auditLog: (@Sendable (String) -> Void)? { configuration.auditLog }

    /// Where requests are noted.
    var accessLog: (@Sendable (AccessRecord) -> Void)? { configuration.accessLog }

    /// Where failures of the server are noted.
    var errorLog: (@Sendable (String) -> Void)? { configuration.errorLog }

    init(
        database: Database, group: any EventLoopGroup, threads: NIOThreadPool, tokens: AccessTokens,
        backups: BackupDirectory?, webTokens: CurrentWebTokens?,
        configuration: SiltstoneServer.Configuration
    ) {
        self.backups = backups
        changes = ChangeWaits(store: database.store, group: group, threads: threads)
        self.tokens = tokens
        self.webTokens = webTokens
        store = database.store
        streams = Streams(store: store, threads: threads)
        let receivers = configuration.alertWebhooks.compactMap { WebhookURL($0) }
        let allows: @Sendable (WebhookURL) -> Bool = { url in
            receivers.contains { $0.covers(url) }
        }
        alerts = AlertService(
            store, transport: WebhookTransport(output: configuration.alertOutput ?? { _ in }),
            allows: allows)
        jobs = Jobs(
            store: store, streams: streams, filesDirectory: configuration.jobFilesDirectory,
            alerts: alerts, allowsReceiver: allows)
        scanners = Scanners(
            environment: store.engine.environment, countMax: configuration.scannerCountMax,
            clientCountMax: configuration.clientScannerCountMax,
            idleSeconds: configuration.scannerIdleSeconds)
        startedMilliseconds = store.clock.nowMilliseconds
        identifiers = RequestIdentifiers(store.engine.environment)
        self.configuration = configuration
    }

    /// Ends jobs and the delivery of alerts; blocks.
    func stopWork() {
        jobs.stopAll()
        alerts.stop()
    }

    /// A table of users; those that Siltstone itself keeps are not to be seen from outside.
    func table(_ name: String) throws(SiltstoneError) -> StoredTable {
        guard !name.hasPrefix("silt:") else {
            throw SiltstoneError(.notFound, "no such table table=\(name)")
        }
        return try store.table(name)
    }

    /// The tables that a request's client may know of.
    func tables(for request: Request) -> [StoredTable] {
        store.tables().filter { shows($0.definition.name, to: request) }
    }

    func reply(to request: Request) -> Reply {
        var request = request
        switch admit(request) {
        case .refused(let response): return .now(response)
        case .admitted(let token):
            request.principal = token?.name
            request.rights = token?.rights
        }
        do {
            return try route(request)
        } catch {
            return .now(Self.failure(error, for: request))
        }
    }

    private func route(_ request: Request) throws(SiltstoneError) -> Reply {
        if request.method == .TRACE { return .now(HBaseRoutes.notAllowed) }
        if request.method == .OPTIONS {
            return .now(
                Response(.ok, headers: [("Allow", "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS")]))
        }
        if let response = refusal(of: request) { return .now(response) }
        switch try request.decoded(limit: configuration.bodyBytesMax) {
        case .request(let request): return try answer(request)
        case .unknown: return .now(HBaseRoutes.unsupported)
        case .tooLarge:
            return .now(
                .text(
                    .payloadTooLarge,
                    "the body is too large max=\(configuration.bodyBytesMax)\r\n"))
        }
    }

    /// Why a change is refused, whatever it is; `nil` when it is not, or is none.
    func refusal(of request: Request) -> Response? {
        guard !request.isRead, !AggregateRoutes.matches(request) else { return nil }
        if configuration.isReadOnly { return HBaseRoutes.forbidden }
        guard configuration.requiresBrowserHeader, request.mayComeFromBrowser,
            request.header("X-XSRF-HEADER") == nil
        else { return nil }
        return .text(
            .badRequest,
            "Missing Required Header for Vulnerability Protection: X-XSRF-HEADER\r\n")
    }

    private func answer(_ request: Request) throws(SiltstoneError) -> Reply {
        if let version = InfluxRoutes.version(of: request) {
            return try InfluxRoutes(router: self, request: request).reply(version)
        }
        switch request.segments.first {
        case "v1": return try V1Routes(router: self, request: request).reply()
        case "ui": return Dashboard.reply(to: request)
        case "healthz": return .now(.text(.ok, "ok\n"))
        case "readyz":
            let store = store
            return .work { () throws(SiltstoneError) in
                store.engine.metrics.isPoisoned
                    ? .text(.serviceUnavailable, "writes are refused, as storage failed\n")
                    : .text(.ok, "ok\n")
            }
        case "metrics":
            // Reading the engine's figures waits for the write that is under way.
            let (metrics, store, jobs) = (metrics, store, jobs)
            return .work { () throws(SiltstoneError) in
                Response(
                    .ok, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                    body: Array(metrics.exposition(store: store, jobs: jobs).utf8))
            }
        default: return try HBaseRoutes(router: self, request: request).reply()
        }
    }

    /// The answer while the server is ending.
    static let unavailable = Response.text(.serviceUnavailable, "Unavailable\r\n")

    /// Runs a route's blocking work and turns what it throws into an answer.
    static func catching(
        _ request: Request, _ body: () throws(SiltstoneError) -> Response
    ) -> Response {
        do { return try body() } catch { return failure(error, for: request) }
    }

    /// The answer for an error, in the words of the API that was called.
    static func failure(_ error: SiltstoneError, for request: Request) -> Response {
        var response = answer(for: error, request)
        if error.code == .overloaded { response.headers.append(("Retry-After", "1")) }
        if response.status.code >= 500 { response.fault = Self.fault(error) }
        return response
    }

    /// An error in words for the error log.
    static func fault(_ error: SiltstoneError) -> String {
        let place = error.location.map { " \($0)" } ?? ""
        return "\(error.code): \(error.message)\(place)"
    }

    private static func answer(for error: SiltstoneError, _ request: Request) -> Response {
        let status = status(of: error.code)
        if request.segments.first == "v1" {
            let detail = error.location.map { JSONValue.string($0.description) } ?? .null
            return .json(
                status,
                .object(
                    (
                        "error",
                        .object(
                            ("code", .string(error.code.description)),
                            ("message", .string(error.message)),
                            ("detail", detail), ("request_id", .string(request.id)))
                    )))
        }
        if let version = InfluxRoutes.version(of: request) {
            return version.failure(status, error.code.description, error.message)
        }
        let text =
            switch status {
            case .notFound: "Not found\r\n"
            case .badRequest: "Bad request\r\n\(error.message)\r\n"
            default: "Unavailable\r\n\(error.code): \(error.message)\r\n"
            }
        return .text(status, text)
    }

    static func status(of code: SiltstoneError.Code) -> HTTPResponseStatus {
        switch code {
        case .invalidArgument: .badRequest
        case .notFound: .notFound
        case .alreadyExists, .conflict: .conflict
        case .conditionFailed: .preconditionFailed
        case .overloaded: .tooManyRequests
        case .storageFull: .insufficientStorage
        case .expired: .gone
        case .corrupted: .internalServerError
        default: .serviceUnavailable
        }
    }
}
