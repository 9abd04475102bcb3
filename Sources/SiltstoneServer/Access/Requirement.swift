import NIOHTTP1
import SiltBytes

/// What a client must be allowed for a request to be answered, told from its method and path alone.
enum Requirement: Equatable {
    /// Anyone may ask: whether the server lives, and how its API is described.
    case nothing
    /// Any token will do; the answer shows what that token may see.
    case token
    case table(String, AccessRight)
    /// A right over all tables.
    case server(AccessRight)

    init(_ request: Request) {
        if InfluxRoutes.version(of: request) != nil {
            self = Self.influx(request)
            return
        }
        // As the router tells paths apart: by what was sent, not by what it decodes to.
        switch request.segments.first {
        case nil, "version", "status": self = .token
        case "healthz", "readyz", "ui": self = .nothing
        case "metrics": self = .server(.read)
        case "v1": self = Self.v1(request)
        case "namespaces":
            if request.isRead {
                self = .token
            } else {
                // A name space is for those who may have all of its tables.
                self =
                    request.segments.count > 1
                    ? .table(Self.word(1, request) + ":", .admin) : .server(.admin)
            }
        default: self = Self.hbase(request)
        }
    }

    /// Whether it is about tables and settings rather than rows.
    var isAdministration: Bool {
        switch self {
        case .nothing, .token: false
        case .table(_, let right), .server(let right): right == .admin
        }
    }

    private static func influx(_ request: Request) -> Requirement {
        if request.segments.first == "ping" { return .nothing }
        let table = InfluxRoutes.table(of: request)
        if table.isEmpty { return .token }
        return .table(table, InfluxRoutes.isWrite(request) ? .write : .admin)
    }

    private static func word(_ index: Int, _ request: Request) -> String {
        String(decoding: Request.decode(request.segments[index]), as: UTF8.self)
    }

    private static func hbase(_ request: Request) -> Requirement {
        let table = word(0, request)
        guard request.segments.count > 1 else { return .table(table, .read) }
        switch (request.segments[1], request.segments.count) {
        case ("schema", 2): return .table(table, request.isRead ? .read : .admin)
        // Opening a scanner changes no table.
        case ("scanner", 2), ("scanner", 3): return .table(table, .read)
        default: return .table(table, request.isRead ? .read : .write)
        }
    }

    private static func v1(_ request: Request) -> Requirement {
        let words = request.segments.indices.map { word($0, request) }
        switch words.dropFirst().first {
        case "openapi.json": return .nothing
        case "overview": return .token
        case "tables":
            guard words.count > 2 else { return .token }
            guard !request.isRead, !AggregateRoutes.matches(request) else {
                return .table(words[2], .read)
            }
            let writesRows = words.count > 3 && words[3] == "rows"
            return .table(words[2], writesRows ? .write : .admin)
        // A snapshot's name tells no table: the lists show what a token may read.
        case "snapshots": return request.isRead ? .token : .server(.admin)
        case "streams":
            return .server(request.isRead ? .read : .write)
        case "alerts": return .server(.read)
        case "jobs": return .server(request.isRead ? .read : .admin)
        default: return .server(.admin)
        }
    }
}
