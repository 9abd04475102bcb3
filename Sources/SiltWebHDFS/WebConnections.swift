internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SiltModel

/// Sends requests over HTTP/1.1, one after the other, and keeps a connection to each server; used by one thread.
final class WebConnections {
    private static let connectionCountMax = 16

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let silenceSeconds: Int64
    private let bodyBytesMax: Int
    private var channels: [WebRequest.Place: any Channel] = [:]

    /// Connections on which a server that says nothing for `silenceSeconds` counts as gone.
    init(silenceSeconds: Int64 = 30, bodyBytesMax: Int = 64 << 20) {
        self.silenceSeconds = silenceSeconds
        self.bodyBytesMax = bodyBytesMax
    }

    deinit {
        for channel in channels.values { channel.close(promise: nil) }
        group.shutdownGracefully { _ in }
    }

    /// Sends a request and waits for the answer; one whose body broke off says so.
    ///
    /// - Throws: `unavailable` when there is none.
    func send(_ request: WebRequest) throws(SiltstoneError) -> WebAnswer {
        let place = request.place
        // A connection that was kept may have been closed by the server meanwhile: then a new one is tried once.
        var isKept = channels[place]?.isActive == true
        while true {
            do {
                let answer = try exchange(request)
                if answer.breakage != nil { drop(place) }
                return answer
            } catch {
                drop(place)
                if isKept, request.method == "GET" {
                    isKept = false
                    continue
                }
                throw SiltstoneError(
                    .unavailable,
                    "no answer from a server server=\(place.host):\(place.port) cause=\(error)")
            }
        }
    }

    private func drop(_ place: WebRequest.Place) {
        channels.removeValue(forKey: place)?.close(promise: nil)
    }

    private func exchange(_ request: WebRequest) throws -> WebAnswer {
        let channel = try connected(request.place)
        let promise = channel.eventLoop.makePromise(of: WebAnswer.self)
        channel.writeAndFlush(WebCall(request: request, promise: promise), promise: nil)
        return try promise.futureResult.wait()
    }

    private func connected(_ place: WebRequest.Place) throws -> any Channel {
        if let channel = channels[place], channel.isActive { return channel }
        if channels.count >= Self.connectionCountMax {
            for known in Array(channels.keys) { drop(known) }
        }
        let (silence, bodyBytesMax) = (TimeAmount.seconds(silenceSeconds), bodyBytesMax)
        let channel = try ClientBootstrap(group: group)
            .connectTimeout(.seconds(10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try pipeline.addHandler(IdleStateHandler(readTimeout: silence))
                    try pipeline.addHandler(WebCallHandler(bodyBytesMax: bodyBytesMax))
                }
            }
            .connect(host: place.host, port: place.port).wait()
        channels[place] = channel
        return channel
    }
}

/// A request and the promise of its answer.
private struct WebCall: Sendable {
    let request: WebRequest
    let promise: EventLoopPromise<WebAnswer>
}

/// Why a connection cannot be used.
private struct WebFault: Error, CustomStringConvertible {
    let description: String
}

/// Writes a request's parts and gathers its answer; one at a time.
private final class WebCallHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = WebCall
    typealias OutboundOut = HTTPClientRequestPart

    private let bodyBytesMax: Int
    private var current: EventLoopPromise<WebAnswer>?
    private var answer = WebAnswer()
    private var hasHead = false
    private var keepsOpen = true

    init(bodyBytesMax: Int) { self.bodyBytesMax = bodyBytesMax }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        let request = call.request
        current = call.promise
        answer = WebAnswer()
        hasHead = false
        var headers: HTTPHeaders = [
            "host": "\(request.place.host):\(request.place.port)", "accept": "*/*",
        ]
        if request.method != "GET" {
            headers.add(name: "content-length", value: "\(request.body.count)")
            headers.add(name: "content-type", value: "application/octet-stream")
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target,
            headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !request.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if head.status.code < 200 { return }
            hasHead = true
            answer.status = Int(head.status.code)
            answer.location = head.headers.first(name: "location")
            answer.announcedBytes = head.headers.first(name: "content-length").flatMap { Int($0) }
            keepsOpen = head.isKeepAlive
        case .body(let part):
            guard answer.body.count + part.readableBytes <= bodyBytesMax else {
                end(context, WebFault(description: "answer is too long bytes=\(bodyBytesMax)"))
                return
            }
            answer.body += part.readableBytesView
        case .end:
            guard hasHead else { return }
            let promise = current
            current = nil
            promise?.succeed(answer)
            if !keepsOpen { context.close(promise: nil) }
        }
    }

    /// Gives what came as an answer that broke off, or the fault when nothing did.
    private func end(_ context: ChannelHandlerContext, _ fault: any Error) {
        let promise = current
        current = nil
        if hasHead {
            answer.breakage = "\(fault)"
            promise?.succeed(answer)
        } else {
            promise?.fail(fault)
        }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, error) }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, WebFault(description: "the connection was closed"))
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            // Between requests silence is as it should be.
            end(context, WebFault(description: "the server said nothing for too long"))
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
