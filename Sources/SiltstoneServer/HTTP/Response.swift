import NIOCore
import NIOHTTP1
import SiltModel

/// Makes a long body a piece at a time, on a worker thread; the next piece is asked for once the last one was sent.
protocol BodySource: AnyObject {
    /// The next piece; `nil` at the end.
    func nextPiece() throws(SiltstoneError) -> [UInt8]?
    /// Whether the last piece was handed over.
    var isDone: Bool { get }
}

/// A body source whose first piece was made, so that what is wrong with it still changes the status.
struct BodyStream: @unchecked Sendable {
    let first: [UInt8]
    // Safety: the connection asks for the next piece only after the last one was handed over, so
    // one thread at a time touches the source, with the future between them as the barrier.
    let source: any BodySource
}

/// An answer.
struct Response: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case stream(BodyStream)
    }

    var status: HTTPResponseStatus
    var headers: [(String, String)]
    var body: Body
    /// What failed, for the error log, where it is the server's fault.
    var fault: String?

    init(_ status: HTTPResponseStatus, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = .bytes(body)
    }

    static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(status, headers: [("Content-Type", "text/plain")], body: Array(text.utf8))
    }

    static func json(_ status: HTTPResponseStatus, _ value: JSONValue) -> Response {
        Response(status, headers: [("Content-Type", "application/json")], body: value.bytes)
    }

    /// An answer with a long body, for a worker thread; a body of one piece is sent with its length.
    static func stream(
        _ status: HTTPResponseStatus, contentType: String, _ source: any BodySource
    ) throws(SiltstoneError) -> Response {
        var response = Response(status, headers: [("Content-Type", contentType)])
        let first = try source.nextPiece() ?? []
        response.body =
            source.isDone ? .bytes(first) : .stream(BodyStream(first: first, source: source))
        return response
    }
}

/// What a route gives back: an answer now, work for a worker thread, or an answer that will come.
enum Reply {
    case now(Response)
    /// Blocking work: runs on a worker thread.
    case work(@Sendable () throws(SiltstoneError) -> Response)
    /// The answer comes later.
    case later((LateAnswer) -> Void)
}

/// An answer that comes later, exactly once, from any thread.
struct LateAnswer: Sendable {
    private let loop: any EventLoop
    private let finish: @Sendable (Response) -> Void

    /// - Parameter finish: runs on the loop.
    init(on loop: any EventLoop, _ finish: @escaping @Sendable (Response) -> Void) {
        self.loop = loop
        self.finish = finish
    }

    func send(_ response: Response) {
        if loop.inEventLoop {
            finish(response)
        } else {
            let finish = finish
            loop.execute { finish(response) }
        }
    }

    /// Runs work on the connection's thread, after all that can be read now was read.
    func soon(_ work: @escaping @Sendable () -> Void) { loop.execute(work) }
}
