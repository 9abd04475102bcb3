import NIOHTTP1
import SiltModel

/// `/v1/tokens` and `/v1/tokens/{name}`, for those who administer all tables.
struct TokenRoutes {
    let router: Router
    let request: Request

    func list() -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        return .now(.json(.ok, .object(("tokens", .array(router.tokens.all.map(\.json))))))
    }

    func reply(_ name: String) throws(SiltstoneError) -> Reply {
        let tokens = router.tokens
        // Whoever makes the first token locks the others out: that takes the directory itself.
        guard tokens.areRequired else {
            throw SiltstoneError(
                .conflict, "the first token is made by silt token create --data, without the server"
            )
        }
        switch request.method {
        case .PUT:
            let rights = try Self.rights(try RowJSON.body(request))
            return .work { () throws(SiltstoneError) in
                let text = try tokens.create(name, rights)
                return .json(.created, .object(("name", .string(name)), ("token", .string(text))))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try tokens.revoke(name)
                return .json(.ok, .object(("revoked", .string(name))))
            }
        default: return V1Routes.methodNotAllowed("PUT, DELETE")
        }
    }

    /// `{"rights": "read" or "write" or "admin", "tables": [prefix, …]}`.
    private static func rights(_ document: JSONValue) throws(SiltstoneError) -> AccessRights {
        guard let right = document["rights"]?.stringValue.flatMap({ AccessRight(rawValue: $0) })
        else {
            throw SiltstoneError(.invalidArgument, "rights is one of read, write, admin")
        }
        var prefixes: [String] = []
        for prefix in document["tables"]?.arrayValue ?? [] {
            guard let text = prefix.stringValue else {
                throw SiltstoneError(.invalidArgument, "tables is a list of prefixes of names")
            }
            prefixes.append(text)
        }
        return AccessRights(right, prefixes: prefixes)
    }
}
