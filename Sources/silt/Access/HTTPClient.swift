import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import SiltBytes
import SiltModel
import SiltTLS
import Synchronization

/// Sends one request after the other over one connection, and waits for each answer.
final class HTTPClient {
    /// An answer, whole.
    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    /// The longest wait for an answer.
    private static let patience = TimeAmount.seconds(300)

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let address: ServerAddress
    private var channel: (any Channel)?

    init(_ address: ServerAddress) { self.address = address }

    /// Percent-encodes bytes for a path segment or a query value.
    static func escape(_ bytes: Bytes) -> String {
        var text = ""
        for byte in bytes.array {
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                byte < 0x80
                && (scalar.properties.isAlphabetic || (0x30...0x39).contains(byte)
                    || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte))
            if isPlain {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%" + Hex.encode([byte]).uppercased()
            }
        }
        return text
    }

    /// The body that a path answers with; fails unless the status is a success.
    func get(_ path: String) throws -> [UInt8] { try send("GET", path) }

    /// Sends a request; fails unless the status is a success.
    func send(_ method: String, _ path: String, _ body: [UInt8] = []) throws -> [UInt8] {
        try checked(try request(method, path, body), path)
    }

    /// The body of an answer; what else than success it says becomes a failure.
    func checked(_ answer: Answer, _ path: String) throws -> [UInt8] {
        if (200..<300).contains(answer.status) { return answer.body }
        let error = (try? JSONValue(parsing: answer.body))?["error"]
        let message =
            error?["message"]?.stringValue ?? "the server answered \(answer.status) to \(path)"
        switch answer.status {
        case 400, 405, 413, 414: throw CommandFailure(.usage, message)
        case 401:
            throw CommandFailure(
                .failed, message, advice: "put a token of the server into SILT_TOKEN")
        case 404: throw CommandFailure(.notFound, message)
        case 409, 412: throw CommandFailure(.failed, message)
        case 429, 503:
            throw CommandFailure(.failed, message, advice: "wait a little, then run it again")
        default: throw CommandFailure(.failed, message)
        }
    }

    /// Sends a request and waits for the answer.
    func request(_ method: String, _ path: String, _ body: [UInt8] = []) throws -> Answer {
        do {
            let channel = try connected()
            let promise = channel.eventLoop.makePromise(of: Answer.self)
            var headers: HTTPHeaders = [
                "host": address.headerText, "accept": "application/json",
                "content-type": "application/json", "content-length": "\(body.count)",
            ]
            // Not an option: other users of the machine see those.
            if let token = ProcessInfo.processInfo.environment["SILT_TOKEN"] {
                headers.add(name: "authorization", value: "Bearer \(token)")
            }
            let call = Call(
                head: HTTPRequestHead(
                    version: .http1_1, method: HTTPMethod(rawValue: method), uri: path,
                    headers: headers), body: body, promise: promise)
            let timeout = channel.eventLoop.scheduleTask(in: Self.patience) {
                promise.fail(ChannelError.connectTimeout(Self.patience))
            }
            // What was closed meanwhile takes nothing: the call has to be told.
            channel.writeAndFlush(call).whenFailure { promise.fail($0) }
            defer { timeout.cancel() }
            return try promise.futureResult.wait()
        } catch {
            channel = nil
            throw CommandFailure(
                .failed, "no answer from \(address.text): \(Self.text(of: error))",
                advice:
                    "is `silt serve` running there? A write that was under way may or may not have happened"
            )
        }
    }

    private static func text(of error: any Error) -> String {
        (error as? SiltstoneError)?.message ?? "\(error)"
    }

    /// Ends the connection.
    func close() {
        try? channel?.close().wait()
        try? group.syncShutdownGracefully()
    }

    private func connected() throws -> any Channel {
        if let channel, channel.isActive { return channel }
        let (tls, host) = (address.tls, address.host)
        let attempts = Attempts()
        let opened = try ClientBootstrap(group: group)
            .connectTimeout(.seconds(10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            TLSHandler(client: tls, host: host))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    let known = channel.eventLoop.makePromise(of: Void.self)
                    attempts.known.withLock { $0[ObjectIdentifier(channel)] = known.futureResult }
                    try channel.pipeline.syncOperations.addHandler(
                        CallHandler(known: known, isEncrypted: tls != nil))
                }
            }
            .connect(host: address.host, port: address.port).wait()
        // A call that came after the handshake failed would never learn why.
        try attempts.known.withLock { $0[ObjectIdentifier(opened)] }?.wait()
        channel = opened
        return opened
    }
}

/// The connections that were tried, one for each address of a name, and when both sides of each know each other.
private final class Attempts: Sendable {
    let known = Mutex<[ObjectIdentifier: EventLoopFuture<Void>]>([:])
}

/// One request and the promise of its answer.
private struct Call: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    let promise: EventLoopPromise<HTTPClient.Answer>
}

/// Writes a call's parts and gathers its answer; one call at a time.
private final class CallHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Call
    typealias OutboundOut = HTTPClientRequestPart

    /// Kept when both sides know each other.
    private let known: EventLoopPromise<Void>
    private let isEncrypted: Bool
    private var current: EventLoopPromise<HTTPClient.Answer>?
    private var status = 0
    private var body: [UInt8] = []

    init(known: EventLoopPromise<Void>, isEncrypted: Bool) {
        self.known = known
        self.isEncrypted = isEncrypted
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isEncrypted { known.succeed() }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSEstablished { known.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        current = call.promise
        body = []
        context.write(wrapOutboundOut(.head(call.head)), promise: nil)
        if !call.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: call.body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let part): body += part.readableBytesView
        case .end:
            current?.succeed(HTTPClient.Answer(status: status, body: body))
            current = nil
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        known.fail(error)
        current?.fail(error)
        current = nil
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { known.fail(ChannelError.eof) }

    func channelInactive(context: ChannelHandlerContext) {
        current?.fail(ChannelError.eof)
        current = nil
        context.fireChannelInactive()
    }
}
