import NIOHTTP1
import SiltModel
import SiltTable

/// `/v1/tables/{t}`: a table's definition.
struct TableRoutes {
    let router: Router
    let request: Request
    let name: String

    func reply() throws(SiltstoneError) -> Reply {
        let (store, name) = (router.store, name)
        switch request.method {
        case .GET, .HEAD:
            return .now(.json(.ok, TableSchemaJSON.encode(try router.table(name).definition)))
        case .PUT:
            let document = try RowJSON.body(request)
            let definition = try TableSchemaJSON.decode(document, name: name, base: nil)
            let retention = try TableSchemaJSON.feedRetentionMilliseconds(document)
            return .work { () throws(SiltstoneError) in
                let table = try store.createTable(
                    definition, feedRetentionMilliseconds: retention)
                return .json(.created, TableSchemaJSON.encode(table.definition))
            }
        case .PATCH:
            let document = try RowJSON.body(request)
            return .work { () throws(SiltstoneError) in
                let base = try store.table(name).definition
                let definition = try TableSchemaJSON.decode(document, name: name, base: base)
                return .json(
                    .ok,
                    TableSchemaJSON.encode(try store.alterTable(name, to: definition).definition))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try store.dropTable(name)
                return .json(.ok, .object(("dropped", .string(name))))
            }
        default: return V1Routes.methodNotAllowed("GET, PUT, PATCH, DELETE")
        }
    }
}
