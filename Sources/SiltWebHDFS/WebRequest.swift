/// A request to an HTTP server, and where that is.
struct WebRequest: Sendable {
    /// Where a request goes.
    struct Place: Hashable, Sendable {
        var host: String
        var port: Int
    }

    var method = "GET"
    var place: Place
    /// Path and query.
    var target: String
    var body: [UInt8] = []

    /// The place and the target that an absolute URL of plain HTTP names; `nil` when it is none.
    static func parse(_ url: String) -> (place: Place, target: String)? {
        guard url.lowercased().hasPrefix("http://") else { return nil }
        let rest = url.dropFirst(7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        var authority = rest[..<end]
        if let at = authority.lastIndex(of: "@") {
            authority = authority[authority.index(after: at)...]
        }
        var port = 80
        var host = authority
        if authority.first == "[", let close = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<close]
            let tail = authority[authority.index(after: close)...]
            if tail.first == ":" {
                guard let number = Int(tail.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = authority.lastIndex(of: ":") {
            guard let number = Int(authority[authority.index(after: colon)...]) else { return nil }
            host = authority[..<colon]
            port = number
        }
        guard !host.isEmpty, (1...65_535).contains(port) else { return nil }
        let place = Place(host: String(host), port: port)
        let target = rest[end...].prefix { $0 != "#" }
        return (place, target.first == "/" ? String(target) : "/" + target)
    }

    /// Percent-encodes text for a path (slashes stay) or a query value.
    static func escape(_ text: String, keepsSlashes: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: bytes.append(byte)
            case 0x2f where keepsSlashes: bytes.append(byte)
            default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// An answer.
struct WebAnswer: Sendable {
    var status = 0
    var location: String?
    /// How long the body is to be, when the server says so.
    var announcedBytes: Int?
    var body: [UInt8] = []
    /// What went wrong before the body was whole; `nil` when it is.
    var breakage: String?
}
