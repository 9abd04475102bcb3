import NIOHTTP1
import SiltBytes
import SiltCodec
import SiltModel

extension Request {
    /// What became of a body that the client compressed.
    enum Decoding {
        case request(Request)
        /// The coding is unknown (415).
        case unknown
        /// It is larger than bodies may be (413).
        case tooLarge
    }

    /// The request with its body as it was before the client compressed it.
    ///
    /// - Throws: `invalidArgument` when the body is damaged.
    func decoded(limit: Int) throws(SiltstoneError) -> Decoding {
        let codings = contentCodings
        // Some clients say how bodies are compressed on requests that have none.
        guard let coding = codings.first, !body.isEmpty else { return .request(self) }
        guard codings.count == 1 else { return .unknown }
        let plain: [UInt8]?
        do throws(DecodingError) {
            switch coding {
            case "gzip", "x-gzip", "deflate":
                plain = try GzipReader.decompress(body, limit: limit)
            case "zstd": plain = try ZstandardReader.decompress(body, limit: limit)
            default: return .unknown
            }
        } catch {
            throw SiltstoneError(.invalidArgument, "body cannot be decompressed: \(error)")
        }
        guard let plain else { return .tooLarge }
        var request = self
        request.body = plain
        return .request(request)
    }

    /// A sink for the body as the client sends it; `nil` when its coding is unknown.
    func unpacking(_ sink: any BodySink) throws(SiltstoneError) -> (any BodySink)? {
        let codings = contentCodings
        guard let coding = codings.first else { return sink }
        return codings.count == 1 ? try UnpackingSink(coding, sink) : nil
    }

    private var contentCodings: [String] {
        guard facts.hasContentEncoding else { return [] }
        return headers[canonicalForm: "Content-Encoding"].map { $0.lowercased() }
            .filter { $0 != "identity" }
    }

    /// Whether the body must be decompressed first.
    var isCompressed: Bool { facts.hasContentEncoding }

    /// How the client wants its answer compressed; `nil` for not at all.
    ///
    /// Zstandard costs less than gzip, so it is taken where both are as welcome.
    var answerCoding: AnswerCoding? {
        guard facts.hasAcceptEncoding, method != .HEAD else { return nil }
        var best: (coding: AnswerCoding, quality: Double)?
        for part in headers[canonicalForm: "Accept-Encoding"] {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let coding = fields.first.flatMap({ AnswerCoding(accepted: $0) }) else {
                continue
            }
            let stated = fields.dropFirst().first { $0.hasPrefix("q=") }
            let quality = stated.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            guard quality > 0 else { continue }
            if let best, best.quality > quality { continue }
            if let best, best.quality == quality, coding == .gzip { continue }
            best = (coding, quality)
        }
        return best?.coding
    }
}

/// A compression of answers.
enum AnswerCoding: String {
    case gzip
    case zstandard = "zstd"

    /// What a word of `Accept-Encoding` stands for.
    init?(accepted word: String) {
        switch word {
        case "gzip", "x-gzip": self = .gzip
        case "zstd": self = .zstandard
        default: return nil
        }
    }
}

extension Response {
    /// The answer compressed; errors and empty bodies stay as they are.
    func compressed(_ coding: AnswerCoding) -> Response {
        guard status == .ok, !headers.contains(where: { $0.0 == "Content-Encoding" }),
            let packer = AnswerPacker(coding)
        else { return self }
        var response = self
        switch body {
        case .bytes(let bytes):
            guard !bytes.isEmpty, let packed = packer.add(bytes, finishes: true) else {
                return self
            }
            response.body = .bytes(packed)
        case .stream(let stream):
            guard let first = packer.add(stream.first, finishes: false) else { return self }
            response.body = .stream(
                BodyStream(first: first, source: PackedSource(stream.source, packer)))
        }
        response.headers += [("Content-Encoding", coding.rawValue), ("Vary", "Accept-Encoding")]
        return response
    }

    /// Whether compressing it takes a moment.
    var isLarge: Bool {
        switch body {
        case .bytes(let bytes): bytes.count > 16 << 10
        case .stream: true
        }
    }
}

/// Compresses an answer's body piece by piece.
private enum AnswerPacker {
    case gzip(GzipWriter)
    case zstandard(ZstandardWriter)

    /// Returns `nil` when there is no memory for it.
    init?(_ coding: AnswerCoding) {
        switch coding {
        case .gzip:
            guard let writer = GzipWriter() else { return nil }
            self = .gzip(writer)
        case .zstandard:
            guard let writer = ZstandardWriter() else { return nil }
            self = .zstandard(writer)
        }
    }

    /// What can be sent after these bytes; `nil` when there is no memory for it.
    func add(_ bytes: [UInt8], finishes: Bool) -> [UInt8]? {
        switch self {
        case .gzip(let writer): writer.add(bytes, finishes: finishes)
        case .zstandard(let writer): writer.add(bytes, finishes: finishes)
        }
    }
}

/// Compresses what another source makes.
private final class PackedSource: BodySource {
    private(set) var isDone = false
    private let source: any BodySource
    private let packer: AnswerPacker

    init(_ source: any BodySource, _ packer: AnswerPacker) {
        self.source = source
        self.packer = packer
    }

    func nextPiece() throws(SiltstoneError) -> [UInt8]? {
        guard !isDone else { return nil }
        while let piece = try source.nextPiece() {
            let packed = try add(piece, finishes: false)
            // An empty piece would end the body.
            if !packed.isEmpty { return packed }
        }
        isDone = true
        return try add([], finishes: true)
    }

    private func add(_ bytes: [UInt8], finishes: Bool) throws(SiltstoneError) -> [UInt8] {
        guard let packed = packer.add(bytes, finishes: finishes) else {
            throw SiltstoneError(.unavailable, "no memory to compress an answer")
        }
        return packed
    }
}
