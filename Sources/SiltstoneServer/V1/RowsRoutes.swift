import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/rows`: a scan as NDJSON, and mutations as NDJSON.
struct RowsRoutes {
    let router: Router
    let request: Request
    let table: StoredTable

    func reply() throws(SiltstoneError) -> Reply {
        switch request.method {
        case .GET, .HEAD: return try scan()
        case .POST: return try mutate()
        default: return V1Routes.methodNotAllowed("GET, POST")
        }
    }

    private func scan() throws(SiltstoneError) -> Reply {
        let isReversed = request.parameter("reverse") == "true"
        var range = RowRange(
            start: request.bytes("start").first ?? .empty,
            stop: request.bytes("stop").first ?? .empty,
            isReversed: isReversed)
        if let prefix = request.bytes("prefix").first {
            guard request.parameter("stop") == nil, request.parameter("start") == nil || !isReversed
            else {
                throw SiltstoneError(.invalidArgument, "give a prefix, or start and stop")
            }
            let rows = RowRange(prefix: prefix)
            if isReversed {
                range.start = rows.stop
                range.includesStart = false
                range.stop = rows.start
                range.includesStop = true
            } else {
                range.start = max(range.start, rows.start)
                range.stop = rows.stop
            }
        }
        var limit = Int.max
        if let text = request.parameter("limit") {
            guard let number = Int(text), number > 0 else {
                throw SiltstoneError(
                    .invalidArgument, "limit is not a number of rows value=\(text)")
            }
            limit = number
        }
        let (projection, shown) = try projection()
        let withVersions = request.parameter("versions") != nil
        let (table, cancellation) = (table, request.cancellation)
        return .work { [range, limit] () throws(SiltstoneError) in
            let scanner = try table.scan(range, projection)
            if let cancellation { scanner.isCancelled = { cancellation.isCancelled } }
            let source = RowLinesSource(
                scanner, limit: limit, withVersions: withVersions, shown: shown)
            return try .stream(.ok, contentType: "application/x-ndjson", source)
        }
    }

    /// What is read, and what of it is shown where `where` looks at more; `nil` is all of it.
    private func projection() throws(SiltstoneError) -> (Projection, shown: [Projection.Selector]?)
    {
        var projection = try RowJSON.projection(request)
        guard let text = request.bytes("where").first else { return (projection, nil) }
        let condition = try WhereText.parse(text)
        projection.filter =
            projection.filter.map { .all([condition.filter, $0]) } ?? condition.filter
        guard !projection.selectors.isEmpty else { return (projection, nil) }
        let shown = projection.selectors
        let more = condition.columns.filter { !RowLinesSource.shows($0, shown) }
        projection.selectors += more.map { .column($0) }
        return (projection, more.isEmpty ? nil : shown)
    }

    /// Writes the records of the body; on long bodies this begins before the body is whole.
    private func mutate() throws(SiltstoneError) -> Reply {
        let (router, request, table) = (router, request, table)
        return .work { () throws(SiltstoneError) in
            try RowsRoutes(router: router, request: request, table: table).upload().answer(
                to: request.body)
        }
    }

    /// A sink of records, in the format that the query or the media type names.
    func upload() throws(SiltstoneError) -> RowUpload {
        RowUpload(
            table: table, format: try format(), durability: try RowJSON.durability(request),
            dialect: .siltstone(requestID: request.id))
    }

    private func format() throws(SiltstoneError) -> UploadFormat {
        let type = request.header("Content-Type")?.split(separator: ";").first
        switch request.parameter("format") {
        case "ndjson", "json": return .json
        case "csv": return .csv
        case "line_protocol": return .lineProtocol(try InfluxRoutes.point(request, table, router))
        case nil: return type?.lowercased() == "text/csv" ? .csv : .json
        case let name?:
            throw SiltstoneError(
                .invalidArgument,
                "format is none of ndjson, json, csv and line_protocol value=\(name)")
        }
    }
}

/// Streams a scan as a row a line; when the limit cut it short, a last line names the next row.
final class RowLinesSource: BodySource {
    private static let pieceBytes = 64 << 10
    private static let rowBegin = Array("{\"row\":".utf8)
    private static let columnsBegin = Array(",\"columns\":".utf8)
    private static let rowEnd = Array("}\n".utf8)

    private let scanner: RowScanner
    private let withVersions: Bool
    private let shown: [Projection.Selector]?
    private var rowsLeft: Int
    private(set) var isDone = false

    init(
        _ scanner: RowScanner, limit: Int, withVersions: Bool, shown: [Projection.Selector]? = nil
    ) {
        self.scanner = scanner
        self.shown = shown
        self.withVersions = withVersions
        rowsLeft = limit
    }

    /// Whether a column is among those asked for.
    static func shows(_ column: Column, _ selectors: [Projection.Selector]) -> Bool {
        selectors.contains { selector in
            switch selector {
            case .family(let name): name == column.family
            case .column(let wanted): wanted == column
            }
        }
    }

    func nextPiece() throws(SiltstoneError) -> [UInt8]? {
        guard !isDone else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(Self.pieceBytes + 4096)
        while text.count < Self.pieceBytes {
            guard let row = try scanner.next() else {
                isDone = true
                break
            }
            var cells = row.cells
            if let shown {
                cells.removeAll { !Self.shows($0.column, shown) }
                if cells.isEmpty { continue }
            }
            guard rowsLeft > 0 else {
                JSONWriter.append(.object(("next", RowJSON.encode(row.key))), to: &text)
                text.append(UInt8(ascii: "\n"))
                isDone = true
                break
            }
            rowsLeft -= 1
            text.append(contentsOf: Self.rowBegin)
            RowJSON.append(row.key, to: &text)
            text.append(contentsOf: Self.columnsBegin)
            if withVersions {
                JSONWriter.append(RowJSON.encodeColumns(cells, withVersions: true), to: &text)
            } else {
                RowJSON.append(cells, to: &text)
            }
            text.append(contentsOf: Self.rowEnd)
        }
        return text.isEmpty ? nil : text
    }
}
