import NIOCore
import NIOPosix

/// One connection of the Thrift port: reads a call, has it answered on a worker thread, then reads the next.
///
/// Protocol and framing are told from a connection's first bytes.
final class ThriftConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A session that one thread at a time uses.
    private struct Holder: @unchecked Sendable {
        // Safety: a connection has one call under way; the next begins on its event loop after the last one's
        // answer came there.
        let session: ThriftSession
    }

    /// The largest call, in bytes.
    private static let messageBytesMax = 64 << 20

    private let holder: Holder
    private let threads: NIOThreadPool
    private let connections: Connections
    private var encoding: ThriftEncoding?
    private var received: [UInt8] = []
    private var isAnswering = false
    private var isLast = false
    private var heldBytes = 0

    init(_ state: ThriftState, threads: NIOThreadPool, connections: Connections) {
        holder = Holder(session: ThriftSession(state))
        self.threads = threads
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        if !connections.add(context.channel) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(context.channel)
        connections.giveBodyBytesBack(heldBytes)
        heldBytes = 0
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard connections.takeBodyBytes(part.readableBytes),
            received.count + part.readableBytes <= Self.messageBytesMax
        else { return context.close(promise: nil) }
        heldBytes += part.readableBytes
        received.append(contentsOf: part.readableBytesView)
        look(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is Connections.DrainEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        isLast = true
        if !isAnswering { context.close(promise: nil) }
    }

    /// Begins the next call once it is there as a whole.
    private func look(_ context: ChannelHandlerContext) {
        guard !isAnswering, !received.isEmpty else { return }
        do throws(ThriftFault) {
            let (message, encoding, count) = try next()
            self.encoding = encoding
            received.removeFirst(count)
            begin(message, encoding, count, context)
        } catch {
            switch error {
            case .incomplete: break
            case .malformed: context.close(promise: nil)
            }
        }
    }

    private func next() throws(ThriftFault) -> (ThriftMessage, ThriftEncoding, count: Int) {
        let isFramed = encoding?.isFramed ?? (received[0] < 0x80)
        guard isFramed else {
            // Only reading it tells where it ends.
            let isCompact = encoding?.isCompact ?? (received[0] == 0x82)
            var reader = ThriftReader(received[...], isCompact: isCompact)
            let message = try reader.message()
            return (message, .init(isCompact: isCompact, isFramed: false), reader.offset)
        }
        guard received.count >= 5 else { throw .incomplete }
        let count = received[0..<4].reduce(0) { $0 << 8 | Int($1) }
        guard count > 0, count <= Self.messageBytesMax - 4 else {
            throw .malformed("a frame's length is out of range")
        }
        guard received.count >= 4 + count else { throw .incomplete }
        let isCompact = received[4] == 0x82
        var reader = ThriftReader(received[4..<4 + count], isCompact: isCompact)
        do throws(ThriftFault) {
            let message = try reader.message()
            return (message, .init(isCompact: isCompact, isFramed: true), 4 + count)
        } catch {
            throw .malformed("a frame is not a whole message")
        }
    }

    private func begin(
        _ message: ThriftMessage, _ encoding: ThriftEncoding, _ count: Int,
        _ context: ChannelHandlerContext
    ) {
        isAnswering = true
        // What else the client sends waits in its socket.
        _ = context.channel.setOption(.autoRead, value: false)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        threads.submit { [holder] status in
            guard case .active = status else {
                return loop.execute { bound.value.1.close(promise: nil) }
            }
            let answer = holder.session.answer(message).map { ThriftWriter.encode($0, encoding) }
            loop.execute {
                let (handler, context) = bound.value
                handler.end(answer, count, context)
            }
        }
    }

    private func end(_ answer: [UInt8]?, _ count: Int, _ context: ChannelHandlerContext) {
        isAnswering = false
        connections.giveBodyBytesBack(min(count, heldBytes))
        heldBytes -= min(count, heldBytes)
        guard context.channel.isActive else { return }
        if let answer {
            let buffer = context.channel.allocator.buffer(bytes: answer)
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        }
        if isLast { return context.close(promise: nil) }
        _ = context.channel.setOption(.autoRead, value: true)
        look(context)
    }
}
