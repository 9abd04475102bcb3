import NIOHTTP1
import SiltModel

/// In whose words an upload is answered.
enum UploadDialect {
    case siltstone(requestID: String)
    /// InfluxDB's `/write` or `/api/v2/write`.
    case influx(InfluxVersion)

    /// The answer to a body that came whole.
    func answer(_ counts: UploadCounts) -> Response {
        switch self {
        case .siltstone:
            var members: [JSONValue.Member] = [
                .init("applied", .integer(Int64(counts.applied))),
                .init("failed", .integer(Int64(counts.failed))),
            ]
            if let line = counts.firstFailed?.line {
                members.append(.init("first_failed", .integer(Int64(line))))
            }
            var body = counts.lines
            JSONWriter.append(.object(members), to: &body)
            body.append(UInt8(ascii: "\n"))
            return Response(.ok, headers: [("Content-Type", "application/x-ndjson")], body: body)
        case .influx(let version):
            guard let first = counts.firstFailed else { return Response(.noContent) }
            return version.failure(
                .badRequest, "invalid",
                "partial write: line \(first.line): \(first.message)"
                    + " written=\(counts.applied) dropped=\(counts.failed)")
        }
    }

    /// The answer when the rest of the body is not wanted.
    func failure(_ error: SiltstoneError, _ counts: UploadCounts) -> Response {
        var response: Response
        let status = Router.status(of: error.code)
        switch self {
        case .siltstone(let requestID):
            response = .json(
                status,
                .object(
                    (
                        "error",
                        .object(
                            ("code", .string(error.code.description)),
                            ("message", .string(error.message)),
                            (
                                "detail",
                                .object(
                                    ("applied", .integer(Int64(counts.applied))),
                                    ("failed", .integer(Int64(counts.failed))),
                                    ("next_line", .integer(Int64(counts.nextLine))))
                            ), ("request_id", .string(requestID)))
                    )))
        case .influx(let version):
            response = version.failure(
                status, error.code.description,
                "\(error.message) written=\(counts.applied) dropped=\(counts.failed)"
                    + " next_line=\(counts.nextLine)")
        }
        if error.code == .overloaded { response.headers.append(("Retry-After", "1")) }
        if status.code >= 500 { response.fault = Router.fault(error) }
        return response
    }
}
