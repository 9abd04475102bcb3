import NIOHTTP1
import SiltModel
import SiltTable

/// `/v1/backups` and what is below: backups in the directory that the server was given.
struct BackupRoutes {
    let router: Router
    let request: Request

    /// `/v1/backups`: the list; a POST keeps what feeds told since.
    func reply() throws(SiltstoneError) -> Reply {
        let (store, backups) = (router.store, try directory())
        if request.isRead {
            return .work { () throws(SiltstoneError) in
                let infos = try backups.backups()
                return .json(
                    .ok, .object(("backups", .array(infos.map { BackupJSON.encode($0) }))))
            }
        }
        guard request.method == .POST else { return V1Routes.methodNotAllowed("GET, POST") }
        return .work { () throws(SiltstoneError) in
            let count = try store.archiveChanges(in: backups)
            return .json(.ok, .object(("changes", .integer(Int64(count)))))
        }
    }

    /// `/v1/backups/{backup}`, and `/v1/backups/restore`, which names the backup in its body.
    func reply(_ name: String) throws(SiltstoneError) -> Reply {
        let (store, backups) = (router.store, try directory())
        switch request.method {
        case .POST where name == "restore": return try restore(store, backups)
        case .PUT:
            let body = try body()
            let snapshot = try text("snapshot", of: body)
            let tables = try tables(of: body)
            return .work { () throws(SiltstoneError) in
                let info: BackupInfo
                if let snapshot {
                    guard snapshot == name else {
                        throw SiltstoneError(
                            .invalidArgument, "a snapshot is kept under its own name")
                    }
                    info = try store.exportSnapshot(snapshot, to: backups)
                } else {
                    info = try store.createBackup(name, of: tables, in: backups)
                }
                return .json(.created, BackupJSON.encode(info))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try backups.drop(name)
                return .json(.ok, .object(("dropped", .string(name))))
            }
        default: return V1Routes.methodNotAllowed("PUT, DELETE")
        }
    }

    private func restore(_ store: TableStore, _ backups: BackupDirectory) throws(SiltstoneError)
        -> Reply
    {
        let body = try body()
        guard let table = try text("table", of: body) else {
            throw SiltstoneError(.invalidArgument, "the body names a table")
        }
        let backup = try text("backup", of: body)
        let name = try text("as", of: body)
        var moment: Int64?
        if let at = body["at_ms"], !at.isNull {
            guard let number = at.integerValue else {
                throw SiltstoneError(.invalidArgument, "at_ms is not a number of milliseconds")
            }
            moment = number
        }
        return .work { [moment] () throws(SiltstoneError) in
            let made = try store.restoreTable(
                table, from: backups, backup: backup, as: name, atMilliseconds: moment)
            return .json(.created, TableSchemaJSON.encode(made.definition))
        }
    }

    private func directory() throws(SiltstoneError) -> BackupDirectory {
        guard let backups = router.backups else {
            throw SiltstoneError(
                .notFound, "the server was given no directory for backups: see backup_dir")
        }
        return backups
    }

    private func body() throws(SiltstoneError) -> JSONValue {
        request.body.isEmpty ? .object([]) : try RowJSON.body(request)
    }

    private func text(_ name: String, of body: JSONValue) throws(SiltstoneError) -> String? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let text = value.stringValue else {
            throw SiltstoneError(.invalidArgument, "\(name) is not a text")
        }
        return text
    }

    private func tables(of body: JSONValue) throws(SiltstoneError) -> [String]? {
        guard let value = body["tables"], !value.isNull else { return nil }
        let names = value.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == value.arrayValue?.count else {
            throw SiltstoneError(.invalidArgument, "tables is not a list of names")
        }
        return names
    }
}
