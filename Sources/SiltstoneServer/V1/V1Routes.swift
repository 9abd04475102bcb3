import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// Siltstone's own API, under `/v1`.
struct V1Routes {
    let router: Router
    let request: Request

    var store: TableStore { router.store }

    func reply() throws(SiltstoneError) -> Reply {
        let parts = request.segments.dropFirst().map { Request.decode($0) }
        let words = parts.map { String(decoding: $0, as: UTF8.self) }
        switch words.first {
        case "tables":
            switch words.count {
            case 1: return try list()
            case 2: return try TableRoutes(router: router, request: request, name: words[1]).reply()
            default: break
            }
            let table = try router.table(words[1])
            switch (words[2], words.count) {
            case ("rows", 3):
                return try RowsRoutes(router: router, request: request, table: table).reply()
            case ("rows", 4), ("rows", 5):
                return try SingleRowRoutes(
                    router: router, request: request, table: table, row: Bytes(parts[3]),
                    action: words.count == 5 ? words[4] : nil
                ).reply()
            case ("regions", 3): return try regions(of: table)
            case ("split", 3), ("merge", 3):
                return try RegionRoutes(store: store, request: request, name: words[1])
                    .reply(words[2])
            case ("aggregate", 3):
                return try AggregateRoutes(request: request, table: table).reply()
            case ("changes", 3):
                return try ChangeRoutes(router: router, request: request, table: table).changes()
            case ("feed", 3):
                return try ChangeRoutes(router: router, request: request, table: table).feed()
            case ("indexes", 3): return indexes(table).list()
            case ("indexes", 4):
                return try indexes(table).reply(try Self.column(parts[3]))
            case ("flush", 3), ("compact", 3): return try maintain(table, words[2])
            default: break
            }
        case "openapi.json" where words.count == 1:
            guard request.isRead else { return Self.methodNotAllowed("GET") }
            return .now(.json(.ok, OpenAPI.document))
        case "overview" where words.count == 1:
            return OverviewRoutes(router: router, request: request).reply()
        case "tokens":
            let routes = TokenRoutes(router: router, request: request)
            switch words.count {
            case 1: return routes.list()
            case 2: return try routes.reply(words[1])
            default: break
            }
        case "jobs": return try jobs(words)
        case "alerts" where words.count == 1:
            return AlertRoutes(router: router, request: request).reply()
        case "snapshots": return try snapshots(words)
        case "backups":
            let routes = BackupRoutes(router: router, request: request)
            switch words.count {
            case 1: return try routes.reply()
            case 2: return try routes.reply(words[1])
            default: break
            }
        case "streams":
            let routes = StreamRoutes(streams: router.streams, request: request)
            switch words.count {
            case 1: return try routes.list()
            case 2: return try routes.reply(words[1])
            default: break
            }
        default: break
        }
        throw SiltstoneError(.notFound, "no such path, see docs/http")
    }

    private func jobs(_ words: [String]) throws(SiltstoneError) -> Reply {
        let routes = JobRoutes(jobs: router.jobs, request: request)
        switch words.count {
        case 1: return routes.list()
        case 2: return try routes.reply(words[1])
        case 3 where words[2] == "windows":
            guard let job = router.jobs.job(words[1]) else {
                throw SiltstoneError(.notFound, "no such job job=\(words[1])")
            }
            return try JobWindowRoutes(router: router, request: request, job: job).reply()
        case 3 where words[2] == "report":
            guard let job = router.jobs.job(words[1]) else {
                throw SiltstoneError(.notFound, "no such job job=\(words[1])")
            }
            return try ReportRoutes(store: store, request: request, job: job).reply()
        case 3:
            let actions = JobActionRoutes(jobs: router.jobs, request: request)
            if let reply = try actions.reply(words[1], words[2]) { return reply }
        case 5 where words[2] == "partitions":
            return try PartitionRoutes(partitions: router.jobs.partitions, request: request)
                .reply(job: words[1], partition: words[3], action: words[4])
        default: break
        }
        throw SiltstoneError(.notFound, "no such path, see docs/http")
    }

    private func snapshots(_ words: [String]) throws(SiltstoneError) -> Reply {
        let routes = SnapshotRoutes(router: router, request: request)
        switch words.count {
        case 1: return routes.list()
        case 2: return try routes.reply(words[1])
        case 3: return try routes.act(words[1], words[2])
        default: throw SiltstoneError(.notFound, "no such path, see docs/http")
        }
    }

    /// The column that a path names; its qualifier is any bytes.
    private static func column(_ name: [UInt8]) throws(SiltstoneError) -> Column {
        guard name.contains(UInt8(ascii: ":")) else {
            throw SiltstoneError(.invalidArgument, "a column is written family:qualifier")
        }
        return Column(parsing: name[...])
    }

    /// An answer for a method that the path does not have.
    static func methodNotAllowed(_ allowed: String) -> Reply {
        var response = Response.json(
            .methodNotAllowed,
            .object(
                (
                    "error",
                    .object(
                        ("code", "methodNotAllowed"),
                        ("message", .string("allowed here: \(allowed)")))
                )))
        response.headers.append(("Allow", allowed))
        return .now(response)
    }

    private func list() throws(SiltstoneError) -> Reply {
        guard request.method == .GET || request.method == .HEAD else {
            return Self.methodNotAllowed("GET")
        }
        let tables = router.tables(for: request).map { TableSchemaJSON.encode($0.definition) }
        return .now(.json(.ok, .object(("tables", .array(tables)))))
    }

    private func regions(of table: StoredTable) throws(SiltstoneError) -> Reply {
        guard request.isRead else { return Self.methodNotAllowed("GET") }
        let regions = table.regions().map { RegionJSON.encode($0) }
        return .now(.json(.ok, .object(("regions", .array(regions)))))
    }

    private func indexes(_ table: StoredTable) -> IndexRoutes {
        IndexRoutes(router: router, request: request, table: table)
    }

    private func maintain(_ table: StoredTable, _ action: String) throws(SiltstoneError) -> Reply {
        guard request.method == .POST else { return Self.methodNotAllowed("POST") }
        return .work { () throws(SiltstoneError) in
            if action == "flush" { try table.flush() } else { try table.compact() }
            return .json(.ok, .object(("done", .string(action))))
        }
    }
}
