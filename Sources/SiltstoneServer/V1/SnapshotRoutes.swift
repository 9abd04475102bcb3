import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/snapshots` and what is below: tables kept as they were.
struct SnapshotRoutes {
    let router: Router
    let request: Request

    private var store: TableStore { router.store }

    func list() -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        let (router, request) = (router, request)
        return .work { () throws(SiltstoneError) in
            let shown = router.store.snapshots().filter { router.shows($0.table, to: request) }
            return .json(.ok, .object(("snapshots", .array(shown.map { Self.encode($0) }))))
        }
    }

    func reply(_ name: String) throws(SiltstoneError) -> Reply {
        let (store, router, request) = (store, router, request)
        switch request.method {
        case .GET, .HEAD:
            return .work { () throws(SiltstoneError) in
                let found = try Self.info(name, store)
                guard router.shows(found.table, to: request) else { throw Self.missing(name) }
                return .json(.ok, Self.encode(found))
            }
        case .PUT:
            let table = try tableName()
            return .work { () throws(SiltstoneError) in
                try store.createSnapshot(name, of: table)
                return .json(.created, Self.encode(try Self.info(name, store)))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try store.dropSnapshot(name)
                return .json(.ok, .object(("dropped", .string(name))))
            }
        default: return V1Routes.methodNotAllowed("GET, PUT, DELETE")
        }
    }

    func act(_ name: String, _ action: String) throws(SiltstoneError) -> Reply {
        guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
        let store = store
        switch action {
        case "clone":
            let table = try tableName()
            return .work { () throws(SiltstoneError) in
                let made = try store.cloneSnapshot(name, to: table)
                return .json(.created, TableSchemaJSON.encode(made.definition))
            }
        case "restore":
            return .work { () throws(SiltstoneError) in
                try store.restoreSnapshot(name)
                return .json(.ok, .object(("restored", .string(name))))
            }
        default: throw SiltstoneError(.notFound, "no such operation name=\(action)")
        }
    }

    /// The `table` of the body.
    private func tableName() throws(SiltstoneError) -> String {
        guard let table = try RowJSON.body(request)["table"]?.stringValue else {
            throw SiltstoneError(.invalidArgument, "the body names a table")
        }
        return table
    }

    private static func missing(_ name: String) -> SiltstoneError {
        SiltstoneError(.notFound, "no such snapshot snapshot=\(name)")
    }

    private static func info(_ name: String, _ store: TableStore) throws(SiltstoneError)
        -> SnapshotInfo
    {
        guard let found = store.snapshots().first(where: { $0.name == name }) else {
            throw missing(name)
        }
        return found
    }

    private static func encode(_ snapshot: SnapshotInfo) -> JSONValue {
        .object(
            ("snapshot", .string(snapshot.name)), ("table", .string(snapshot.table)),
            ("made_ms", .integer(snapshot.milliseconds)),
            ("file_bytes", .integer(Int64(snapshot.fileBytes))))
    }
}
