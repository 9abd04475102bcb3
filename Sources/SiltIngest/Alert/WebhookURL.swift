/// The parts of the URL of a webhook: `http://HOST[:PORT][/PATH][?QUERY]`.
package struct WebhookURL: Hashable, Sendable {
    /// The host, without the brackets of an IPv6 address.
    package let host: String
    /// The port.
    package let port: Int
    /// Path and query; begins with `/`.
    package let target: String

    /// Takes a URL apart; `nil` when it is none of these.
    package init?(_ url: String) {
        guard url.hasPrefix("http://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x23 && $0 != 0x22 })
        else { return nil }
        let rest = url.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest[authority.endIndex...]
        target = path.hasPrefix("/") ? String(path) : "/" + path
        var name = authority
        var port = 80
        if let colon = authority.lastIndex(of: ":"),
            !authority[colon...].contains("]")
        {
            guard let number = Int(authority[authority.index(after: colon)...]),
                (1...65_535).contains(number)
            else { return nil }
            port = number
            name = authority[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            name = name.dropFirst().dropLast()
        } else if name.contains(":") {
            return nil
        }
        // A user in front of the host could be taken for the host.
        guard !name.isEmpty, !name.contains("@"), !name.contains("\\") else { return nil }
        host = String(name).lowercased()
        self.port = port
    }

    /// Whether a URL is this one or below it: the same host and port, and a path that begins with this one.
    package func covers(_ other: WebhookURL) -> Bool {
        guard host == other.host, port == other.port else { return false }
        let path = target.hasSuffix("/") ? String(target.dropLast()) : target
        return other.target == target || other.target.hasPrefix(path + "/")
            || other.target.hasPrefix(path + "?")
    }
}
