import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/{table}/multiget[/{columns}]?row=…&row=…`: several rows in the order asked.
struct MultiGet {
    private static let rowCountMax = 10_000

    let request: Request
    let table: StoredTable

    func reply() throws(SiltstoneError) -> Reply {
        guard let choice = MediaType.choice(request, [.xml, .json, .protobuf]),
            let format = choice.type.cellSetFormat
        else { return .now(HBaseRoutes.notAcceptable) }
        let versions = request.parameter("v").map { Int($0) } ?? 1
        guard let versions, versions > 0 else {
            throw SiltstoneError(.invalidArgument, "v is not a number of versions")
        }
        let filter = try request.filter()
        let common = request.segments.count > 2 ? [request.segments[2]] : []
        var wanted: [(key: Bytes, projection: Projection)] = []
        for raw in request.rawParameters("row") {
            // A row may name columns and times of its own: `row/columns/times`.
            let pieces = raw.split(separator: "/", omittingEmptySubsequences: false)
            var spec = try RowSpec(pieces[...], request)
            guard case .one(let key) = spec.rows else {
                throw SiltstoneError(.invalidArgument, "row names more than one row")
            }
            for columns in common { try spec.addColumns(columns, request) }
            var projection = spec.projection(maxVersions: versions)
            projection.filter = filter
            wanted.append((key, projection))
        }
        guard wanted.count <= Self.rowCountMax else {
            throw SiltstoneError(
                .invalidArgument, "too many rows are asked for max=\(Self.rowCountMax)")
        }
        let table = table
        return .work { [wanted] () throws(SiltstoneError) in
            let source = RowSetSource(RowListFeed(table, wanted), format)
            return try source.reply(
                choice.name, orWhenEmpty: .text(.notFound, "No rows found.\r\n"))
        }
    }
}
