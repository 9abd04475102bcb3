package import NIOCore
package import SiltModel

/// Told to the handlers behind a `TLSHandler` once both sides know each other.
package struct TLSEstablished: Sendable {
    /// The common name of the other side's certificate.
    package let peerName: String?
}

/// Encrypts a connection, over which other handlers then talk as without it.
///
/// What they write waits until a flush, and before the handshake is over until then. What is wrong with a handshake is told to the other side; a
/// server then reads no more and closes a moment later, so that the other side sees why.
package final class TLSHandler: ChannelDuplexHandler {
    /// What comes, encrypted.
    package typealias InboundIn = ByteBuffer
    /// What came, as it was.
    package typealias InboundOut = ByteBuffer
    /// What is to be sent.
    package typealias OutboundIn = ByteBuffer
    /// The same, encrypted.
    package typealias OutboundOut = ByteBuffer

    private enum State {
        case shakingHands(TLSConnection)
        case open(TLSConnection)
        case over
    }

    /// So much is encrypted before a flush, too: then it counts among what waits for the other side to take it.
    private static let waitingBytesMax = 64 << 10
    /// How long a client whose handshake failed has to read why.
    private static let linger = TimeAmount.seconds(1)

    /// Whether the connection is to be cut, so that the other side takes what it has for a part.
    package var isCut = false

    private let tls: TLSContext
    private let host: String?
    private let failed: (@Sendable (SiltstoneError) -> Void)?
    private var state = State.over
    /// Whether the other side said that it ends.
    private var hasInputEnded = false
    private var waiting = ByteBuffer()
    private var waitingPromise: EventLoopPromise<Void>?
    private var wantsFlush = false

    /// A server's side.
    ///
    /// - Parameter failed: called on the event loop for each connection that fails.
    package init(
        server context: TLSContext, failed: (@Sendable (SiltstoneError) -> Void)? = nil
    ) {
        tls = context
        host = nil
        self.failed = failed
    }

    /// A client's side; the server's certificate must be for the host, a name or an address.
    package init(client context: TLSContext, host: String) {
        tls = context
        self.host = host
        failed = nil
    }

    // MARK: Inbound

    /// Begins.
    package func channelActive(context: ChannelHandlerContext) {
        let connection: TLSConnection
        do throws(SiltstoneError) { connection = try TLSConnection(tls, host: host) } catch {
            failed?(error)
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        state = .shakingHands(connection)
        context.fireChannelActive()
        guard !tls.isServer else { return }
        do throws(SiltstoneError) { try shakeHands(connection, context) } catch {
            fail(error, context)
        }
    }

    /// Ends.
    package func channelInactive(context: ChannelHandlerContext) {
        forget()
        context.fireChannelInactive()
    }

    /// Decrypts what came.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        do throws(SiltstoneError) {
            switch state {
            case .shakingHands(let connection):
                try connection.receive(bytes)
                try shakeHands(connection, context)
                if case .open = state { try read(connection, bytes.readableBytes, context) }
            case .open(let connection):
                try connection.receive(bytes)
                try read(connection, bytes.readableBytes, context)
            case .over: break
            }
        } catch {
            fail(error, context)
        }
    }

    /// Hands on that the other side ends, once.
    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            if hasInputEnded { return }
            hasInputEnded = true
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func shakeHands(_ connection: TLSConnection, _ context: ChannelHandlerContext)
        throws(SiltstoneError)
    {
        let isDone = try connection.shakeHands()
        send(connection, context)
        guard isDone else { return }
        state = .open(connection)
        context.fireUserInboundEventTriggered(TLSEstablished(peerName: connection.peerName))
        if wantsFlush { try encrypt(connection, context) }
    }

    private func read(
        _ connection: TLSConnection, _ byteCount: Int, _ context: ChannelHandlerContext
    ) throws(SiltstoneError) {
        var plain = context.channel.allocator.buffer(capacity: max(byteCount, 1024))
        let end = try connection.read(into: &plain)
        send(connection, context)
        if plain.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plain)) }
        if case .ended = end, !hasInputEnded {
            hasInputEnded = true
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    // MARK: Outbound

    /// Keeps what is to be sent until a flush.
    package func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        if case .over = state {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        waiting.writeImmutableBuffer(unwrapOutboundIn(data))
        if let promise, let waitingPromise {
            waitingPromise.futureResult.cascade(to: promise)
        } else if let promise {
            waitingPromise = promise
        }
        guard waiting.readableBytes >= Self.waitingBytesMax, case .open(let connection) = state
        else { return }
        do throws(SiltstoneError) {
            try encrypt(connection, context, flushes: false)
        } catch {
            fail(error, context)
        }
    }

    /// Encrypts and sends what waits.
    package func flush(context: ChannelHandlerContext) {
        switch state {
        case .shakingHands: wantsFlush = true
        case .open(let connection):
            do throws(SiltstoneError) { try encrypt(connection, context) } catch {
                fail(error, context)
            }
        case .over: context.flush()
        }
    }

    /// Says that nothing more comes, unless the connection is cut.
    package func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        if mode != .input, !isCut, case .open(let connection) = state {
            try? encrypt(connection, context)
            connection.end()
            send(connection, context)
        }
        if mode == .all { forget() }
        context.close(mode: mode, promise: promise)
    }

    private func encrypt(
        _ connection: TLSConnection, _ context: ChannelHandlerContext, flushes: Bool = true
    ) throws(SiltstoneError) {
        wantsFlush = false
        let plain = waiting
        let promise = waitingPromise
        waiting = ByteBuffer()
        waitingPromise = nil
        do throws(SiltstoneError) {
            if plain.readableBytes > 0 { try connection.write(plain) }
        } catch {
            promise?.fail(error)
            throw error
        }
        if let output = connection.takeOutput(context.channel.allocator) {
            context.write(wrapOutboundOut(output), promise: promise)
        } else {
            promise?.succeed()
        }
        if flushes { context.flush() }
    }

    /// Sends what the connection has to send.
    private func send(_ connection: TLSConnection, _ context: ChannelHandlerContext) {
        if let output = connection.takeOutput(context.channel.allocator) {
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        }
    }

    // MARK: Ends

    private func fail(_ error: SiltstoneError, _ context: ChannelHandlerContext) {
        var isOpen = false
        switch state {
        case .over: return
        case .shakingHands(let connection): send(connection, context)
        case .open(let connection):
            isOpen = true
            send(connection, context)
        }
        forget()
        failed?(error)
        if isOpen || !tls.isServer {
            context.fireErrorCaught(error)
            context.close(promise: nil)
            return
        }
        let channel = context.channel
        context.close(mode: .output, promise: nil)
        context.eventLoop.scheduleTask(in: Self.linger) { channel.close(promise: nil) }
    }

    private func forget() {
        state = .over
        waiting = ByteBuffer()
        waitingPromise?.fail(ChannelError.ioOnClosedChannel)
        waitingPromise = nil
    }
}
