import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/{table}/{row}[/{columns}[/{times}]]` and the stateless scan `/{table}/{prefix}*`.
struct RowRoutes {
    let router: Router
    let request: Request
    let table: String

    func reply() throws(SiltstoneError) -> Reply {
        let stored = try router.table(table)
        let pieces = request.segments[1...]
        if pieces.count == 1, let last = pieces.first, last.hasSuffix("*"), request.isRead {
            return try StatelessScan(request: request, table: stored, prefix: last.dropLast())
                .reply()
        }
        let spec = try RowSpec(pieces, request)
        switch request.method {
        case .GET, .HEAD: return try get(stored, spec)
        case .PUT, .POST: return try change(stored, spec)
        case .DELETE: return try delete(stored, spec)
        default: return .now(HBaseRoutes.notAllowed)
        }
    }

    // MARK: Reading

    private func get(_ stored: StoredTable, _ spec: RowSpec) throws(SiltstoneError) -> Reply {
        guard let choice = MediaType.choice(request, [.binary, .xml, .json, .protobuf]) else {
            return .now(HBaseRoutes.notAcceptable)
        }
        let versions = request.parameter("v").map { Int($0) } ?? 1
        guard let versions, versions > 0 else {
            throw SiltstoneError(.invalidArgument, "v is not a number of versions")
        }
        let projection = spec.projection(maxVersions: versions)
        let range: RowRange
        switch spec.rows {
        case .one(let key):
            return try get(key, projection, choice, from: stored)
        case .range(let start, let end): range = RowRange(start: start, stop: end)
        case .prefix(let prefix): range = RowRange(prefix: prefix)
        }
        guard let format = choice.type.cellSetFormat else {
            return .now(
                HBaseRoutes.badRequest(
                    "several rows need one of the Accept types XML, JSON and protobuf"))
        }
        return .work { () throws(SiltstoneError) in
            try RowSetSource(try stored.scan(range, projection), format)
                .reply(choice.name, orWhenEmpty: HBaseRoutes.notFound)
        }
    }

    /// One row; what memory holds is answered on the connection's own thread.
    private func get(
        _ key: Bytes, _ projection: Projection, _ choice: MediaType.Choice,
        from stored: StoredTable
    ) throws(SiltstoneError) -> Reply {
        let (format, name) = (choice.type.cellSetFormat, choice.name)
        guard format != nil || projection.selectors.count == 1 else {
            return .now(
                HBaseRoutes.badRequest(
                    "Default 'GET' method only works if there is exactly 1 column in the row. Using"
                        + " the 'Accept' header with one of these formats lets you retrieve the"
                        + " entire row: text/xml, application/json, application/x-protobuf"))
        }
        let answer: @Sendable (Row?) throws(SiltstoneError) -> Response = {
            row throws(SiltstoneError) in
            guard let row else { return HBaseRoutes.notFound }
            guard let format else { return Self.value(row) }
            return try Self.answer([row], format, name)
        }
        if let row = stored.getCached(key, projection) { return .now(try answer(row)) }
        return .work { () throws(SiltstoneError) in try answer(try stored.get(key, projection)) }
    }

    /// The value of a row's only column.
    private static func value(_ row: Row) -> Response {
        guard let cell = row.cells.first else { return HBaseRoutes.notFound }
        return Response(
            .ok,
            headers: [
                ("Content-Type", MediaType.binary.rawValue),
                ("X-Timestamp", String(cell.timestamp)),
            ], body: cell.value.array)
    }

    /// Rows that are in memory as a whole answer.
    static func answer(_ rows: [Row], _ format: CellSetWriter.Format, _ name: String)
        throws(SiltstoneError) -> Response
    {
        var writer = CellSetWriter(format)
        writer.begin()
        for row in rows { try writer.append(key: row.key, cells: row.cells[...]) }
        writer.finish()
        return Response(
            .ok, headers: [("Content-Type", name), RowSetSource.noCache], body: writer.take())
    }

    // MARK: Writing

    private func change(_ stored: StoredTable, _ spec: RowSpec) throws(SiltstoneError) -> Reply {
        let body: [BodyRow]
        switch MediaType.ofBody(request) {
        case .binary: body = [try binaryRow()]
        case let type?:
            guard let rows = try CellSetReader.decode(request.body, type) else {
                return .now(HBaseRoutes.unsupported)
            }
            body = rows
        case nil: return .now(HBaseRoutes.unsupported)
        }
        if let check = request.parameter("check") {
            return try CheckRoutes(request: request, table: stored, spec: spec, rows: body).reply(
                check)
        }
        var mutations: [RowMutation] = []
        for row in body {
            let key: Bytes
            if let given = row.key { key = given } else { key = try pathRow(spec) }
            var changes: [CellMutation] = []
            for (index, cell) in row.cells.enumerated() {
                let column = try self.column(cell, index, spec)
                changes.append(
                    CellMutation(
                        column, .put(value: cell.value, timeToLiveMilliseconds: nil),
                        timestamp: cell.timestamp))
            }
            guard !changes.isEmpty else { continue }
            mutations.append(RowMutation(row: key, changes: changes))
        }
        if body.isEmpty { return .now(Response(.ok)) }
        guard !mutations.isEmpty else {
            return .now(HBaseRoutes.badRequest("no cells in the body"))
        }
        return write(mutations, to: stored)
    }

    private func binaryRow() throws(SiltstoneError) -> BodyRow {
        let timestamp = request.header("X-Timestamp").map { Int64($0) }
        if case .some(.none) = timestamp {
            throw SiltstoneError(.invalidArgument, "X-Timestamp is not a number of milliseconds")
        }
        return BodyRow(
            key: request.header("X-Row").map { Bytes($0) },
            cells: [
                .init(
                    column: request.header("X-Column").map { Bytes($0) },
                    timestamp: timestamp.flatMap { $0 == .max ? nil : $0 },
                    value: Bytes(request.body))
            ])
    }

    private func pathRow(_ spec: RowSpec) throws(SiltstoneError) -> Bytes {
        if case .one(let key) = spec.rows { return key }
        throw SiltstoneError(.invalidArgument, "no row key in body or path")
    }

    private func column(_ cell: BodyCell, _ index: Int, _ spec: RowSpec)
        throws(SiltstoneError)
        -> Column
    {
        if let column = cell.column { return Column(parsing: column.array[...]) }
        if spec.selectors.indices.contains(index) {
            switch spec.selectors[index] {
            case .column(let column): return column
            case .family(let family): return Column(family, .empty)
            }
        }
        throw SiltstoneError(.invalidArgument, "no column in body or path")
    }

    private func write(_ mutations: [RowMutation], to stored: StoredTable) -> Reply {
        let (store, request) = (router.store, request)
        return .later { answer in
            store.submit(
                mutations.map { TableMutation(table: stored, mutation: $0) }, durability: nil,
                soon: answer.soon
            ) { result in
                switch result {
                case .success: answer.send(Response(.ok))
                case .failure(let error): answer.send(Router.failure(error, for: request))
                }
            }
        }
    }

    // MARK: Deleting

    private func delete(_ stored: StoredTable, _ spec: RowSpec) throws(SiltstoneError) -> Reply {
        guard request.parameter("check") == nil else {
            return .now(HBaseRoutes.badRequest("DELETE takes no check: send PUT with check=delete"))
        }
        guard case .one(let key) = spec.rows else {
            return .now(HBaseRoutes.badRequest("DELETE takes one row"))
        }
        var time: Int64?
        switch spec.times {
        case .all: break
        case .exactly(let timestamp): time = timestamp == .max ? nil : timestamp
        case .range(let range):
            guard range.min == 0, range.max > 0 else {
                return .now(HBaseRoutes.badRequest("DELETE takes one time stamp, not a range"))
            }
            time = range.max - 1
        }
        var changes: [CellMutation] = []
        for selector in spec.selectors {
            switch selector {
            case .column(let column):
                changes.append(CellMutation(column, .deleteColumn, timestamp: time))
            case .family(let family):
                changes.append(CellMutation(Column(family, .empty), .deleteFamily, timestamp: time))
            }
        }
        if changes.isEmpty {
            changes = stored.definition.families.map {
                CellMutation(Column($0.name, .empty), .deleteFamily, timestamp: time)
            }
        }
        return write([RowMutation(row: key, changes: changes)], to: stored)
    }
}
