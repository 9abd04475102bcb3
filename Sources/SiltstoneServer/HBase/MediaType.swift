import SiltModel

/// The representations that HBase's gateway knows and this one speaks.
enum MediaType: String {
    case json = "application/json"
    case binary = "application/octet-stream"
    case text = "text/plain"

    /// The first of `offered` that the request's `Accept` allows; the first of all when it has none.
    ///
    /// - Returns: `nil` when none fits (406).
    static func accepted(_ request: Request, _ offered: [MediaType]) -> MediaType? {
        guard let accept = request.header("Accept") else { return offered.first }
        for part in accept.split(separator: ",") {
            let name = (part.split(separator: ";").first ?? "").filter { $0 != " " }.lowercased()
            if name == "*/*" { return offered.first }
            if let match = offered.first(where: { $0.rawValue == name }) { return match }
            if name.hasSuffix("/*"),
                let match = offered.first(where: { $0.rawValue.hasPrefix(name.dropLast()) })
            {
                return match
            }
        }
        return nil
    }

    /// The representation of the request's body; `nil` when it is not one of these (415).
    static func ofBody(_ request: Request) -> MediaType? {
        guard let type = request.header("Content-Type")?.split(separator: ";").first else {
            return nil
        }
        return MediaType(rawValue: type.filter { $0 != " " }.lowercased())
    }
}
