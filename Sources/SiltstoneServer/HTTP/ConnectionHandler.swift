import NIOCore
import NIOHTTP1
import NIOPosix
import SiltModel
import SiltTLS

/// One connection: collects a request, asks the router, sends the answer, then reads the next request.
///
/// All of it runs on the connection's event loop; blocking work and body sources run on `threads`. The
/// handler in front of this one (NIO's for pipelining) holds back the next request until the answer to
/// the last one was written to its end.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum State {
        /// Between two requests.
        case idle
        case receiving(HTTPRequestHead, ByteBuffer)
        case streaming(Upload)
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
    var since = NIODeadline.now()
    private var lastSeenOutput = (buffered: 0, pieces: 0)
    /// What the head of the request under way says.
    private var facts = HeadFacts([:])
    /// The name of the request under way.
    var requestID = ""
    /// Ends the work that the request under way may have begun.
    private var cancellation: Cancellation?
    /// The client's address, for the access log.
    var client = "-"
    /// The same, where clients are told apart by it: `nil` for loopback.
    private var address: String?
    /// The common name of the client's certificate.
    private var peerName: String?
    /// What the access log will tell of the answer under way.
    var note: AccessNote?
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
        if router.accessLog != nil { client = context.remoteAddress?.ipAddress ?? "-" }
        address = Connections.client(of: context.channel)
        since = .now()
        scheduleWatch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(context.channel)
        watch?.cancel()
        postponed = nil
        releaseBody()
        abandonUpload()
        cancellation?.cancel()
        writeNote(isCut: true)
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
            switch state {
            case .receiving(let head, let buffer):
                state = .answering
                let body = Array(buffer.readableBytesView)
                answer(request(head, body), head, context)
            case .streaming(let upload):
                upload.isWhole = true
                advance(upload, context)
            case .idle, .answering, .discarding: break
            }
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
        case .idle, .receiving, .streaming: refuse(Self.status(of: error), "\(error)", nil, context)
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
        } else if let established = event as? TLSEstablished {
            peerName = established.peerName
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
        case .receiving, .streaming, .answering: break
        }
    }

    // MARK: Requests

    private func received(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        if isLast { return context.close(promise: nil) }
        since = .now()
        facts = HeadFacts(head.headers)
        requestID = router.identifiers.identifier(of: facts)
        guard head.version.major == 1 else {
            return refuse(.httpVersionNotSupported, "this is an HTTP/1.1 server", head, context)
        }
        if head.version.minor > 0, facts.hostCount != 1 {
            return refuse(.badRequest, "a request has one Host header", head, context)
        }
        if facts.hasTransferEncoding {
            // Where its body ends is not known, so neither is where another request begins.
            if head.version.minor == 0 {
                return refuse(.badRequest, "HTTP/1.0 has no transfer codings", head, context)
            }
            if facts.hasOtherCoding {
                return refuse(
                    .notImplemented, "the only transfer coding is chunked", head, context)
            }
        }
        let declared = facts.contentLength
        let plan = self.plan(head, declared)
        if case .refused(let response) = plan {
            state = .answering
            isLast = true
            router.metrics.refused(response.status)
            beginNote(request(head), head, since, response)
            return send(response, head, context)
        }
        let isStreamed = if case .streamed = plan { true } else { false }
        guard isStreamed || declared <= limits.bodyBytesMax else {
            return refuse(
                .payloadTooLarge, "the body is too large max=\(limits.bodyBytesMax)", head, context)
        }
        if let expectation = facts.expectation, head.version.minor > 0 {
            guard expectation.lowercased() == "100-continue" else {
                return refuse(.expectationFailed, "expectation is unknown", head, context)
            }
            let reply = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(reply)), promise: nil)
        }
        if case .streamed(let sink) = plan {
            state = .streaming(Upload(head, request(head), sink, router.metrics))
            return
        }
        // Room for what is declared only as far as it costs nothing to lie.
        state = .receiving(
            head, context.channel.allocator.buffer(capacity: min(declared, 64 << 10)))
    }

    private func request(_ head: HTTPRequestHead, _ body: [UInt8] = []) -> Request {
        var request = Request(head: head, facts: facts, body: body, id: requestID)
        request.peerName = peerName
        request.address = address
        if head.method == .GET {
            let made = Cancellation()
            cancellation = made
            request.cancellation = made
        }
        return request
    }

    /// Whether the connection goes on after the answer.
    func keepsAlive(_ head: HTTPRequestHead) -> Bool {
        facts.hasConnection ? head.isKeepAlive : head.version.minor > 0
    }

    /// Whether the body is collected or handed on as it comes; short ones are collected.
    private func plan(_ head: HTTPRequestHead, _ declared: Int) -> BodyPlan {
        guard head.method == .POST || head.method == .PUT else { return .collected }
        let isLong =
            declared > limits.collectedBodyBytesMax
            || facts.hasTransferEncoding
            || facts.hasContentEncoding
        guard isLong else { return .collected }
        let plan = router.bodyPlan(for: request(head))
        // Where the body is short enough the connection goes on after it.
        if case .refused = plan, declared > 0, declared <= limits.bodyBytesMax {
            return .collected
        }
        return plan
    }

    private func received(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        if case .streaming(let upload) = state { return received(part, of: upload, context) }
        guard case .receiving(let head, var buffer) = state else { return }
        // The state must not hold a second reference while the buffer grows.
        state = .answering
        guard buffer.readableBytes + part.readableBytes <= limits.bodyBytesMax else {
            return refuse(
                .payloadTooLarge, "the body is too large max=\(limits.bodyBytesMax)", head, context)
        }
        guard takeBodyBytes(part.readableBytes) else {
            return refuse(
                .serviceUnavailable, "too many requests are being received", head, context)
        }
        buffer.writeImmutableBuffer(part)
        state = .receiving(head, buffer)
    }

    /// Takes memory for a part of a body; false when all bodies together would be too large.
    func takeBodyBytes(_ count: Int) -> Bool {
        guard connections.takeBodyBytes(count) else { return false }
        heldBodyBytes += count
        return true
    }

    /// Makes the memory that is taken so much; false when all bodies together would be too large.
    func keepBodyBytes(_ count: Int) -> Bool {
        if count > heldBodyBytes { return takeBodyBytes(count - heldBodyBytes) }
        connections.giveBodyBytesBack(heldBodyBytes - count)
        heldBodyBytes = count
        return true
    }

    func releaseBody() { _ = keepBodyBytes(0) }

    /// The client of a body that is handed on did its part: its time begins anew.
    func sawProgress(of upload: Upload) {
        since = .now()
        upload.recentBytes = 0
    }

    private func abandonUpload() {
        if case .streaming = state { router.metrics.abandon() }
    }

    private static func status(of error: HTTPParserError) -> HTTPResponseStatus {
        if case .headerOverflow = error { .requestHeaderFieldsTooLarge } else { .badRequest }
    }

    /// Answers before the request was read whole, and ends the connection: the rest is not wanted.
    func refuse(
        _ status: HTTPResponseStatus, _ reason: String, _ head: HTTPRequestHead?,
        _ context: ChannelHandlerContext
    ) {
        let body = Array("\(reason)\r\n".utf8)
        var answer = HTTPResponseHead(version: .http1_1, status: status)
        answer.headers.add(name: "Content-Type", value: "text/plain")
        answer.headers.add(name: "Content-Length", value: String(body.count))
        answer.headers.add(name: "Connection", value: "close")
        if status == .serviceUnavailable { answer.headers.add(name: "Retry-After", value: "1") }
        if let head {
            answer.headers.add(name: RequestIdentifiers.header, value: requestID)
            let response = Response(status, body: body)
            beginNote(request(head), head, since, response)
        }
        router.metrics.refused(status)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        if head?.method != .HEAD {
            let buffer = context.channel.allocator.buffer(bytes: body)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        releaseBody()
        abandonUpload()
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
            handler.beginNote(request, head, started.at, response)
            handler.since = .now()
            handler.send(response, head, context)
        }
        let coding = request.answerCoding
        let pack: @Sendable (Response) -> Response = { response in
            coding.map { response.compressed($0) } ?? response
        }
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
                case .later(let start): start(LateAnswer(on: loop, finish))
                }
            }
            return
        }
        switch router.reply(to: request) {
        case .now(let response) where coding != nil && response.isLarge:
            work(on: loop, finish) { pack(response) }
        case .now(let response): finish(pack(response))
        case .work(let body): work(on: loop, finish) { pack(Router.catching(request, body)) }
        case .later(let start): start(LateAnswer(on: loop, finish))
        }
    }

    /// Makes an answer on a worker thread.
    private func work(
        on loop: any EventLoop, _ finish: @escaping @Sendable (Response) -> Void,
        _ make: @escaping @Sendable () -> Response
    ) {
        threads.submit { status in
            var response = Router.unavailable
            if case .active = status { response = make() }
            let answer = response
            loop.execute { finish(answer) }
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
        case .streaming(let upload):
            // While a worker has the body, the client is not the one that is slow.
            let allowed =
                limits.idle
                + .seconds(Int64(upload.recentBytes / limits.bodyBytesPerSecondMin))
            if !upload.isTaking, waited > allowed {
                refuse(.requestTimeout, "the request came too slowly", upload.head, context)
            }
        case .answering:
            // Who ended its side and is told nothing for so long is gone: no more comes to show it.
            if buffered > 0 || inputIsClosed, waited > limits.idle { cut(context) }
        case .discarding: if waited > limits.idle { context.close(promise: nil) }
        }
    }

    private func bufferedOutput(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
