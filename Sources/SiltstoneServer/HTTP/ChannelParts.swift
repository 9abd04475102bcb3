import NIOCore
import NIOHTTP1
import NIOPosix

/// What the channels of connections are made of.
struct ChannelParts: Sendable {
    let router: Router
    let group: MultiThreadedEventLoopGroup
    let threads: NIOThreadPool
    let connections: Connections
    let certificates: CurrentCertificates?

    /// Limits of a request's head: 16 KiB a field, 64 KiB and 200 fields in all.
    private static let decoderLimits: NIOHTTPDecoderLimitConfiguration = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 << 10
        limits.maxHeaderListSize = 64 << 10
        limits.maxHeaderFieldCount = 200
        return limits
    }()

    /// Listens for HTTP.
    func startHTTP(_ configuration: SiltstoneServer.Configuration) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try addTLS(to: pipeline)
                    try pipeline.configureHTTPServerPipeline(
                        // The handler sends no field that could begin another.
                        withErrorHandling: false, withOutboundHeaderValidation: false,
                        withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: Self.decoderLimits)
                    try pipeline.addHandler(
                        ConnectionHandler(
                            router: router, threads: threads, connections: connections))
                }
            }
            .bind(host: configuration.host, port: configuration.port).get()
    }

    /// Listens for HBase's Thrift clients, where that is wanted.
    func startThrift(_ configuration: SiltstoneServer.Configuration) async throws
        -> (any Channel)?
    {
        guard let port = configuration.thriftPort else { return nil }
        let state = try ThriftState(router: router, token: configuration.thriftToken)
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try addTLS(to: pipeline)
                    try pipeline.addHandler(
                        ThriftConnection(state, threads: threads, connections: connections))
                }
            }
            .bind(host: configuration.host, port: port).get()
    }

    private func addTLS(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        if let certificates { try pipeline.addHandler(certificates.makeHandler(router.metrics)) }
    }
}
