import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/indexes` and `/v1/tables/{t}/indexes/{family:qualifier}`.
struct IndexRoutes {
    let router: Router
    let request: Request
    let table: StoredTable

    func list() -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        return .now(
            .json(.ok, .object(("indexes", .array(table.indexes.map { Self.describe($0) })))))
    }

    func reply(_ column: Column) throws(SiltstoneError) -> Reply {
        let (store, name) = (router.store, table.definition.name)
        switch request.method {
        case .GET, .HEAD:
            guard let index = table.indexes.first(where: { $0.column == column }) else {
                throw SiltstoneError(.notFound, "no such index column=\(column)")
            }
            return .now(.json(.ok, Self.describe(index)))
        case .PUT:
            var order = ColumnIndex.Order.text
            if !request.body.isEmpty, let value = try RowJSON.body(request)["order"] {
                guard let known = value.stringValue.flatMap({ ColumnIndex.Order(rawValue: $0) })
                else {
                    throw SiltstoneError(
                        .invalidArgument, "order is one of text, number, long value=\(value.text)")
                }
                order = known
            }
            let index = ColumnIndex(column, order: order)
            return .work { () throws(SiltstoneError) in
                try store.createIndex(name, index)
                return .json(.created, Self.describe(index))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try store.dropIndex(name, of: column)
                return .json(.ok, .object(("dropped", .string(column.description))))
            }
        default: return V1Routes.methodNotAllowed("GET, PUT, DELETE")
        }
    }

    private static func describe(_ index: ColumnIndex) -> JSONValue {
        let (family, qualifier) = (index.column.family, index.column.qualifier)
        let name = Bytes(Array((family + ":").utf8) + qualifier.array)
        return .object(
            ("column", RowJSON.encode(name)),
            ("order", .string(index.order.rawValue)))
    }
}
