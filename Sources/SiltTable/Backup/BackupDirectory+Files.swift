import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
package import SiltModel

/// The pool of table files.
extension BackupDirectory {
    /// What `verify` found.
    package struct Findings: Sendable {
        /// How many backups, table files and records of changes were read.
        package var backups = 0
        /// How many table files were read.
        package var files = 0
        /// Their bytes.
        package var bytes = 0
        /// How many records of changes were read.
        package var changes = 0
        /// What is damaged, each with its file.
        package var problems: [String] = []
    }

    /// Copies the files into the pool that are not there yet, each verified.
    ///
    /// - Parameter records: all backups; what they name is there, unless it is gone or cut short.
    /// - Returns: all of the files, and how many bytes were copied.
    func add(_ files: [TableFile], from source: any ObjectStore, _ records: [BackupRecord])
        throws(SiltstoneError) -> (files: [BackupRecord.File], copiedBytes: Int)
    {
        var known: [Identifier: BackupRecord.File] = [:]
        for file in records.flatMap(\.files) { known[file.id] = file }
        var added: [Identifier: BackupRecord.File] = [:]
        var copiedBytes = 0
        for file in files where added[file.id] == nil {
            let size = try objects.size(file.key)
            if let there = known[file.id], let size, size == Int(clamping: there.byteCount) {
                added[file.id] = there
                continue
            }
            // What an interrupted backup left, or what is damaged.
            if size != nil { try objects.delete([file.key]) }
            let (byteCount, checksum) = try TableCopy.copy(file, from: source, to: objects)
            let copy = BackupRecord.File(
                id: file.id, table: file.table, byteCount: byteCount, checksum: checksum)
            if let there = known[file.id], there != copy {
                throw SiltstoneError(
                    .corrupted, "file is not the one that was backed up before",
                    at: .init(file: file.key))
            }
            added[file.id] = copy
            copiedBytes += Int(clamping: byteCount)
        }
        return (added.values.sorted { $0.id < $1.id }, copiedBytes)
    }

    /// Throws `corrupted`, naming the file, unless all files of a table are what they were.
    func check(_ table: BackupRecord.Table, of record: BackupRecord) throws(SiltstoneError) {
        var used: Set<Identifier> = []
        for region in table.regions {
            if let problem = ManifestCheck(region).problems.first {
                throw SiltstoneError(
                    .corrupted, "backup contradicts itself: \(problem)",
                    at: .init(file: BackupRecord.key(record.name)))
            }
            used.formUnion(region.trees.flatMap(\.runs).flatMap(\.files).map(\.id))
        }
        for file in record.files where used.contains(file.id) { try check(file) }
    }

    private func check(_ file: BackupRecord.File) throws(SiltstoneError) {
        let size = try objects.size(file.key)
        guard let size, UInt64(size) == file.byteCount else {
            throw SiltstoneError(
                .corrupted,
                "file of the backup is gone or cut short wanted=\(file.byteCount) got=\(size ?? 0)",
                at: .init(file: file.key, offset: size ?? 0))
        }
        guard try TableCopy.checksum(file.key, objects) == file.checksum else {
            throw SiltstoneError(
                .corrupted, "checksum of the whole file is wrong", at: .init(file: file.key))
        }
    }

    /// Deletes what none of the backups needs.
    func deleteUnused(_ records: [BackupRecord]) throws(SiltstoneError) {
        let used = Set(records.flatMap(\.files).map(\.key))
        let unused = try objects.list(prefix: "tables/", after: nil).filter {
            $0.hasSuffix(".sst") && !used.contains($0)
        }
        if !unused.isEmpty { try objects.delete(unused) }
        try deleteUnusedChanges(records)
    }

    /// Reads everything; what is damaged is in the findings.
    package func verify() throws(SiltstoneError) -> Findings {
        var findings = Findings()
        var seen: Set<String> = []
        for key in try objects.list(prefix: BackupRecord.keyPrefix, after: nil) {
            findings.backups += 1
            do throws(SiltstoneError) {
                let record = try read(key)
                for problem in record.tables.flatMap(\.regions).flatMap({
                    ManifestCheck($0).problems
                }) {
                    findings.problems.append("\(key): \(problem)")
                }
                for file in record.files where seen.insert(file.key).inserted {
                    findings.files += 1
                    findings.bytes += Int(clamping: file.byteCount)
                    do throws(SiltstoneError) { try check(file) } catch {
                        findings.problems.append(error.description)
                    }
                }
            } catch {
                findings.problems.append(error.description)
            }
        }
        for key in try objects.list(prefix: ChangesRecord.keyPrefix, after: nil) {
            findings.changes += 1
            do throws(SiltstoneError) {
                for entry in try changes(key).entries { _ = try FeedEntry.change(entry, in: key) }
            } catch {
                findings.problems.append(error.description)
            }
        }
        return findings
    }
}
