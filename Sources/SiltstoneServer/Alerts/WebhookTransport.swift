import NIOCore
import NIOHTTP1
import NIOPosix
package import SiltIngest
package import SiltModel

/// Posts alerts over HTTP, a connection each, and prints lines through a closure.
package final class WebhookTransport: AlertTransport, Sendable {
    /// The longest wait for a receiver's answer.
    private static let patience = TimeAmount.seconds(10)

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let output: @Sendable (String) -> Void

    /// A transport that gives lines for the standard output to `output`.
    package init(output: @escaping @Sendable (String) -> Void) { self.output = output }

    /// Hands a line on.
    package func writeLine(_ line: String) { output(line) }

    /// Posts a body and waits for the answer, whose status must be a success.
    package func post(_ body: [UInt8], to url: WebhookURL) throws(SiltstoneError) {
        let status: Int
        do {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: url.target,
                headers: [
                    "host": url.port == 80 ? url.host : "\(url.host):\(url.port)",
                    "content-type": "application/json", "content-length": "\(body.count)",
                    "user-agent": "siltstone/\(SiltstoneServer.version)", "connection": "close",
                ])
            let answer = group.next().makePromise(of: Int.self)
            let connecting = ClientBootstrap(group: group)
                .connectTimeout(Self.patience)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(
                            PostHandler(head: head, body: body, answer: answer))
                    }
                }
                .connect(host: url.host, port: url.port)
            connecting.whenFailure { answer.fail($0) }
            let timeout = answer.futureResult.eventLoop.scheduleTask(in: Self.patience) {
                answer.fail(ChannelError.connectTimeout(Self.patience))
            }
            defer {
                timeout.cancel()
                connecting.whenSuccess { $0.close(promise: nil) }
            }
            status = try answer.futureResult.wait()
        } catch {
            throw SiltstoneError(
                .unavailable,
                "receiver does not answer host=\(url.host) port=\(url.port) cause=\(error)")
        }
        guard (200..<300).contains(status) else {
            throw SiltstoneError(
                .unavailable,
                "receiver refused alerts host=\(url.host) port=\(url.port) status=\(status)")
        }
    }

    /// Ends its thread; no calls may follow.
    package func close() { try? group.syncShutdownGracefully() }
}

/// Writes one request when the connection is there, and keeps the status of its answer.
private final class PostHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let body: [UInt8]
    private let answer: EventLoopPromise<Int>
    private var status = 0

    init(head: HTTPRequestHead, body: [UInt8], answer: EventLoopPromise<Int>) {
        self.head = head
        self.body = body
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(
            wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        // What it says besides does not matter, however long it is.
        case .body: break
        case .end: answer.succeed(status)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ChannelError.eof)
    }
}
