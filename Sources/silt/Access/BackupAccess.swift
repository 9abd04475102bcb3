import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import SiltstoneServer

/// What commands need of backups, of a directory or of a server: the same on both.
protocol BackupAccess {
    /// Keeps tables, or all, under a name.
    func create(_ name: String, of tables: [String]?) throws -> BackupInfo
    /// Keeps a snapshot under its own name.
    func export(_ snapshot: String) throws
    /// Keeps what feeds told since; how many changes.
    func keepChanges() throws -> Int
    /// The backups, by name.
    func list() throws -> [BackupInfo]
    /// Makes a table of one in a backup.
    func restore(_ table: String, from backup: String?, as name: String?, at milliseconds: Int64?)
        throws
    /// Deletes a backup.
    func drop(_ name: String) throws
}

/// Backups in a directory, of a database that this process opens when it is needed.
struct EmbeddedBackups: BackupAccess {
    let directory: String
    let data: String

    /// The backups; the directory is made when it is missing and `creates`.
    func open(creates: Bool = false) throws -> BackupDirectory {
        BackupDirectory(try BackupPlace.posix(directory: directory, creates: creates))
    }

    private func withStore<Result>(
        creates: Bool = false, _ body: (TableStore) throws -> Result
    ) throws -> Result {
        let access = try EmbeddedAccess(directory: data, creates: creates)
        let result: Result
        do { result = try body(access.store) } catch {
            try? access.close()
            throw error
        }
        try access.close()
        return result
    }

    func create(_ name: String, of tables: [String]?) throws -> BackupInfo {
        try withStore { try $0.createBackup(name, of: tables, in: open(creates: true)) }
    }

    func export(_ snapshot: String) throws {
        _ = try withStore { try $0.exportSnapshot(snapshot, to: open(creates: true)) }
    }

    func keepChanges() throws -> Int { try withStore { try $0.archiveChanges(in: open()) } }

    func list() throws -> [BackupInfo] { try open().backups() }

    func restore(_ table: String, from backup: String?, as name: String?, at milliseconds: Int64?)
        throws
    {
        let backups = try open()
        try withStore(creates: true) { store in
            _ = try store.restoreTable(
                table, from: backups, backup: backup, as: name, atMilliseconds: milliseconds)
        }
    }

    func drop(_ name: String) throws { try open().drop(name) }
}

/// Backups in the directory that a server was given.
struct RemoteBackups: BackupAccess {
    let access: RemoteAccess

    func create(_ name: String, of tables: [String]?) throws -> BackupInfo {
        let body =
            tables.map { JSONValue.object(("tables", .array($0.map { .string($0) }))) }
            ?? .object([])
        return try info(access.json(access.client.send("PUT", path(name), body.bytes)))
    }

    func export(_ snapshot: String) throws {
        let body = JSONValue.object(("snapshot", .string(snapshot)))
        _ = try access.client.send("PUT", path(snapshot), body.bytes)
    }

    func keepChanges() throws -> Int {
        let answer = try access.json(access.client.send("POST", "/v1/backups"))
        guard let count = answer["changes"]?.integerValue else { throw access.strange(answer.text) }
        return Int(count)
    }

    func list() throws -> [BackupInfo] {
        let answer = try access.json(access.client.get("/v1/backups"))
        return try (answer["backups"]?.arrayValue ?? []).map(info)
    }

    func restore(_ table: String, from backup: String?, as name: String?, at milliseconds: Int64?)
        throws
    {
        var members = [JSONValue.Member("table", .string(table))]
        if let backup { members.append(.init("backup", .string(backup))) }
        if let name { members.append(.init("as", .string(name))) }
        if let milliseconds { members.append(.init("at_ms", .integer(milliseconds))) }
        _ = try access.client.send(
            "POST", "/v1/backups/restore", JSONValue.object(members).bytes)
    }

    func drop(_ name: String) throws { _ = try access.client.send("DELETE", path(name)) }

    private func path(_ name: String) -> String {
        "/v1/backups/\(HTTPClient.escape(Bytes(name)))"
    }

    private func info(_ answer: JSONValue) throws -> BackupInfo {
        guard let info = BackupJSON.decode(answer) else { throw access.strange(answer.text) }
        return info
    }
}
