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
        guard isCompressed else { return .request(self) }
        let codings = headers[canonicalForm: "Content-Encoding"]
            .map { $0.lowercased() }.filter { $0 != "identity" }
        guard let coding = codings.first else { return .request(self) }
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

    /// Whether the body must be decompressed first.
    var isCompressed: Bool { headers.contains(name: "Content-Encoding") }

    /// Whether the client takes a gzip answer.
    var acceptsGzip: Bool {
        guard method != .HEAD else { return false }
        for part in headers[canonicalForm: "Accept-Encoding"] {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard fields.first == "gzip" || fields.first == "x-gzip" else { continue }
            let quality = fields.dropFirst().first { $0.hasPrefix("q=") }
            return quality.map { Double($0.dropFirst(2)) ?? 0 > 0 } ?? true
        }
        return false
    }
}

extension Response {
    /// The answer compressed; errors and empty bodies stay as they are.
    func compressed() -> Response {
        guard status == .ok, !headers.contains(where: { $0.0 == "Content-Encoding" }) else {
            return self
        }
        var response = self
        switch body {
        case .bytes(let bytes):
            guard !bytes.isEmpty, let packed = GzipWriter.compress(bytes) else { return self }
            response.body = .bytes(packed)
        case .stream(let stream):
            guard let writer = GzipWriter() else { return self }
            response.body = .stream(
                BodyStream(
                    first: writer.add(stream.first, finishes: false),
                    source: GzipSource(stream.source, writer)))
        }
        response.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
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

/// Compresses what another source makes.
private final class GzipSource: BodySource {
    private(set) var isDone = false
    private let source: any BodySource
    private let writer: GzipWriter

    init(_ source: any BodySource, _ writer: GzipWriter) {
        self.source = source
        self.writer = writer
    }

    func nextPiece() throws(SiltstoneError) -> [UInt8]? {
        guard !isDone else { return nil }
        while let piece = try source.nextPiece() {
            // An empty piece would end the body.
            let packed = writer.add(piece, finishes: false)
            if !packed.isEmpty { return packed }
        }
        isDone = true
        return writer.add([], finishes: true)
    }
}
