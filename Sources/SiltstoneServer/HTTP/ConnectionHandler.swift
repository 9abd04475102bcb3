import NIOCore
import NIOHTTP1
import NIOPosix
import SiltModel

/// One connection: collects a request, asks the router, sends the answer, then reads the next request.
///
/// All of it runs on the connection's event loop; blocking work and body sources run on `threads`.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case receiving(HTTPRequestHead, ByteBuffer)
        case refusing
        case answering
    }

    private let router: Router
    private let threads: NIOThreadPool
    private let bodyBytesMax: Int
    private var state = State.idle

    init(router: Router, threads: NIOThreadPool, bodyBytesMax: Int) {
        self.router = router
        self.threads = threads
        self.bodyBytesMax = bodyBytesMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): received(head, context)
        case .body(let part):
            guard case .receiving(let head, var buffer) = state else { return }
            state = .answering
            guard buffer.readableBytes + part.readableBytes <= bodyBytesMax else {
                refuse(.payloadTooLarge, head, context)
                return
            }
            buffer.writeImmutableBuffer(part)
            state = .receiving(head, buffer)
        case .end:
            guard case .receiving(let head, let buffer) = state else { return }
            state = .answering
            answer(Request(head: head, body: Array(buffer.readableBytesView)), head, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            if case .answering = state { return }
            context.close(promise: nil)
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func received(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let declared = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        if declared > bodyBytesMax {
            refuse(.payloadTooLarge, head, context)
            return
        }
        if head.headers[canonicalForm: "expect"].contains(where: {
            $0.lowercased() == "100-continue"
        }) {
            let reply = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(reply)), promise: nil)
        }
        state = .receiving(head, context.channel.allocator.buffer(capacity: declared))
    }

    /// Answers before the request was read whole, and closes: the rest of it is not wanted.
    private func refuse(
        _ status: HTTPResponseStatus, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        state = .refusing
        var answer = HTTPResponseHead(version: head.version, status: status)
        answer.headers.add(name: "Connection", value: "close")
        answer.headers.add(name: "Content-Length", value: "0")
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func answer(
        _ request: Request, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        let started = router.metrics.begin()
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        let finish: @Sendable (Response) -> Void = { response in
            let (handler, context) = bound.value
            handler.router.metrics.end(started, request: request, status: response.status)
            handler.send(response, head, context)
        }
        switch router.reply(to: request) {
        case .now(let response): finish(response)
        case .work(let body):
            threads.runIfActive(eventLoop: loop) { Router.catching(request, body) }
                .whenComplete { result in
                    finish(
                        (try? result.get()) ?? Response.text(.serviceUnavailable, "Unavailable\r\n")
                    )
                }
        case .later(let start):
            start { response in loop.execute { finish(response) } }
        }
    }

    private func send(
        _ response: Response, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive else { return }
        var answer = HTTPResponseHead(version: head.version, status: response.status)
        for (name, value) in Router.standardHeaders { answer.headers.add(name: name, value: value) }
        for (name, value) in response.headers {
            answer.headers.replaceOrAdd(name: name, value: value)
        }
        let keepsAlive = head.isKeepAlive
        if !keepsAlive {
            answer.headers.add(name: "Connection", value: "close")
        } else if head.version.minor == 0 {
            answer.headers.add(name: "Connection", value: "keep-alive")
        }
        switch response.body {
        case .bytes(let bytes):
            if response.status.mayHaveBody {
                answer.headers.replaceOrAdd(name: "Content-Length", value: String(bytes.count))
            }
            context.write(wrapOutboundOut(.head(answer)), promise: nil)
            if !bytes.isEmpty, head.method != .HEAD, response.status.mayHaveBody {
                let buffer = context.channel.allocator.buffer(bytes: bytes)
                context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
            }
            end(context, keepsAlive: keepsAlive)
        case .stream(let stream):
            let chunked = head.version.minor > 0
            if chunked { answer.headers.add(name: "Transfer-Encoding", value: "chunked") }
            context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
            if head.method == .HEAD {
                end(context, keepsAlive: keepsAlive)
            } else {
                sendNextPiece(of: stream, context, keepsAlive: keepsAlive && chunked)
            }
        }
    }

    /// Sends one piece of a long body and asks for the next only once this one has left.
    private func sendNextPiece(
        of stream: BodyStream, _ context: ChannelHandlerContext, keepsAlive: Bool
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        threads.runIfActive(eventLoop: context.eventLoop) { try stream.source.nextPiece() }
            .whenComplete { result in
                let (handler, context) = bound.value
                guard context.channel.isActive else { return }
                switch result {
                case .failure:
                    // The head is gone already: only a cut connection can say that the body is not whole.
                    context.close(promise: nil)
                case .success(nil): handler.end(context, keepsAlive: keepsAlive)
                case .success(let piece?):
                    let buffer = context.channel.allocator.buffer(bytes: piece)
                    context.writeAndFlush(handler.wrapOutboundOut(.body(.byteBuffer(buffer))))
                        .whenSuccess {
                            let (handler, context) = bound.value
                            handler.sendNextPiece(of: stream, context, keepsAlive: keepsAlive)
                        }
                }
            }
    }

    private func end(_ context: ChannelHandlerContext, keepsAlive: Bool) {
        state = .idle
        let channel = context.channel
        let sent = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !keepsAlive { sent.whenComplete { _ in channel.close(promise: nil) } }
    }
}

extension HTTPResponseStatus {
    /// Whether the status may carry a body at all.
    var mayHaveBody: Bool { self != .notModified && self != .noContent }
}
