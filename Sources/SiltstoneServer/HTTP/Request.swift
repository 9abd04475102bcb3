import NIOHTTP1
import SiltBytes
import SiltModel

/// A request with its whole body, its path split before decoding, as HBase's gateway does.
struct Request: Sendable {
    let method: HTTPMethod
    /// The path's segments between slashes, still percent-encoded; empty ones at the start are dropped.
    let segments: [Substring]
    /// The query's parameters in order, decoded.
    let query: [(name: String, value: String)]
    let headers: HTTPHeaders
    var body: [UInt8]
    /// Its name in logs and answers.
    let id: String
    let facts: HeadFacts
    /// Set when the client is gone, for requests that may take long.
    var cancellation: Cancellation?
    /// The client's address; `nil` for loopback.
    var address: String?
    /// The common name of the certificate that the client showed.
    var peerName: String?
    /// Who sends it, once that is known; `nil` when clients are not told apart.
    var principal: String?
    /// What that client may do.
    var rights: AccessRights?
    /// The query as it was sent.
    private let queryText: Substring

    init(head: HTTPRequestHead, facts: HeadFacts, body: [UInt8], id: String) {
        self.id = id
        self.facts = facts
        method = head.method
        headers = head.headers
        self.body = body
        let uri = head.uri[...]
        let (slash, question) = (UInt8(ascii: "/"), UInt8(ascii: "?"))
        let mark = uri.utf8.firstIndex(of: question)
        let path = uri.utf8[..<(mark ?? uri.endIndex)].drop { $0 == slash }
        var parts = path.split(separator: slash, omittingEmptySubsequences: false)
            .map { Substring($0) }
        if parts.last?.isEmpty == true { parts.removeLast() }
        segments = parts
        var parameters: [(String, String)] = []
        if let mark {
            for pair in uri[uri.utf8.index(after: mark)...].split(separator: "&") {
                let sides = pair.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = sides.count > 1 ? Self.decode(sides[1]) : []
                parameters.append(
                    (
                        String(decoding: Self.decode(sides[0]), as: UTF8.self),
                        String(decoding: value, as: UTF8.self)
                    ))
            }
        }
        query = parameters
        queryText = mark.map { uri[uri.utf8.index(after: $0)...] } ?? ""
    }

    /// Whether it only reads.
    var isRead: Bool { method == .GET || method == .HEAD }

    /// The first value of a query parameter.
    func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// All values of a repeated query parameter.
    func parameters(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

    /// Whether a browser may have been made to send it: those say what they are, and whoever says nothing may be one.
    var mayComeFromBrowser: Bool {
        guard let agent = header("User-Agent") else { return true }
        return agent.hasPrefix("Mozilla") || agent.hasPrefix("Opera")
    }

    /// All values of a repeated query parameter, still percent-encoded.
    func rawParameters(_ name: String) -> [Substring] {
        queryText.split(separator: "&").compactMap { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, Self.decode(sides[0]).elementsEqual(name.utf8) else {
                return nil
            }
            return sides[1]
        }
    }

    /// All values of a repeated query parameter as bytes, which need not be text.
    func bytes(_ name: String) -> [Bytes] { rawParameters(name).map { Bytes(Self.decode($0)) } }

    /// The filter of the query: `filter_b64`, or else `filter`.
    func filter() throws(SiltstoneError) -> Filter? {
        if let text = parameter("filter_b64") {
            guard let bytes = Base64.decode(text) else {
                throw SiltstoneError(.invalidArgument, "filter_b64 is not base 64")
            }
            return try Filter(parsing: Bytes(bytes))
        }
        guard let text = bytes("filter").first else { return nil }
        return try Filter(parsing: text)
    }

    /// A header's first value.
    func header(_ name: String) -> String? { headers.first(name: name) }

    /// Decodes a form value: `%NN` and `+` for a space.
    ///
    /// A `%` without two hex digits stays as it is.
    static func decode(_ text: some StringProtocol) -> [UInt8] {
        let raw = Array(text.utf8)
        guard raw.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return raw
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            if raw[index] == UInt8(ascii: "%"), index + 2 < raw.count,
                let byte = Hex.decode(
                    String(decoding: raw[(index + 1)...(index + 2)], as: UTF8.self))
            {
                bytes.append(byte[0])
                index += 3
            } else {
                bytes.append(raw[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : raw[index])
                index += 1
            }
        }
        return bytes
    }
}
