import NIOCore

/// What connections and their requests may cost.
struct ConnectionLimits: Sendable {
    /// The largest request body, in bytes.
    var bodyBytesMax: Int
    /// All request bodies in memory together, in bytes.
    var bodyBytesInFlightMax: Int
    /// The connections open at one time.
    var connectionCountMax: Int
    /// Of those, the most from one address other than loopback.
    var clientConnectionCountMax: Int
    /// How long a connection may stay without a request or without progress.
    var idle: TimeAmount
    /// A body that comes slower than this for longer than `idle` is cut off.
    var bodyBytesPerSecondMin = 1024
    /// How long what a refused client still sends is read, so that it sees the answer.
    var linger = TimeAmount.seconds(2)
    /// A longer body is handed on as it comes, on paths that can take it so, in bytes.
    var collectedBodyBytesMax = 256 << 10
    /// A body longer than this is looked at on a worker thread, in bytes.
    var inlineBodyBytesMax = 64 << 10

    init(_ configuration: SiltstoneServer.Configuration) {
        bodyBytesMax = configuration.bodyBytesMax
        bodyBytesInFlightMax = max(configuration.bodyBytesInFlightMax, configuration.bodyBytesMax)
        connectionCountMax = configuration.connectionCountMax
        clientConnectionCountMax = configuration.clientConnectionCountMax
        idle = .seconds(max(1, configuration.idleSeconds))
    }
}
