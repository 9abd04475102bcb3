import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// HBase's REST API at the root of the address space.
struct HBaseRoutes {
    let router: Router
    let request: Request

    func reply() throws(SiltstoneError) -> Reply {
        let segments = request.segments
        guard let first = segments.first else { return tableList() }
        switch (first, segments.count) {
        case ("version", 1): return version(nil)
        case ("version", 2): return version(segments[1])
        case ("status", 2) where segments[1] == "cluster": return status()
        case ("version", _), ("status", _): return .now(Self.notFound)
        case ("namespaces", _):
            return try NamespaceRoutes(router: router, request: request).reply()
        default: break
        }
        let name = String(decoding: Request.decode(first), as: UTF8.self)
        guard segments.count > 1 else { return .now(Self.notAllowed) }
        switch (segments[1], segments.count) {
        case ("exists", 2):
            guard request.isRead else { return .now(Self.notAllowed) }
            _ = try router.table(name)
            return .now(Response(.ok))
        case ("schema", 2):
            return try SchemaRoutes(router: router, request: request, name: name).reply()
        case ("regions", 2): return try regions(of: name)
        case ("scanner", 2), ("scanner", 3):
            return try ScannerRoutes(router: router, request: request, table: name).reply()
        default:
            if segments[1].hasPrefix("multiget"), request.isRead {
                return try MultiGet(request: request, table: try router.table(name)).reply()
            }
            return try RowRoutes(router: router, request: request, table: name).reply()
        }
    }

    static let notFound = Response.text(.notFound, "Not found\r\n")
    static let notAllowed = Response.text(.methodNotAllowed, "Method not allowed\r\n")
    static let notAcceptable = Response.text(.notAcceptable, "Not acceptable\r\n")
    static let unsupported = Response.text(.unsupportedMediaType, "Unsupported media type\r\n")
    static let forbidden = Response.text(.forbidden, "Forbidden\r\n")

    /// `Bad request: …`, with HBase's line end.
    static func badRequest(_ message: String) -> Response {
        .text(.badRequest, "Bad request: \(message)\r\n")
    }

    // MARK: Lists

    /// An answer to GET in one of the representations offered, never kept by caches.
    static func answer(
        _ request: Request, _ offered: [MediaType] = [.text, .xml, .json, .protobuf],
        _ encode: (MediaType) -> [UInt8]
    ) -> Reply {
        guard request.isRead else { return .now(notAllowed) }
        guard let choice = MediaType.choice(request, offered) else { return .now(notAcceptable) }
        return .now(
            Response(
                .ok,
                headers: [
                    ("Content-Type", choice.name),
                    ("Cache-Control", "no-cache, no-transform"),
                ], body: encode(choice.type)))
    }

    private func tableList() -> Reply {
        Self.answer(request) {
            TableListMessage(names: router.tables(for: request).map(\.definition.name)).encode($0)
        }
    }

    private func version(_ part: Substring?) -> Reply {
        switch part {
        case nil, "rest": return Self.answer(request) { VersionMessage().encode($0) }
        case "cluster":
            let version = SiltstoneServer.version
            return Self.answer(request, [.text, .xml, .json]) { type in
                switch type {
                case .json: return JSONValue.object(("Version", .string(version))).bytes
                case .xml:
                    var writer = XMLWriter()
                    writer.open("ClusterVersion", [("Version", version)], isEmpty: true)
                    return writer.bytes
                default: return Array("\(version)\n".utf8)
                }
            }
        default: return .now(Self.notFound)
        }
    }

    // MARK: Regions

    private func regions(of name: String) throws(SiltstoneError) -> Reply {
        let table = try router.table(name)
        let regions = table.rowRegions().map { region in
            TableInfoMessage.Region(
                name: Self.regionName(region, of: name), id: Self.regionNumber(region),
                start: region.start, end: region.end, location: location)
        }
        return Self.answer(request) { TableInfoMessage(table: name, regions: regions).encode($0) }
    }

    /// HBase's name of a region: `table,start,id.encoded` and a full stop.
    private static func regionName(_ region: RegionInfo, of table: String) -> String {
        "\(table),\(region.start.description),\(regionNumber(region)).\(region.id)."
    }

    /// When the region was made, in milliseconds since 1970.
    private static func regionNumber(_ region: RegionInfo) -> Int64 { Int64(region.id.high >> 16) }

    /// `host:port`, as the client knows it.
    private var location: String {
        let host = request.header("Host") ?? "localhost"
        let hasPort = host.last?.isNumber == true && host.contains(":") && !host.hasSuffix("]")
        return hasPort ? host : "\(host):\(router.port)"
    }

    private func status() -> Reply {
        var message = StatusMessage(
            node: location, startCode: router.startedMilliseconds,
            requests: Int64(router.metrics.requestCount), heapMebibytes: 0, regions: [])
        var memtableBytes = 0
        for table in router.tables(for: request) {
            let definition = table.definition
            for region in table.regions() {
                memtableBytes += region.memtableBytes
                message.regions.append(
                    .init(
                        name: Bytes(Self.regionName(region, of: definition.name)),
                        stores: Int64(definition.families.count), files: Int64(region.fileCount),
                        fileMebibytes: Int64(region.fileBytes >> 20),
                        memtableMebibytes: Int64(region.memtableBytes >> 20),
                        cells: Int64(region.cellCount)))
            }
        }
        message.heapMebibytes = Int64(memtableBytes >> 20)
        return Self.answer(request) { message.encode($0) }
    }
}
