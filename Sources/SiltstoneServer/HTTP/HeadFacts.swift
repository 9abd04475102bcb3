import NIOHTTP1

/// What is looked for in every head, found in one pass over its fields.
struct HeadFacts: Sendable {
    /// Hosts named; there is one.
    private(set) var hostCount = 0
    /// The body's length that is declared; 0 when none is, and the most there is when it is beyond that.
    private(set) var contentLength = 0
    private(set) var hasTransferEncoding = false
    /// Whether a transfer coding is another than `chunked`, which no body can be read by.
    private(set) var hasOtherCoding = false
    private(set) var hasContentEncoding = false
    private(set) var hasAcceptEncoding = false
    private(set) var hasConnection = false
    /// What the client expects before it sends the body.
    private(set) var expectation: String?
    /// The client's name for the request.
    private(set) var requestID: String?
    /// The trace that the request is a part of, as the client says (W3C Trace Context).
    private(set) var traceParent: String?

    init(_ headers: HTTPHeaders) {
        var hasLength = false
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where Self.isSame(name, "host"):
                hostCount += value.utf8.contains(0x2c) ? 2 : 1
            case 6 where Self.isSame(name, "expect"): expectation = expectation ?? value
            case 10 where Self.isSame(name, "connection"): hasConnection = true
            case 11 where Self.isSame(name, "traceparent"): traceParent = traceParent ?? value
            case 12 where Self.isSame(name, "x-request-id"): requestID = requestID ?? value
            case 14 where Self.isSame(name, "content-length"):
                if !hasLength {
                    let isNumber = value.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    contentLength = Int(value) ?? (isNumber ? .max : 0)
                }
                hasLength = true
            case 15 where Self.isSame(name, "accept-encoding"): hasAcceptEncoding = true
            case 16 where Self.isSame(name, "content-encoding"): hasContentEncoding = true
            case 17 where Self.isSame(name, "transfer-encoding"):
                hasTransferEncoding = true
                if value.utf8.count != 7 || !Self.isSame(value, "chunked") { hasOtherCoding = true }
            default: break
            }
        }
    }

    /// The trace's identifier, when what the client says of it can be read: `00-` 32 digits `-` 16 digits `-` 2 digits.
    var traceID: String? {
        guard let parts = traceParent?.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 4),
            parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16,
            parts[3].count == 2,
            parts[..<4].allSatisfy({ $0.allSatisfy(Self.isDigit) }),
            parts[1].contains(where: { $0 != UInt8(ascii: "0") }),
            !parts[0].elementsEqual("ff".utf8)
        else { return nil }
        return String(Substring(parts[1]))
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// Whether a text is another of the same length, whose letters are small.
    private static func isSame(_ text: String, _ small: String) -> Bool {
        zip(text.utf8, small.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 && $0 >= 0x41) }
    }
}
