import NIOHTTP1

/// What is looked for in every head, found in one pass over its fields.
struct HeadFacts: Sendable {
    /// Hosts named; there is one.
    private(set) var hostCount = 0
    /// The body's length that is declared; 0 when none is.
    private(set) var contentLength = 0
    private(set) var hasTransferEncoding = false
    private(set) var hasContentEncoding = false
    private(set) var hasAcceptEncoding = false
    private(set) var hasConnection = false
    /// What the client expects before it sends the body.
    private(set) var expectation: String?
    /// The client's name for the request.
    private(set) var requestID: String?

    init(_ headers: HTTPHeaders) {
        var hasLength = false
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where Self.isSame(name, "host"):
                hostCount += value.utf8.contains(0x2c) ? 2 : 1
            case 6 where Self.isSame(name, "expect"): expectation = expectation ?? value
            case 10 where Self.isSame(name, "connection"): hasConnection = true
            case 12 where Self.isSame(name, "x-request-id"): requestID = requestID ?? value
            case 14 where Self.isSame(name, "content-length"):
                if !hasLength { contentLength = Int(value) ?? 0 }
                hasLength = true
            case 15 where Self.isSame(name, "accept-encoding"): hasAcceptEncoding = true
            case 16 where Self.isSame(name, "content-encoding"): hasContentEncoding = true
            case 17 where Self.isSame(name, "transfer-encoding"): hasTransferEncoding = true
            default: break
            }
        }
    }

    /// Whether a field has a name, whose letters are small.
    private static func isSame(_ name: String, _ small: String) -> Bool {
        zip(name.utf8, small.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 && $0 >= 0x41) }
    }
}
