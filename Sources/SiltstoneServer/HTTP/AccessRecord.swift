public import SiltModel

/// What the access log tells of a request.
public struct AccessRecord: Sendable {
    /// When its answer was sent whole or cut, in milliseconds since 1970.
    public let milliseconds: Int64
    /// The client's address.
    public let client: String
    /// The request's method.
    public let method: String
    /// Its path and query, as they were sent.
    public let target: String
    /// The answer's status.
    public let status: Int
    /// Bytes of the answer's body.
    public let bytes: Int
    /// From the whole request, or the head of one whose body was handled while it came, to the end of its answer.
    public let seconds: Double
    /// The request's id.
    public let requestID: String
    /// The trace that it is a part of, as its header `traceparent` says.
    public let traceID: String?
    /// The name of the token that it came with, if it counts.
    public let token: String?
    /// Whether the connection ended before the answer was sent whole.
    public let isCut: Bool

    /// A line of words; what the client chose stands in quotes.
    public var text: String {
        let request = JSONValue.string("\(method) \(target)").text
        let duration = Int64(seconds * 1e6)
        return
            "\(milliseconds) \(client) \(token ?? "-") \(request) \(status) \(bytes) \(duration)us"
            + " \(requestID)\(traceID.map { " trace=\($0)" } ?? "")\(isCut ? " cut" : "")"
    }

    /// An object of JSON.
    public var json: JSONValue {
        .object(
            ("time_ms", .integer(milliseconds)), ("client", .string(client)),
            ("token", token.map { .string($0) } ?? .null), ("method", .string(method)),
            ("target", .string(target)), ("status", .integer(Int64(status))),
            ("bytes", .integer(Int64(bytes))), ("micros", .integer(Int64(seconds * 1e6))),
            ("request_id", .string(requestID)),
            ("trace_id", traceID.map { .string($0) } ?? .null), ("cut", .bool(isCut)))
    }
}
