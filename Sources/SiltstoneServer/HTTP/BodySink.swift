import NIOCore
import NIOHTTP1
import SiltBytes
import SiltCodec
import SiltModel

/// Takes a long body while it arrives, a piece at a time, on a worker thread.
protocol BodySink: AnyObject {
    /// Bytes of the body that are kept until more of it came.
    var heldBytes: Int { get }
    func take(_ piece: [UInt8]) throws(SiltstoneError)
    /// The answer; the body came whole.
    func finish() throws(SiltstoneError) -> Response
    /// The answer when the rest of the body is not wanted.
    func failure(_ error: SiltstoneError) -> Response
}

/// What becomes of a body, told from the request's head.
enum BodyPlan {
    /// It is collected, then the request is answered.
    case collected
    /// It goes to a sink while it arrives.
    case streamed(any BodySink)
    /// The request is refused, whatever its body is.
    case refused(Response)
}

/// A body on its way from a connection to its sink.
///
/// Belongs to the connection's event loop, but for the sink.
final class Upload {
    /// The most bytes that wait for the sink while more are read.
    static let waitingBytesMax = 256 << 10

    /// A sink on its way to a worker thread and back.
    struct Sink: @unchecked Sendable {
        // Safety: the connection hands it to one worker at a time and looks at it again only when that one is done.
        let sink: any BodySink
    }

    let head: HTTPRequestHead
    let request: Request
    let sink: Sink
    let started: ServerMetrics.Started
    /// Whether the body came to its end.
    var isWhole = false
    /// Whether a worker has the sink.
    var isTaking = false
    /// Since when.
    var takingBegan = NIODeadline.now()
    /// Whether the socket is not read until the sink took what waits.
    var holdsReads = false
    /// Bytes that came since the clock for slow clients was last set.
    var recentBytes = 0
    private(set) var waitingBytes = 0
    private var waiting: [ByteBuffer] = []

    init(
        _ head: HTTPRequestHead, _ request: Request, _ sink: any BodySink, _ metrics: ServerMetrics
    ) {
        self.head = head
        self.request = request
        self.sink = Sink(sink: sink)
        started = metrics.begin()
    }

    /// Whether so much waits that nothing more should be read.
    var isFull: Bool { waitingBytes >= Self.waitingBytesMax }

    func add(_ part: ByteBuffer) {
        waiting.append(part)
        waitingBytes += part.readableBytes
        recentBytes += part.readableBytes
    }

    /// All that waits.
    func takeWaiting() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(waitingBytes)
        for part in waiting { bytes.append(contentsOf: part.readableBytesView) }
        waiting.removeAll(keepingCapacity: true)
        waitingBytes = 0
        return bytes
    }
}

/// Restores a body that the client compressed, before its sink.
final class UnpackingSink: BodySink {
    /// Beyond the free bytes, at most so many times the bytes that came.
    private static let ratioMax = 1000
    /// The largest window of Zstandard, as a power of two: what RFC 8878 asks every decoder to take.
    private static let windowBits: Int32 = 23

    private enum Unpacker {
        case gzip(GzipUnpacker)
        case zstandard(ZstandardUnpacker)
    }

    private let sink: any BodySink
    private let freeBytes: Int
    private let unpacker: Unpacker
    private var packedBytes = 0
    private var unpackedBytes = 0

    /// Returns `nil` for a coding that is unknown.
    ///
    /// - Parameter freeBytes: so many bytes are never too many; far more than came show that a body was made to fill
    ///   disk or time.
    init?(
        _ coding: String, _ sink: any BodySink, freeBytes: Int = 256 << 20
    ) throws(SiltstoneError) {
        self.sink = sink
        self.freeBytes = freeBytes
        let noMemory = SiltstoneError(.overloaded, "no memory to decompress a body")
        switch coding {
        case "gzip", "x-gzip", "deflate":
            guard let unpacker = GzipUnpacker(takesZlib: true) else { throw noMemory }
            self.unpacker = .gzip(unpacker)
        case "zstd":
            guard let unpacker = ZstandardUnpacker(windowBits: Self.windowBits) else {
                throw noMemory
            }
            self.unpacker = .zstandard(unpacker)
        default: return nil
        }
    }

    var heldBytes: Int { sink.heldBytes }

    func take(_ piece: [UInt8]) throws(SiltstoneError) {
        var consumed = 0
        var plain: [UInt8] = []
        while true {
            plain.removeAll(keepingCapacity: true)
            let taken = try unpack(piece, from: consumed, into: &plain)
            consumed += taken
            unpackedBytes += plain.count
            let cameBytes = packedBytes + consumed
            if unpackedBytes > freeBytes, unpackedBytes / Self.ratioMax > cameBytes {
                throw SiltstoneError(
                    .invalidArgument, "body unpacks to more than \(Self.ratioMax) times its size")
            }
            if !plain.isEmpty { try sink.take(plain) }
            if taken == 0, plain.isEmpty { break }
        }
        packedBytes += consumed
    }

    func finish() throws(SiltstoneError) -> Response {
        let isComplete =
            switch unpacker {
            case .gzip(let stream): stream.isComplete
            case .zstandard(let stream): stream.isComplete
            }
        guard isComplete || packedBytes == 0 else {
            throw SiltstoneError(.invalidArgument, "compressed body ends too early")
        }
        return try sink.finish()
    }

    func failure(_ error: SiltstoneError) -> Response { sink.failure(error) }

    private func unpack(_ piece: [UInt8], from start: Int, into plain: inout [UInt8])
        throws(SiltstoneError) -> Int
    {
        do throws(DecodingError) {
            switch unpacker {
            case .gzip(let stream): return try stream.unpack(piece, from: start, into: &plain)
            case .zstandard(let stream): return try stream.unpack(piece, from: start, into: &plain)
            }
        } catch {
            throw SiltstoneError(
                .invalidArgument,
                "body cannot be decompressed: \(error.message) offset=\(packedBytes + error.offset)"
            )
        }
    }
}
