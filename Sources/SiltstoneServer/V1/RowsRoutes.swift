import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/rows`: a scan as NDJSON, and mutations as NDJSON.
struct RowsRoutes {
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
        let table = table
        return .work { [range, limit] () throws(SiltstoneError) in
            let scanner = try table.scan(range, projection)
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

    /// Applies `{"row", "put": {…}, "delete": […] or true}` lines; a batch of lines is one atomic write.
    private func mutate() throws(SiltstoneError) -> Reply {
        let durability = try RowJSON.durability(request)
        let (table, body) = (table, request.body)
        return .work { () throws(SiltstoneError) in
            var upload = MutationUpload(table: table, durability: durability)
            var line = 0
            for text in body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            {
                line += 1
                let trimmed = text.last == UInt8(ascii: "\r") ? text.dropLast() : text
                if !trimmed.isEmpty { try upload.take(Array(trimmed), line: line) }
            }
            return Response(
                .ok, headers: [("Content-Type", "application/x-ndjson")], body: try upload.finish())
        }
    }
}

/// Applies lines of mutations in batches and keeps an answer line for each that failed.
struct MutationUpload {
    private static let batchRows = 1000

    private let table: StoredTable
    private let durability: Durability?
    private var pending: [(line: Int, mutation: RowMutation)] = []
    private var answers: [UInt8] = []
    private var appliedCount = 0
    private var failedCount = 0

    init(table: StoredTable, durability: Durability?) {
        self.table = table
        self.durability = durability
    }

    mutating func take(_ text: [UInt8], line: Int) throws(SiltstoneError) {
        do {
            pending.append((line, try mutation(text)))
        } catch {
            fail(error, line: line)
        }
        if pending.count >= Self.batchRows { try apply() }
    }

    /// The answer lines, the summary last.
    mutating func finish() throws(SiltstoneError) -> [UInt8] {
        try apply()
        JSONWriter.append(
            .object(
                ("applied", .integer(Int64(appliedCount))), ("failed", .integer(Int64(failedCount)))
            ),
            to: &answers)
        answers.append(UInt8(ascii: "\n"))
        return answers
    }

    private func mutation(_ text: [UInt8]) throws(SiltstoneError) -> RowMutation {
        let document: JSONValue
        do { document = try JSONValue(parsing: text) } catch {
            throw SiltstoneError(.invalidArgument, "line is not JSON: \(error)")
        }
        guard let row = document["row"] else {
            throw SiltstoneError(.invalidArgument, "a mutation has a row")
        }
        var changes: [CellMutation] = []
        if let deletes = document["delete"] {
            changes += try RowJSON.decodeDeletes(deletes, families: table.definition.families)
        }
        if let puts = document["put"] { changes += try RowJSON.decodePuts(puts) }
        guard !changes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "a mutation puts or deletes")
        }
        return RowMutation(row: try RowJSON.decode(row), changes: changes)
    }

    private mutating func apply() throws(SiltstoneError) {
        guard !pending.isEmpty else { return }
        let batch = pending
        pending = []
        do {
            try table.write(batch.map(\.mutation), durability: durability)
            appliedCount += batch.count
        } catch {
            guard error.code == .invalidArgument || error.code == .notFound else { throw error }
            // One line spoils a batch: apply them one by one, so that only the wrong ones fail.
            for (line, mutation) in batch {
                do {
                    try table.write([mutation], durability: durability)
                    appliedCount += 1
                } catch {
                    fail(error, line: line)
                }
            }
        }
    }

    private mutating func fail(_ error: SiltstoneError, line: Int) {
        failedCount += 1
        JSONWriter.append(
            .object(
                ("line", .integer(Int64(line))),
                (
                    "error",
                    .object(
                        ("code", .string(error.code.description)),
                        ("message", .string(error.message)))
                )), to: &answers)
        answers.append(UInt8(ascii: "\n"))
    }
}

/// Streams a scan as a row a line; when the limit cut it short, a last line names the next row.
final class RowLinesSource: BodySource {
    private static let pieceBytes = 64 << 10

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
            JSONWriter.append(
                .object(
                    ("row", RowJSON.encode(row.key)),
                    ("columns", RowJSON.encodeColumns(cells, withVersions: withVersions))),
                to: &text)
            text.append(UInt8(ascii: "\n"))
        }
        return text.isEmpty ? nil : text
    }
}
