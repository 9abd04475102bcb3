import NIOHTTP1
import SiltBytes
import SiltIO
import SiltModel
import SiltTable

/// The version of InfluxDB's API that a client speaks.
enum InfluxVersion {
    case first
    case second

    /// A refusal in its words.
    func failure(_ status: HTTPResponseStatus, _ code: String, _ message: String) -> Response {
        switch self {
        case .first:
            var response = Response.json(status, .object(("error", .string(message))))
            let line = message.split(whereSeparator: { $0.isNewline }).joined(separator: " ")
            if line.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) {
                response.headers.append(("X-Influxdb-Error", line))
            }
            return response
        case .second:
            return .json(
                status, .object(("code", .string(code)), ("message", .string(message))))
        }
    }
}

/// What clients of InfluxDB need to write: `/write`, `/api/v2/write`, `/ping` and `CREATE DATABASE` by `/query`.
///
/// A database or bucket is a table.
struct InfluxRoutes {
    let router: Router
    let request: Request

    /// The version whose path this is; `nil` when it is another API's.
    static func version(of request: Request) -> InfluxVersion? {
        let parts = request.segments
        switch parts.count {
        case 1 where parts[0] == "write" || parts[0] == "query" || parts[0] == "ping":
            return .first
        case 3 where parts[0] == "api" && parts[1] == "v2" && parts[2] == "write":
            return .second
        default: return nil
        }
    }

    /// Whether it writes points.
    static func isWrite(_ request: Request) -> Bool {
        version(of: request) != nil && request.segments.last == "write"
    }

    /// The table that a request names; empty when it names none.
    static func table(of request: Request) -> String {
        switch request.segments.first {
        case "write": request.parameter("db") ?? ""
        case "api": request.parameter("bucket") ?? ""
        default: createdTable(request.parameter("q") ?? "") ?? ""
        }
    }

    func reply(_ version: InfluxVersion) throws(SiltstoneError) -> Reply {
        if request.segments.first == "ping" {
            return .now(
                Response(
                    .noContent,
                    headers: [("X-Influxdb-Version", "siltstone-\(SiltstoneServer.version)")]))
        }
        guard request.method == .POST else {
            var response = version.failure(.methodNotAllowed, "methodNotAllowed", "use POST")
            response.headers.append(("Allow", "POST"))
            return .now(response)
        }
        guard Self.isWrite(request) else { return try query() }
        let router = router
        let request = request
        return .work { () throws(SiltstoneError) in
            try InfluxRoutes(router: router, request: request).upload(version)
                .answer(to: request.body)
        }
    }

    /// A sink of points.
    func upload(_ version: InfluxVersion) throws(SiltstoneError) -> RowUpload {
        let name = Self.table(of: request)
        guard !name.isEmpty else {
            let word = if case .first = version { "db" } else { "bucket" }
            throw SiltstoneError(.invalidArgument, "\(word) is missing: it names the table")
        }
        let table: StoredTable
        do { table = try router.table(name) } catch {
            throw SiltstoneError(.notFound, "database not found: \"\(name)\"")
        }
        return RowUpload(
            table: table, format: .lineProtocol(try Self.point(request, table, router)),
            durability: try RowJSON.durability(request), dialect: .influx(version))
    }

    /// How points of a request are read: its `precision`, and its `family` where the table has more than one.
    static func point(
        _ request: Request, _ table: StoredTable, _ router: Router
    ) throws(SiltstoneError) -> InfluxPoint {
        let families = table.definition.families.map(\.name)
        let family = request.parameter("family") ?? (families.count == 1 ? families[0] : "f")
        guard families.contains(family) else {
            throw SiltstoneError(
                .invalidArgument,
                "family tells where fields go, and the table has none family=\(family)")
        }
        return InfluxPoint(
            unitNanoseconds: try InfluxPoint.unit(request.parameter("precision") ?? ""),
            family: family, nowMilliseconds: router.store.clock.nowMilliseconds)
    }

    private func query() throws(SiltstoneError) -> Reply {
        guard let name = Self.createdTable(request.parameter("q") ?? "") else {
            throw SiltstoneError(.invalidArgument, "only CREATE DATABASE is understood here")
        }
        let store = router.store
        return .work { () throws(SiltstoneError) in
            do throws(SiltstoneError) {
                _ = try store.createTable(TableDefinition(name, families: [Family("f")]))
            } catch {
                guard error.code == .alreadyExists else { throw error }
            }
            return .json(
                .ok, .object(("results", .array([.object(("statement_id", .integer(0)))]))))
        }
    }

    /// The name in `CREATE DATABASE name` or `"name"`; what may follow is ignored.
    private static func createdTable(_ query: String) -> String? {
        let words = query.split(whereSeparator: \.isWhitespace)
        guard words.count >= 3, words[0].uppercased() == "CREATE",
            words[1].uppercased() == "DATABASE"
        else { return nil }
        var name = words[2]
        if name.hasSuffix(";") { name.removeLast() }
        if name.count > 2, name.hasPrefix("\""), name.hasSuffix("\"") {
            name = name.dropFirst().dropLast()
        }
        return name.isEmpty ? nil : String(name)
    }
}
