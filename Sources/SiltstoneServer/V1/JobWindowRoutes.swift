import NIOHTTP1
import SiltBytes
import SiltIngest
import SiltModel
import SiltTable

/// `/v1/jobs/{j}/windows`: the latest windows that a job wrote; with `open=true` those that are open, as of its newest
/// checkpoint.
struct JobWindowRoutes {
    /// The rows looked at; a table of more keys gives what was found among these.
    private static let rowsMax = 50_000
    private static let startColumn = Bytes("_start")
    private static let endColumn = Bytes("_end")

    let router: Router
    let request: Request
    let job: RunningJob

    func reply() throws(SiltstoneError) -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        var limit = 200
        if let text = request.parameter("limit") {
            guard let number = Int(text), (1...1000).contains(number) else {
                throw SiltstoneError(
                    .invalidArgument, "limit is not a number from 1 to 1000 value=\(text)")
            }
            limit = number
        }
        let (router, definition) = (router, job.definition)
        if request.parameter("open") == "true" {
            let prefix = Bytes(request.parameter("prefix") ?? "")
            return .work { [limit] () throws(SiltstoneError) in
                .json(
                    .ok,
                    try Self.open(definition, router.store, prefix: prefix, limit: limit))
            }
        }
        return .work { [limit] () throws(SiltstoneError) in
            // The table is made with the first row.
            guard let table = try? router.table(definition.table) else {
                return .json(.ok, .object(("windows", .array([])), ("whole", .bool(true))))
            }
            let projection = Projection(definition.families.map { .family($0) })
            let scanner = try table.scan(.all, projection)
            var found: [(end: Int64, value: JSONValue)] = []
            var seen = 0
            while seen < Self.rowsMax, let row = try scanner.next() {
                seen += 1
                found += Self.windows(of: row)
                if found.count > 4 * limit { Self.keepLatest(&found, limit) }
            }
            Self.keepLatest(&found, limit)
            return .json(
                .ok,
                .object(
                    ("windows", .array(found.map(\.value))), ("whole", .bool(seen < Self.rowsMax)))
            )
        }
    }

    private static func open(
        _ definition: JobDefinition, _ store: TableStore, prefix: Bytes, limit: Int
    ) throws(SiltstoneError) -> JSONValue {
        let open = try OpenWindows(definition, in: store, prefix: prefix, limit: limit)
        var windows: [JSONValue] = []
        for window in open.windows {
            let values = window.values.map {
                JSONValue.Member($0.qualifier.description, RowJSON.encode($0.value))
            }
            windows.append(
                .object(
                    ("row", RowJSON.encode(window.row)), ("window", .string(window.name)),
                    ("start", .integer(window.start)), ("end", .integer(window.end)),
                    ("values", .object(values))))
        }
        return .object(
            ("windows", .array(windows)), ("whole", .bool(!open.isCut)),
            ("watermark", open.watermark.map { .integer($0) } ?? .null))
    }

    private static func keepLatest(_ found: inout [(end: Int64, value: JSONValue)], _ limit: Int) {
        found.sort { $0.end > $1.end }
        if found.count > limit { found.removeSubrange(limit...) }
    }

    /// A row's windows, one for each family that has a start and an end.
    private static func windows(of row: Row) -> [(end: Int64, value: JSONValue)] {
        var result: [(end: Int64, value: JSONValue)] = []
        var index = 0
        while index < row.cells.count {
            let family = row.cells[index].column.family
            var (start, end): (Int64?, Int64?) = (nil, nil)
            var values: [JSONValue.Member] = []
            while index < row.cells.count, row.cells[index].column.family == family {
                let cell = row.cells[index]
                index += 1
                switch cell.column.qualifier {
                case startColumn: start = cell.value.string.flatMap { Int64($0) }
                case endColumn: end = cell.value.string.flatMap { Int64($0) }
                default:
                    values.append(
                        .init(cell.column.qualifier.description, RowJSON.encode(cell.value)))
                }
            }
            guard let start, let end else { continue }
            result.append(
                (
                    end,
                    .object(
                        ("row", RowJSON.encode(row.key)), ("window", .string(family)),
                        ("start", .integer(start)), ("end", .integer(end)),
                        ("values", .object(values)))
                ))
        }
        return result
    }
}
