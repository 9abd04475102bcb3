import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// HBase's REST API at the root of the address space, in JSON and octet-stream.
struct HBaseRoutes {
    let router: Router
    let request: Request

    var store: TableStore { router.store }

    func reply() throws(SiltstoneError) -> Reply {
        let segments = request.segments
        guard let first = segments.first else { return try tableList() }
        switch (first, segments.count) {
        case ("version", 1), ("version", 2):
            return try version(segments.count == 2 ? segments[1] : nil)
        case ("status", _), ("namespaces", _): return .now(Self.notFound)
        default: break
        }
        let name = String(decoding: Request.decode(first), as: UTF8.self)
        guard segments.count > 1 else {
            return .now(.text(.methodNotAllowed, "Method not allowed\r\n"))
        }
        switch (segments[1], segments.count) {
        case ("exists", 2):
            guard request.method == .GET || request.method == .HEAD else {
                return .now(Self.notAllowed)
            }
            _ = try router.table(name)
            return .now(Response(.ok))
        case ("schema", 2):
            return try SchemaRoutes(router: router, request: request, name: name).reply()
        case ("regions", 2), ("scanner", _): return .now(Self.notFound)
        default: return try RowRoutes(router: router, request: request, table: name).reply()
        }
    }

    static let notFound = Response.text(.notFound, "Not found\r\n")
    static let notAllowed = Response.text(.methodNotAllowed, "Method not allowed\r\n")
    static let notAcceptable = Response.text(.notAcceptable, "Not acceptable\r\n")
    static let unsupported = Response.text(.unsupportedMediaType, "Unsupported media type\r\n")

    /// `Bad request: …`, with HBase's line end.
    static func badRequest(_ message: String) -> Response {
        .text(.badRequest, "Bad request: \(message)\r\n")
    }

    private func tableList() throws(SiltstoneError) -> Reply {
        guard request.method == .GET || request.method == .HEAD else {
            return .now(Self.notAllowed)
        }
        let names = store.tables().map(\.definition.name)
        let noCache = ("Cache-Control", "no-cache")
        switch MediaType.accepted(request, [.text, .json]) {
        case .json:
            var response = Response.json(
                .ok, .object(("table", .array(names.map { .object(("name", .string($0))) }))))
            response.headers.append(noCache)
            return .now(response)
        case .text:
            var response = Response.text(.ok, names.map { $0 + "\n" }.joined())
            response.headers.append(noCache)
            return .now(response)
        default: return .now(Self.notAcceptable)
        }
    }

    private func version(_ part: Substring?) throws(SiltstoneError) -> Reply {
        guard request.method == .GET || request.method == .HEAD else {
            return .now(Self.notAllowed)
        }
        let type = MediaType.accepted(request, [.text, .json])
        guard let type else { return .now(Self.notAcceptable) }
        var response: Response
        switch part {
        case nil, "rest":
            let fields = [
                ("REST", "0.0.3"), ("JVM", "none (Swift)"), ("OS", "Linux"),
                ("Server", "Siltstone \(SiltstoneServer.version)"), ("Jersey", "none (SwiftNIO)"),
                ("Version", SiltstoneServer.version), ("Revision", "none"),
            ]
            response =
                type == .json
                ? .json(.ok, .object(fields.map { .init($0.0, .string($0.1)) }))
                : .text(.ok, fields.map { "\($0.0): \($0.1)" }.joined(separator: "\n") + "\n")
        case "cluster":
            response =
                type == .json
                ? .json(.ok, .object(("Version", .string(SiltstoneServer.version))))
                : .text(.ok, SiltstoneServer.version + "\n")
        default: return .now(Self.notFound)
        }
        response.headers.append(("Cache-Control", "no-cache"))
        return .now(response)
    }
}
