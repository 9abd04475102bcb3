import NIOHTTP1
import SiltModel

/// The representations that HBase's gateway knows.
enum MediaType: String {
    case json = "application/json"
    case xml = "text/xml"
    case protobuf = "application/x-protobuf"
    case binary = "application/octet-stream"
    case text = "text/plain"

    /// The type of a name; Protocol Buffers have two.
    init?(name: String) {
        if name == "application/protobuf" {
            self = .protobuf
        } else {
            self.init(rawValue: name)
        }
    }

    /// What a request accepts of what is offered.
    struct Choice {
        let type: MediaType
        /// The name under which it was asked for, for the answer's `Content-Type`.
        let name: String
    }

    /// The best of `offered` that the request's `Accept` allows; the first of all when it has none.
    ///
    /// - Returns: `nil` when none fits (406).
    static func choice(_ request: Request, _ offered: [MediaType]) -> Choice? {
        let accept = request.headers["Accept"].joined(separator: ",")
        guard accept.contains(where: { $0 != " " && $0 != "," }) else {
            return offered.first.map { Choice(type: $0, name: $0.rawValue) }
        }
        var ranges: [(name: String, quality: Double, breadth: Int)] = []
        for part in accept.split(separator: ",").prefix(64) {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let name = fields.first else { continue }
            let quality = fields.dropFirst().first { $0.hasPrefix("q=") }
                .map { Double($0.dropFirst(2)) ?? 0 }
            let breadth = name == "*/*" ? 2 : name.hasSuffix("/*") ? 1 : 0
            ranges.append((name, quality ?? 1, breadth))
        }
        // The order of equals is the client's.
        let ordered = ranges.enumerated().filter { $0.element.quality > 0 }.sorted {
            ($1.element.quality, $0.element.breadth, $0.offset)
                < ($0.element.quality, $1.element.breadth, $1.offset)
        }
        for (_, range) in ordered {
            if let type = MediaType(name: range.name), offered.contains(type) {
                return Choice(type: type, name: range.name)
            }
            guard range.breadth > 0 else { continue }
            let prefix = range.breadth == 2 ? "" : String(range.name.dropLast())
            if let type = offered.first(where: { $0.rawValue.hasPrefix(prefix) }) {
                return Choice(type: type, name: type.rawValue)
            }
        }
        return nil
    }

    /// The representation of the request's body; `nil` when it is not one of these (415).
    static func ofBody(_ request: Request) -> MediaType? {
        guard let header = request.header("Content-Type") else { return nil }
        if let type = MediaType(name: header) { return type }
        guard let type = header.split(separator: ";").first else { return nil }
        return MediaType(name: type.filter { $0 != " " }.lowercased())
    }
}
