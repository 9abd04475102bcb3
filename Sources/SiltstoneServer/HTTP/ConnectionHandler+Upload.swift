import NIOCore
import NIOHTTP1
import NIOPosix
import SiltModel

/// Bodies that are handed on while they arrive: at most one piece is with a worker, another waits, and the socket is
/// not read while it does. So a body of any length takes as much memory as a few pieces.
extension ConnectionHandler {
    /// Takes the next bytes of a body.
    func received(_ part: ByteBuffer, of upload: Upload, _ context: ChannelHandlerContext) {
        guard takeBodyBytes(part.readableBytes) else {
            return refuse(
                .serviceUnavailable, "too many requests are being received", upload.head, context)
        }
        upload.add(part)
        if upload.recentBytes >= 64 << 10 { sawProgress(of: upload) }
        advance(upload, context)
    }

    /// Hands what waits to a worker, unless one has the sink.
    func advance(_ upload: Upload, _ context: ChannelHandlerContext) {
        guard !upload.isTaking, upload.waitingBytes > 0 || upload.isWhole else { return }
        let piece = upload.takeWaiting()
        let (finishes, handed) = (upload.isWhole, upload.sink)
        let coding = upload.request.answerCoding
        upload.isTaking = true
        upload.takingBegan = .now()
        let bound = NIOLoopBound((self, context, upload), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        threads.submit { status in
            var response: Response?
            if case .active = status {
                do throws(SiltstoneError) {
                    if !piece.isEmpty { try handed.sink.take(piece) }
                    if finishes { response = try handed.sink.finish() }
                } catch {
                    response = handed.sink.failure(error)
                }
                if let coding { response = response?.compressed(coding) }
            } else {
                response = Router.unavailable
            }
            let (answer, heldBytes) = (response, handed.sink.heldBytes)
            loop.execute {
                let (handler, context, upload) = bound.value
                handler.taken(piece.count, heldBytes, answer, of: upload, context)
            }
        }
    }

    /// A worker is done with a piece; `response` ends the request.
    private func taken(
        _ pieceBytes: Int, _ heldBytes: Int, _ response: Response?, of upload: Upload,
        _ context: ChannelHandlerContext
    ) {
        // The connection may have ended meanwhile.
        guard case .streaming(let current) = state, current === upload else { return }
        upload.isTaking = false
        // Meanwhile the client could not do more than wait.
        since = since + (NIODeadline.now() - upload.takingBegan)
        if let response {
            // What still comes is not read.
            if !upload.isWhole || upload.waitingBytes > 0 { isLast = true }
            router.metrics.end(upload.started, request: upload.request, status: response.status)
            releaseBody()
            beginNote(upload.request, upload.head, upload.started.at, response)
            state = .answering
            letRead(upload, context)
            send(response, upload.head, context)
            return
        }
        guard keepBodyBytes(upload.waitingBytes + heldBytes) else {
            letRead(upload, context)
            return refuse(
                .serviceUnavailable, "too many requests are being received", upload.head, context)
        }
        advance(upload, context)
        if !upload.isFull { letRead(upload, context) }
    }

    /// Reads the socket if that was held back.
    private func letRead(_ upload: Upload, _ context: ChannelHandlerContext) {
        guard upload.holdsReads else { return }
        upload.holdsReads = false
        context.read()
    }

    /// Lets the socket be read unless a body waits for its sink.
    func read(context: ChannelHandlerContext) {
        if case .streaming(let upload) = state, upload.isFull {
            upload.holdsReads = true
        } else {
            context.read()
        }
    }
}
