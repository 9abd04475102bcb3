import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/split` and `/v1/tables/{t}/merge`: changes of a table's regions.
struct RegionRoutes {
    let store: TableStore
    let request: Request
    let name: String

    func reply(_ action: String) throws(SiltstoneError) -> Reply {
        guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
        let document = try RowJSON.body(request)
        return action == "split" ? try split(document) : try merge(document)
    }

    /// `{"at": row}` cuts at a row, `{"region": id}` at about the region's middle.
    private func split(_ document: JSONValue) throws(SiltstoneError) -> Reply {
        let (store, name) = (store, name)
        if let at = document["at"] {
            let row = try RowJSON.decode(at)
            return .work { () throws(SiltstoneError) in
                .json(.ok, .object(("split", .bool(try store.split(name, at: row)))))
            }
        }
        let region = try identifier(document, "region")
        return .work { () throws(SiltstoneError) in
            .json(.ok, .object(("split", .bool(try store.split(name, region: region)))))
        }
    }

    private func merge(_ document: JSONValue) throws(SiltstoneError) -> Reply {
        let (store, name) = (store, name)
        let first = try identifier(document, "first")
        let second = try identifier(document, "second")
        return .work { () throws(SiltstoneError) in
            try store.merge(name, first, second)
            return .json(.ok, .object(("merged", .bool(true))))
        }
    }

    private func identifier(_ document: JSONValue, _ member: String) throws(SiltstoneError)
        -> Identifier
    {
        guard let id = document[member]?.stringValue.flatMap({ Identifier($0) }) else {
            throw SiltstoneError(
                .invalidArgument, "member must be a region's identifier member=\(member)")
        }
        return id
    }
}
