import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import SiltTLS

extension ConnectionHandler {
    /// Sends an answer, a long body piece by piece.
    func send(_ response: Response, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive, case .answering = state else { return }
        var answer = HTTPResponseHead(
            version: head.version, status: response.status, headers: Router.standardHeaders)
        // The standard three, the answer's name and length, and what becomes of the connection.
        answer.headers.reserveCapacity(response.headers.count + 6)
        for (name, value) in response.headers where Self.isFieldValue(value) {
            answer.headers.add(name: name, value: value)
        }
        answer.headers.add(name: RequestIdentifiers.header, value: requestID)
        if !keepsAlive(head) { isLast = true }
        switch response.body {
        case .bytes(let bytes): send(bytes, answer, head, context)
        case .stream(let stream): send(stream, answer, head, context)
        }
    }

    private func send(
        _ bytes: [UInt8], _ answer: HTTPResponseHead, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        var answer = answer
        let hasBody = answer.status.mayHaveBody
        if hasBody {
            answer.headers.add(name: "Content-Length", value: String(bytes.count))
        }
        addConnection(to: &answer, head)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        if hasBody, !bytes.isEmpty, head.method != .HEAD {
            let buffer = context.channel.allocator.buffer(bytes: bytes)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        end(context)
    }

    private func send(
        _ stream: BodyStream, _ answer: HTTPResponseHead, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        var answer = answer
        // Without chunks only the end of the connection says where the body ends; and NIO's encoder
        // would write the chunk that ends a body to HEAD too.
        if head.version.minor == 0 || head.method == .HEAD { isLast = true }
        if head.version.minor > 0 {
            answer.headers.add(name: "Transfer-Encoding", value: "chunked")
        }
        addConnection(to: &answer, head)
        if head.method == .HEAD {
            context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
            state = .discarding
            lingerAndClose(context)
            return
        }
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        pieceArrived(.success(stream.first), stream, head, context)
    }

    private func addConnection(to answer: inout HTTPResponseHead, _ head: HTTPRequestHead) {
        if isLast {
            answer.headers.add(name: "Connection", value: "close")
        } else if head.version.minor == 0 {
            answer.headers.add(name: "Connection", value: "keep-alive")
        }
    }

    /// Whether a text may stand in a field: one with line breaks would begin another.
    private static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x09 }
    }

    /// Sends one piece of a long body and asks for the next only once this one has left.
    private func pieceArrived(
        _ result: Result<[UInt8]?, any Error>, _ stream: BodyStream, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive, case .answering = state else { return }
        switch result {
        // The head is gone already: only a cut connection can say that the body is not whole.
        case .failure: cut(context)
        case .success(nil): end(context)
        case .success(let piece?):
            pieceCount += 1
            since = .now()
            note?.bytes += piece.count
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let threads = threads
            let loop = context.eventLoop
            let buffer = context.channel.allocator.buffer(bytes: piece)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer)))).whenSuccess {
                threads.runIfActive(eventLoop: loop) { try stream.source.nextPiece() }
                    .whenComplete { result in
                        let (handler, context) = bound.value
                        handler.pieceArrived(result, stream, head, context)
                    }
            }
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        if isLast { return endLast(context) }
        state = .idle
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        writeNote(isCut: false)
        needsFlush = true
        if !isReading { flushIfNeeded(context) }
    }

    /// Writes what was held back to be written together.
    func flushIfNeeded(_ context: ChannelHandlerContext) {
        guard needsFlush else { return }
        needsFlush = false
        context.flush()
    }

    /// Ends the last answer of a connection.
    func endLast(_ context: ChannelHandlerContext) {
        state = .discarding
        writeNote(isCut: false)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            let (handler, context) = bound.value
            handler.lingerAndClose(context)
        }
    }

    /// Ends our side, and the connection once the client ended its side or a moment passed.
    ///
    /// Closing at once would reset a client that still sends, and it might never see its answer.
    private func lingerAndClose(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        if inputIsClosed || isDraining { return context.close(promise: nil) }
        let channel = context.channel
        context.close(mode: .output, promise: nil)
        context.eventLoop.scheduleTask(in: connections.limits.linger) {
            channel.close(promise: nil)
        }
    }

    /// Resets the connection, so that no client takes what it has for the whole answer.
    func cut(_ context: ChannelHandlerContext) {
        state = .discarding
        writeNote(isCut: true)
        (try? context.pipeline.syncOperations.handler(type: TLSHandler.self))?.isCut = true
        if let socket = context.channel as? any SocketOptionProvider {
            _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        context.close(promise: nil)
    }
}

extension HTTPResponseStatus {
    /// Whether the status may carry a body at all.
    var mayHaveBody: Bool { self != .notModified && self != .noContent }
}
