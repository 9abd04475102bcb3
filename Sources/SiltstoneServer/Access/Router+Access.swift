import NIOHTTP1
import SiltBytes
import SiltIO
import SiltModel
import SiltTable

extension Router {
    /// What came of looking at who sends a request.
    enum Admission {
        /// It may be answered, for this client; `nil` when clients are not told apart.
        case admitted(AccessToken?)
        case refused(Response)
    }

    /// Whether a request may be answered; looks at its head only.
    func admit(_ request: Request) -> Admission {
        guard requiresTokens else { return .admitted(nil) }
        let requirement = Requirement(request)
        if requirement == .nothing || request.method == .OPTIONS { return .admitted(nil) }
        guard let token = token(of: request) else {
            return .refused(Self.unauthorized(request))
        }
        let isAllowed =
            switch requirement {
            case .nothing, .token: true
            case .table(let name, let right): token.rights.allows(right, table: name)
            case .server(let right): token.rights.allowsServer(right)
            }
        return isAllowed ? .admitted(token) : .refused(Self.forbidden(request))
    }

    /// Whether a request's client may know of a table.
    func shows(_ table: String, to request: Request) -> Bool {
        request.rights?.allows(.read, table: table) ?? true
    }

    /// The token of a text that a client sent.
    private func token(_ text: String) -> AccessToken? {
        if let webTokens, text.utf8.contains(UInt8(ascii: ".")) {
            return webTokens.token(text, nowMilliseconds: store.clock.nowMilliseconds)
        }
        return tokens.token(text)
    }

    /// The token of a request: that which it names, or else that of the client's certificate.
    func token(of request: Request) -> AccessToken? {
        let values = request.headers[canonicalForm: "Authorization"]
        if values.isEmpty { return request.peerName.flatMap { tokens.token(named: $0) } }
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.split(separator: " ")
        guard parts.count == 2 else { return nil }
        let isInflux = InfluxRoutes.version(of: request) != nil
        switch parts[0].lowercased() {
        case "bearer": return token(String(parts[1]))
        // InfluxDB's clients call it a token, or send it as the password of any user.
        case "token" where isInflux: return token(String(parts[1]))
        case "basic" where isInflux:
            let pair = Base64.decode(parts[1].utf8).map { String(decoding: $0, as: UTF8.self) }
            guard let pair, let colon = pair.firstIndex(of: ":") else { return nil }
            return token(String(pair[pair.index(after: colon)...]))
        default: return nil
        }
    }

    private static func unauthorized(_ request: Request) -> Response {
        let wasGiven = request.headers.contains(name: "Authorization")
        let challenge = "Bearer realm=\"siltstone\"" + (wasGiven ? ", error=\"invalid_token\"" : "")
        var response = refusal(
            .unauthorized, "unauthenticated", "a bearer token is needed", request)
        response.headers.append(("WWW-Authenticate", challenge))
        return response
    }

    private static func forbidden(_ request: Request) -> Response {
        refusal(.forbidden, "forbidden", "the token does not allow this", request)
    }

    /// A refusal in the words of the API that was called.
    private static func refusal(
        _ status: HTTPResponseStatus, _ code: String, _ message: String, _ request: Request
    ) -> Response {
        if let version = InfluxRoutes.version(of: request) {
            return version.failure(status, code, message)
        }
        guard request.segments.first == "v1" else {
            return .text(status, "\(status.reasonPhrase)\r\n")
        }
        return .json(
            status,
            .object(
                (
                    "error",
                    .object(
                        ("code", .string(code)), ("message", .string(message)), ("detail", .null),
                        ("request_id", .string(request.id)))
                )))
    }

    // MARK: Audit

    /// Notes an act of administration, done or refused.
    func audit(_ request: Request, _ status: HTTPResponseStatus) {
        guard let log = auditLog, !request.isRead, Requirement(request).isAdministration else {
            return
        }
        let name = requiresTokens ? token(of: request)?.name : nil
        let path = "/" + request.segments.joined(separator: "/")
        log(line(name, "\(request.method.rawValue) \(path)", Int64(status.code)))
    }

    /// Notes a call of a Thrift client.
    func audit(thrift call: String, table: String, as name: String?, isDone: Bool) {
        auditLog?(line(name, "thrift \(call) \(table)", isDone ? 200 : 500))
    }

    private func line(_ name: String?, _ action: String, _ status: Int64) -> String {
        JSONValue.object(
            ("time_ms", .integer(store.clock.nowMilliseconds)),
            ("token", name.map { .string($0) } ?? .null), ("action", .string(action)),
            ("status", .integer(status))
        ).text
    }
}
