import NIOCore
import NIOHTTP1
import NIOPosix
import SiltModel

/// One connection: collects a request, asks the router, sends the answer, then reads the next request.
///
/// All of it runs on the connection's event loop; blocking work and body sources run on `threads`. The
/// handler in front of this one (NIO's for pipelining) holds back the next request until the answer to
/// the last one was written to its end.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum State {
        /// Between two requests.
        case idle
        case receiving(HTTPRequestHead, ByteBuffer)
        case answering
        /// The last answer was sent; what still comes is dropped until the connection closes.
        case discarding
    }

    /// Answers given from within one another, when pipelined requests waited; more would eat up the stack.
    private static let nestedAnswersMax = 8

    let router: Router
    let threads: NIOThreadPool
    let connections: Connections
    var state = State.idle
    /// Whether the connection ends once the answer under way was sent.
    var isLast = false
    /// Whether the server is ending.
    var isDraining = false
    /// Whether the client ended its side; it may still wait for its answer.
    var inputIsClosed = false
    /// Whether requests are being read: then answers are flushed together, once there is nothing more to read.
    var isReading = false
    var needsFlush = false
    /// The request that waits until the client took earlier answers.
    private var postponed: (Request, HTTPRequestHead)?
    private var nestedAnswers = 0
    private var heldBodyBytes = 0
    private var watch: Scheduled<Void>?
    /// When the state last changed or progress was last seen.
    private var since = NIODeadline.now()
    private var lastSeenOutput = (buffered: 0, pieces: 0)
    /// Pieces of long bodies sent.
    var pieceCount = 0

    init(router: Router, threads: NIOThreadPool, connections: Connections) {
        self.router = router
        self.threads = threads
        self.connections = connections
    }

    private var limits: ConnectionLimits { connections.limits }

    // MARK: Events

    func channelActive(context: ChannelHandlerContext) {
        guard connections.add(context.channel) else {
            context.close(promise: nil)
            return
        }
        since = .now()
        scheduleWatch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(context.channel)
        watch?.cancel()
        postponed = nil
        releaseBody()
        state = .discarding
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        switch unwrapInboundIn(data) {
        case .head(let head):
            if case .idle = state { received(head, context) }
        case .body(let part): received(part, context)
        case .end:
            guard case .receiving(let head, let buffer) = state else { return }
            state = .answering
            answer(Request(head: head, body: Array(buffer.readableBytesView)), head, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flushIfNeeded(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let (request, head) = postponed {
            postponed = nil
            answer(request, head, context)
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            if case .discarding = state { return }
            context.close(promise: nil)
            return
        }
        switch state {
        case .idle, .receiving: refuse(Self.status(of: error), "\(error)", nil, context)
        case .answering: context.close(promise: nil)
        case .discarding: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Connections.DrainEvent {
            isLast = true
            isDraining = true
            closeWhenDone(context)
        } else if case .inputClosed? = event as? ChannelEvent {
            inputIsClosed = true
            isLast = true
            closeWhenDone(context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Closes now unless a request or its answer is under way.
    private func closeWhenDone(_ context: ChannelHandlerContext) {
        switch state {
        case .idle:
            context.flush()
            if bufferedOutput(context) == 0 { context.close(promise: nil) }
        case .discarding: context.close(promise: nil)
        case .receiving, .answering: break
        }
    }

    // MARK: Requests

    private func received(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if isLast { return context.close(promise: nil) }
        since = .now()
        guard head.version.major == 1 else {
            return refuse(.httpVersionNotSupported, "this is an HTTP/1.1 server", head, context)
        }
        if head.version.minor > 0, head.headers[canonicalForm: "host"].count != 1 {
            return refuse(.badRequest, "a request has one Host header", head, context)
        }
        let declared = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard declared <= limits.bodyBytesMax else {
            return refuse(
                .payloadTooLarge, "the body is too large max=\(limits.bodyBytesMax)", head, context)
        }
        if let expectation = head.headers.first(name: "expect"), head.version.minor > 0 {
            guard expectation.lowercased() == "100-continue" else {
                return refuse(.expectationFailed, "expectation is unknown", head, context)
            }
            let reply = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(reply)), promise: nil)
        }
        // Room for what is declared only as far as it costs nothing to lie.
        state = .receiving(
            head, context.channel.allocator.buffer(capacity: min(declared, 64 << 10)))
    }

    private func received(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .receiving(let head, var buffer) = state else { return }
        // The state must not hold a second reference while the buffer grows.
        state = .answering
        guard buffer.readableBytes + part.readableBytes <= limits.bodyBytesMax else {
            return refuse(
                .payloadTooLarge, "the body is too large max=\(limits.bodyBytesMax)", head, context)
        }
        guard connections.takeBodyBytes(part.readableBytes) else {
            return refuse(
                .serviceUnavailable, "too many requests are being received", head, context)
        }
        heldBodyBytes += part.readableBytes
        buffer.writeImmutableBuffer(part)
        state = .receiving(head, buffer)
    }

    private func releaseBody() {
        connections.giveBodyBytesBack(heldBodyBytes)
        heldBodyBytes = 0
    }

    private static func status(of error: HTTPParserError) -> HTTPResponseStatus {
        if case .headerOverflow = error { .requestHeaderFieldsTooLarge } else { .badRequest }
    }

    /// Answers before the request was read whole, and ends the connection: the rest is not wanted.
    private func refuse(
        _ status: HTTPResponseStatus, _ reason: String, _ head: HTTPRequestHead?,
        _ context: ChannelHandlerContext
    ) {
        let body = Array("\(reason)\r\n".utf8)
        var answer = HTTPResponseHead(version: .http1_1, status: status)
        answer.headers.add(name: "Content-Type", value: "text/plain")
        answer.headers.add(name: "Content-Length", value: String(body.count))
        answer.headers.add(name: "Connection", value: "close")
        if status == .serviceUnavailable { answer.headers.add(name: "Retry-After", value: "1") }
        router.metrics.refused(status)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        if head?.method != .HEAD {
            let buffer = context.channel.allocator.buffer(bytes: body)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        releaseBody()
        endLast(context)
    }

    private func answer(
        _ request: Request, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        guard context.channel.isWritable else {
            // The client does not take its earlier answers: more of them would only fill memory.
            postponed = (request, head)
            context.flush()
            return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        guard nestedAnswers < Self.nestedAnswersMax else {
            context.eventLoop.execute {
                let (handler, context) = bound.value
                handler.answer(request, head, context)
            }
            return
        }
        nestedAnswers += 1
        defer { nestedAnswers -= 1 }
        let started = router.metrics.begin()
        let loop = context.eventLoop
        let finish: @Sendable (Response) -> Void = { response in
            let (handler, context) = bound.value
            handler.router.metrics.end(started, request: request, status: response.status)
            handler.router.audit(request, response.status)
            handler.releaseBody()
            handler.since = .now()
            handler.send(response, head, context)
        }
        let packs = request.acceptsGzip
        let pack: @Sendable (Response) -> Response = { packs ? $0.compressed() : $0 }
        if request.body.count > limits.inlineBodyBytesMax || request.isCompressed {
            let router = router
            threads.submit { status in
                guard case .active = status else {
                    return loop.execute { finish(Router.unavailable) }
                }
                switch router.reply(to: request) {
                case .now(let response):
                    let response = pack(response)
                    loop.execute { finish(response) }
                case .work(let body):
                    let response = pack(Router.catching(request, body))
                    loop.execute { finish(response) }
                case .later(let start): start { response in loop.execute { finish(response) } }
                }
            }
            return
        }
        switch router.reply(to: request) {
        case .now(let response) where packs && response.isLarge:
            threads.submit { status in
                guard case .active = status else {
                    return loop.execute { finish(Router.unavailable) }
                }
                let response = response.compressed()
                loop.execute { finish(response) }
            }
        case .now(let response): finish(pack(response))
        case .work(let body):
            threads.submit { status in
                guard case .active = status else {
                    return loop.execute { finish(Router.unavailable) }
                }
                let response = pack(Router.catching(request, body))
                loop.execute { finish(response) }
            }
        case .later(let start): start { response in loop.execute { finish(response) } }
        }
    }

    // MARK: Time limits

    private func scheduleWatch(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let pause = TimeAmount.nanoseconds(max(20_000_000, limits.idle.nanoseconds / 4))
        watch = context.eventLoop.scheduleTask(in: pause) {
            let (handler, context) = bound.value
            guard context.channel.isActive else { return }
            handler.look(context)
            if context.channel.isActive { handler.scheduleWatch(context) }
        }
    }

    /// Cuts off clients that send nothing, send too slowly, or do not take their answer.
    private func look(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        let buffered = bufferedOutput(context)
        if buffered > 0 {
            if (buffered, pieceCount) != lastSeenOutput {
                lastSeenOutput = (buffered, pieceCount)
                since = now
            }
        } else if isLast, case .idle = state {
            return context.close(promise: nil)
        }
        let waited = now - since
        switch state {
        case .idle: if waited > limits.idle { context.close(promise: nil) }
        case .receiving(let head, let buffer):
            let allowed =
                limits.idle
                + .seconds(Int64(buffer.readableBytes / limits.bodyBytesPerSecondMin))
            if waited > allowed {
                refuse(.requestTimeout, "the request came too slowly", head, context)
            }
        case .answering:
            if buffered > 0, waited > limits.idle { cut(context) }
        case .discarding: if waited > limits.idle { context.close(promise: nil) }
        }
    }

    private func bufferedOutput(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
