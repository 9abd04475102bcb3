import NIOHTTP1
import SiltBytes
import SiltIO
import SiltIngest
import SiltModel
import SiltTable

/// `/v1/overview`: what an operator's page shows, in one answer.
struct OverviewRoutes {
    let router: Router
    let request: Request

    func reply() -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        let (router, request) = (router, request)
        return .work { () throws(SiltstoneError) in
            .json(.ok, Self.overview(router, request))
        }
    }

    private static func overview(_ router: Router, _ request: Request) -> JSONValue {
        let seesServer = request.rights?.allowsServer(.read) ?? true
        var members: [JSONValue.Member] = [
            .init("version", .string(SiltstoneServer.version)),
            .init("time_ms", .integer(router.store.clock.nowMilliseconds)),
            .init("started_ms", .integer(router.startedMilliseconds)),
            .init("read_only", .bool(router.isReadOnly)),
            .init("requests", count(router.metrics.requestCount)),
        ]
        if seesServer {
            members.append(.init("engine", router.store.statistics.json))
            let jobs = router.jobs.all.map { JobRoutes.describe($0, withDocument: false) }
            members.append(.init("jobs", .array(jobs)))
            // A page that shows everything else is better than none.
            let alerts = try? AlertTables(in: router.store).active()
            members.append(.init("alerts", .array(alerts ?? [])))
        }
        let tables = router.tables(for: request).map { table in
            JSONValue.object(
                ("name", .string(table.definition.name)),
                ("families", .array(table.definition.families.map { .string($0.name) })),
                ("regions", .array(table.regions().map { RegionJSON.encode($0) })))
        }
        members.append(.init("tables", .array(tables)))
        return .object(members)
    }

    private static func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
}

/// A region as `/v1` writes it.
enum RegionJSON {
    static func encode(_ region: RegionInfo) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("id", .string(region.id.description)),
            .init("start", RowJSON.encode(region.start)), .init("end", RowJSON.encode(region.end)),
        ]
        if let bucket = region.bucket {
            members.append(.init("bucket", .integer(Int64(bucket))))
        }
        for (name, count) in [
            ("cells", region.cellCount), ("files", region.fileCount),
            ("file_bytes", region.fileBytes), ("memory_bytes", region.memtableBytes),
            ("reads", region.readCount), ("writes", region.writeCount),
        ] {
            members.append(.init(name, .integer(Int64(count))))
        }
        return .object(members)
    }
}
