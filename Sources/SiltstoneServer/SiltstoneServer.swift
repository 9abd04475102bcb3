import NIOCore
import NIOHTTP1
import NIOPosix
public import SiltModel
public import Siltstone

/// The HTTP server: HBase's REST API at the root and Siltstone's own under `/v1`.
public final class SiltstoneServer: Sendable {
    /// Settings of a server; plain data.
    public struct Configuration: Sendable {
        /// The address to listen on; only loopback addresses are accepted unless `isInsecure`.
        public var host = "127.0.0.1"
        /// The port; 0 lets the system choose.
        public var port = 8080
        /// Whether an address that others can reach is accepted although there are no tokens and no TLS.
        public var isInsecure = false
        /// Whether every change is refused with 403.
        public var isReadOnly = false
        /// The largest request body, in bytes.
        public var bodyBytesMax = 64 << 20
        /// A connection without a request for this long is closed, in seconds.
        public var idleSeconds: Int64 = 60
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
    private let router: Router

    /// The port the server listens on.
    public var port: Int { channel.localAddress?.port ?? 0 }

    private init(
        group: MultiThreadedEventLoopGroup, threads: NIOThreadPool, channel: any Channel,
        router: Router
    ) {
        self.group = group
        self.threads = threads
        self.channel = channel
        self.router = router
    }

    /// Starts to listen.
    ///
    /// The database stays the caller's: close it after `shutDown`.
    ///
    /// - Throws: `invalidArgument` for an address beyond loopback without `isInsecure`; `conflict` when the
    ///   address cannot be bound.
    public static func start(
        _ database: Database, _ configuration: Configuration = .init()
    ) async throws(SiltstoneError) -> SiltstoneServer {
        guard configuration.isInsecure || isLoopback(configuration.host) else {
            throw SiltstoneError(
                .invalidArgument,
                "refusing to listen beyond loopback without tokens and TLS: use 127.0.0.1, or --insecure"
                    + " on a network you trust host=\(configuration.host)")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let threads = NIOThreadPool(numberOfThreads: max(1, configuration.threadCount))
        threads.start()
        let router = Router(database: database, configuration: configuration)
        let bodyBytesMax = configuration.bodyBytesMax
        let idle = TimeAmount.seconds(configuration.idleSeconds)
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(IdleStateHandler(readTimeout: idle))
                        try pipeline.addHandler(
                            ConnectionHandler(
                                router: router, threads: threads, bodyBytesMax: bodyBytesMax))
                    }
                }
                .bind(host: configuration.host, port: configuration.port).get()
            return SiltstoneServer(group: group, threads: threads, channel: channel, router: router)
        } catch {
            try? await threads.shutdownGracefully()
            try? await group.shutdownGracefully()
            throw SiltstoneError(
                .conflict,
                "cannot listen host=\(configuration.host) port=\(configuration.port) cause=\(error)"
            )
        }
    }

    /// Stops accepting, lets running work finish and closes the connections.
    public func shutDown() async {
        try? await channel.close().get()
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.split(separator: ".").count == 4
                && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
