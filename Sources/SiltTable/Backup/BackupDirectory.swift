import SiltBytes
import SiltFormat
package import SiltIO
import SiltLSM
package import SiltModel
import Synchronization

/// A directory of backups, which share a pool of table files; it needs no database to be read.
///
/// A backup is one record, which names the files that its tables are made of. The record is written last and deleted
/// first; files that no record names belong to nobody. Beside the backups lie changes that feeds told, in records that
/// follow one another without gap.
///
/// One at a time changes it. Part of the format: docs/format/backup.md.
package final class BackupDirectory: Sendable {
    let objects: any ObjectStore
    private let coordinator: any Coordinator
    private let changing = Mutex(())

    /// The backups at a place.
    package init(_ place: BackupPlace) {
        objects = place.objects
        coordinator = place.coordinator
    }

    /// The backups, by name.
    ///
    /// - Throws: `corrupted` naming the file of a record that is damaged.
    package func backups() throws(SiltstoneError) -> [BackupInfo] {
        var infos: [BackupInfo] = []
        for record in try records() {
            var info = Self.info(record)
            for (place, table) in record.tables.enumerated() {
                info.tables[place].untilMilliseconds = try chain(of: table)?.untilMilliseconds
            }
            infos.append(info)
        }
        return infos
    }

    /// Deletes a backup, and the files and changes that no other needs.
    ///
    /// - Throws: `notFound`; `corrupted` when another record is damaged, as what it needs is not known then.
    package func drop(_ name: String) throws(SiltstoneError) {
        try exclusively { () throws(SiltstoneError) in
            _ = try record(name)
            let others = try records().filter { $0.name != name }
            try objects.delete([BackupRecord.key(name)])
            try deleteUnused(others)
        }
    }

    /// Runs `body` while nobody else changes the directory.
    ///
    /// - Throws: `conflict` when another process does.
    func exclusively<Result>(_ body: () throws(SiltstoneError) -> Result) throws(SiltstoneError)
        -> Result
    {
        var result: Result?
        try changing.withLock { _ throws(SiltstoneError) in
            try coordinator.join()
            defer { coordinator.leave() }
            guard try objects.size(FormatRecord.key) == nil else {
                throw SiltstoneError(
                    .invalidArgument, "this is a data directory, not one for backups")
            }
            _ = try objects.removeUnfinished()
            result = try body()
        }
        guard let result else { throw SiltstoneError(.cancelled, "backup was not begun") }
        return result
    }

    /// Throws unless a backup may have this name.
    static func check(name: String) throws(SiltstoneError) {
        guard !name.contains("/"), ObjectKey.isValid(BackupRecord.key(name)) else {
            throw SiltstoneError(
                .invalidArgument,
                "name of a backup must be of letters, digits, _ - and . name=\(name)")
        }
    }

    /// All records, by name.
    func records() throws(SiltstoneError) -> [BackupRecord] {
        var records: [BackupRecord] = []
        for key in try objects.list(prefix: BackupRecord.keyPrefix, after: nil) {
            records.append(try read(key))
        }
        return records
    }

    /// The record of a name.
    func record(_ name: String) throws(SiltstoneError) -> BackupRecord {
        try Self.check(name: name)
        let key = BackupRecord.key(name)
        guard try objects.size(key) != nil else {
            throw SiltstoneError(.notFound, "no such backup backup=\(name)")
        }
        return try read(key)
    }

    /// The record at a key.
    func read(_ key: String) throws(SiltstoneError) -> BackupRecord {
        let bytes = try objects.get(key)
        do throws(DecodingError) {
            let record = try BackupRecord(decoding: bytes)
            guard key == BackupRecord.key(record.name) else {
                throw DecodingError(offset: 20, "backup has another name name=\(record.name)")
            }
            return record
        } catch {
            throw SiltstoneError(
                .corrupted, error.message, at: .init(file: key, offset: error.offset))
        }
    }

    /// Writes a record: the commit point of a backup.
    func write(_ record: BackupRecord) throws(SiltstoneError) {
        guard try objects.putIfAbsent(BackupRecord.key(record.name), record.encoded()) else {
            throw SiltstoneError(.alreadyExists, "backup exists backup=\(record.name)")
        }
    }

    /// What users want to know of a backup, without the changes beside it.
    static func info(_ record: BackupRecord) -> BackupInfo {
        BackupInfo(
            name: record.name, milliseconds: record.createdMilliseconds,
            tables: record.tables.map {
                BackupInfo.Table(
                    name: SnapshotAttributes.tableName(of: $0.schema),
                    milliseconds: $0.milliseconds)
            },
            fileCount: record.files.count,
            fileBytes: record.files.reduce(0) { $0 + Int(clamping: $1.byteCount) })
    }
}

/// A backup.
package struct BackupInfo: Sendable, Hashable {
    /// A table of a backup.
    package struct Table: Sendable, Hashable {
        /// Its name.
        package var name: String
        /// The time stamp, in milliseconds since 1970, of which it is.
        package var milliseconds: Int64
        /// Up to which time stamp it can be brought by the changes that lie beside it; `nil` without such.
        package var untilMilliseconds: Int64?

        /// A table.
        package init(name: String, milliseconds: Int64, untilMilliseconds: Int64? = nil) {
            self.name = name
            self.milliseconds = milliseconds
            self.untilMilliseconds = untilMilliseconds
        }
    }

    /// Its name.
    package var name: String
    /// When it was made, in milliseconds since 1970.
    package var milliseconds: Int64
    /// The tables, by name.
    package var tables: [Table]
    /// How many files it consists of, and their bytes; other backups may consist of the same.
    package var fileCount: Int
    /// The bytes of those files.
    package var fileBytes: Int
    /// How many bytes were copied for it, when it was just made.
    package var copiedBytes: Int

    /// A backup.
    package init(
        name: String, milliseconds: Int64, tables: [Table], fileCount: Int, fileBytes: Int,
        copiedBytes: Int = 0
    ) {
        self.name = name
        self.milliseconds = milliseconds
        self.tables = tables
        self.fileCount = fileCount
        self.fileBytes = fileBytes
        self.copiedBytes = copiedBytes
    }
}
