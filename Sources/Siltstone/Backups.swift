import SiltIO
public import SiltModel
import SiltTable

/// A backup of tables.
public struct Backup: Sendable, Hashable {
    /// A table of a backup.
    public struct Table: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// The time stamp of which it is, in milliseconds since 1970.
        public let timestamp: Int64
        /// Up to which time stamp it can be restored, by the changes that lie beside the backup; `nil` without such.
        public let restorableUntil: Int64?
    }

    /// Its name.
    public let name: String
    /// When it was made, in milliseconds since 1970.
    public let timestamp: Int64
    /// The tables, by name.
    public let tables: [Table]
    /// The bytes of the files that it consists of; other backups of the directory may consist of the same.
    public let fileBytes: Int
    /// How many bytes were copied for it, when it was just made; else 0.
    public let copiedBytes: Int

    init(_ info: BackupInfo) {
        name = info.name
        timestamp = info.milliseconds
        tables = info.tables.map {
            Table(
                name: $0.name, timestamp: $0.milliseconds, restorableUntil: $0.untilMilliseconds)
        }
        fileBytes = info.fileBytes
        copiedBytes = info.copiedBytes
    }
}

/// A directory of backups.
///
/// Backups share files: one after another copies only what is new. A directory can be moved or copied as a whole, and
/// restored from by any database. See `docs/backups.md`.
public struct Backups: Sendable {
    private let database: Database
    private let directory: BackupDirectory

    init(_ database: Database, _ directory: BackupDirectory) {
        self.database = database
        self.directory = directory
    }

    /// Keeps tables as they are at one moment; durable on return.
    ///
    /// Readers and writers go on. What is copied is read again and verified. What change feeds of the tables told since the
    /// backup before is kept, too.
    ///
    /// - Parameter tables: `nil` for all.
    /// - Throws: `alreadyExists`; `notFound`; `corrupted` when a file is damaged; `conflict` when another process is at it.
    /// - Complexity: disk I/O linear in the files that the directory does not have yet.
    @discardableResult
    public func create(_ name: String, tables: [String]? = nil) async throws(SiltstoneError)
        -> Backup
    {
        let (store, directory) = (database.store, directory)
        return try await database.bridge.run { () throws(SiltstoneError) in
            Backup(try store.createBackup(name, of: tables, in: directory))
        }
    }

    /// Keeps a snapshot under its own name; durable on return.
    ///
    /// - Throws: as `create`.
    @discardableResult
    public func export(snapshot: String) async throws(SiltstoneError) -> Backup {
        let (store, directory) = (database.store, directory)
        return try await database.bridge.run { () throws(SiltstoneError) in
            Backup(try store.exportSnapshot(snapshot, to: directory))
        }
    }

    /// Keeps what change feeds of tables told since the last backup or call of this, so that the tables can be restored to any
    /// time in between.
    ///
    /// - Returns: how many changes.
    /// - Throws: `expired` when some are not kept any more: then make a backup.
    @discardableResult
    public func keepChanges() async throws(SiltstoneError) -> Int {
        let (store, directory) = (database.store, directory)
        return try await database.bridge.run { () throws(SiltstoneError) in
            try store.archiveChanges(in: directory)
        }
    }

    /// The backups, by name.
    ///
    /// - Throws: `corrupted` when one is damaged.
    public func list() async throws(SiltstoneError) -> [Backup] {
        let directory = directory
        return try await database.bridge.run { () throws(SiltstoneError) in
            try directory.backups().map(Backup.init)
        }
    }

    /// Makes a table of one in a backup.
    ///
    /// It is durable on return, and before that there is none. Every byte that is used is verified first.
    ///
    /// - Parameters:
    ///   - table: the table's name in the backup.
    ///   - backup: the backup; `nil` for the newest that has the table, at the time given.
    ///   - name: the new table's name; `nil` for the same.
    ///   - timestamp: the table holds what was committed up to then; `nil` for what the backup holds.
    /// - Throws: `alreadyExists`; `notFound`; `expired` when the changes up to the time are not there; `corrupted` naming the
    ///   damaged file.
    @discardableResult
    public func restore(
        _ table: String, backup: String? = nil, as name: String? = nil, at timestamp: Int64? = nil
    ) async throws(SiltstoneError) -> Table {
        let (store, directory) = (database.store, directory)
        let stored = try await database.bridge.run { () throws(SiltstoneError) in
            try store.restoreTable(
                table, from: directory, backup: backup, as: name, atMilliseconds: timestamp)
        }
        return Table(stored: stored, bridge: database.bridge)
    }

    /// Reads everything in the directory.
    ///
    /// - Returns: what is damaged, each with its file; nothing when all is whole.
    public func verify() async throws(SiltstoneError) -> [String] {
        let directory = directory
        return try await database.bridge.run { () throws(SiltstoneError) in
            try directory.verify().problems
        }
    }

    /// Deletes a backup, and the files and changes that no other needs.
    ///
    /// - Throws: `notFound`; `corrupted` when another backup is damaged, as what it needs is not known then.
    public func drop(_ name: String) async throws(SiltstoneError) {
        let directory = directory
        try await database.bridge.run { () throws(SiltstoneError) in try directory.drop(name) }
    }
}

extension Database {
    /// The backups in the directory of a path, which is created when it is missing.
    ///
    /// - Throws: `unavailable` when the path cannot be used.
    public func backups(at path: String) async throws(SiltstoneError) -> Backups {
        let place = try await bridge.run { () throws(SiltstoneError) in
            try BackupPlace.posix(directory: path, creates: true)
        }
        return Backups(self, BackupDirectory(place))
    }
}
