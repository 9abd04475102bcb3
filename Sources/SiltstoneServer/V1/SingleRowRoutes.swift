import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/rows/{row}` and its atomic operations.
struct SingleRowRoutes {
    let router: Router
    let request: Request
    let table: StoredTable
    let row: Bytes
    let action: String?

    func reply() throws(SiltstoneError) -> Reply {
        if let action {
            guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
            switch action {
            case "increment": return try increment()
            case "append": return try append()
            case "check": return try check()
            default: throw SiltstoneError(.notFound, "no such operation name=\(action)")
            }
        }
        switch request.method {
        case .GET, .HEAD:
            return try get()
        case .PUT, .POST:
            return try write(try RowJSON.decodePuts(try RowJSON.body(request)))
        case .DELETE:
            let names = request.parameters("columns").flatMap { $0.split(separator: ",") }
            let what: JSONValue = names.isEmpty ? true : .array(names.map { .string(String($0)) })
            return try write(try RowJSON.decodeDeletes(what, families: table.definition.families))
        default: return V1Routes.methodNotAllowed("GET, PUT, DELETE")
        }
    }

    /// What memory holds is answered on the connection's own thread.
    private func get() throws(SiltstoneError) -> Reply {
        let projection = try RowJSON.projection(request)
        let withVersions = request.parameter("versions") != nil
        let (table, row) = (table, row)
        let answer: @Sendable (Row?) throws(SiltstoneError) -> Response = {
            found throws(SiltstoneError) in
            guard let found else {
                throw SiltstoneError(.notFound, "no such row row=\(row)")
            }
            if withVersions {
                return .json(.ok, RowJSON.encodeColumns(found.cells, withVersions: true))
            }
            var text: [UInt8] = []
            RowJSON.append(found.cells, to: &text)
            return Response(.ok, headers: [("Content-Type", "application/json")], body: text)
        }
        if let found = table.getCached(row, projection) { return .now(try answer(found)) }
        return .work { () throws(SiltstoneError) in try answer(try table.get(row, projection)) }
    }

    private func write(_ changes: [CellMutation]) throws(SiltstoneError) -> Reply {
        guard !changes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "the body has no columns")
        }
        let durability = try RowJSON.durability(request)
        let mutation = TableMutation(
            table: table, mutation: RowMutation(row: row, changes: changes))
        let (store, request) = (router.store, request)
        return .later { answer in
            store.submit([mutation], durability: durability, soon: answer.soon) { result in
                switch result {
                case .success: answer.send(Response(.noContent))
                case .failure(let error): answer.send(Router.failure(error, for: request))
                }
            }
        }
    }

    private func increment() throws(SiltstoneError) -> Reply {
        var amounts: [(Column, Int64)] = []
        for member in try RowJSON.body(request).objectValue ?? [] {
            guard let amount = member.value.integerValue else {
                throw SiltstoneError(
                    .invalidArgument, "increment is not an integer column=\(member.name)")
            }
            amounts.append((try RowJSON.column(member.name), amount))
        }
        guard !amounts.isEmpty else {
            throw SiltstoneError(.invalidArgument, "the body has no columns")
        }
        let (table, row, durability) = (table, row, try RowJSON.durability(request))
        return .work { [amounts] () throws(SiltstoneError) in
            let values = try table.increment(row, amounts, durability: durability)
            return .json(
                .ok, .object(values.map { .init($0.0.description, .integer($0.1)) }))
        }
    }

    private func append() throws(SiltstoneError) -> Reply {
        var suffixes: [(Column, Bytes)] = []
        for member in try RowJSON.body(request).objectValue ?? [] {
            suffixes.append((try RowJSON.column(member.name), try RowJSON.decode(member.value)))
        }
        guard !suffixes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "the body has no columns")
        }
        let (table, row, durability) = (table, row, try RowJSON.durability(request))
        return .work { [suffixes] () throws(SiltstoneError) in
            let values = try table.append(row, suffixes, durability: durability)
            return .json(.ok, .object(values.map { .init($0.0.description, RowJSON.encode($0.1)) }))
        }
    }

    /// `{"column": "cf:q", "equals": "x" or null, "put": {…}, "delete": […]}`.
    private func check() throws(SiltstoneError) -> Reply {
        let body = try RowJSON.body(request)
        guard let name = body["column"]?.stringValue, let equals = body["equals"] else {
            throw SiltstoneError(.invalidArgument, "a check has a column and equals")
        }
        let column = try RowJSON.column(name)
        let expected = equals.isNull ? nil : try RowJSON.decode(equals)
        var changes: [CellMutation] = []
        if let puts = body["put"] { changes += try RowJSON.decodePuts(puts) }
        if let deletes = body["delete"] {
            changes += try RowJSON.decodeDeletes(deletes, families: table.definition.families)
        }
        guard !changes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "a check puts or deletes")
        }
        let (table, row, durability) = (table, row, try RowJSON.durability(request))
        let mutation = RowMutation(row: row, changes: changes)
        return .work { () throws(SiltstoneError) in
            let applied = try table.check(
                row, column, equals: expected, then: mutation, durability: durability)
            return .json(.ok, .object(("applied", .bool(applied))))
        }
    }
}
