import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Testing

@testable import SiltTable

@Suite("Backups")
struct BackupTests {
    private static let day: Int64 = 86_400_000

    private let disk = MemoryDisk()

    private var directory: BackupDirectory { BackupDirectory(.memory(disk: disk)) }

    /// Regions that share a file by parts, cells in files and in memory, deleted ones, an index.
    private func makeTable(_ harness: TableHarness, _ name: String, hashBuckets: Int? = nil) throws
        -> StoredTable
    {
        let table = try harness.store.createTable(
            TableDefinition(
                name,
                families: [
                    Family("f", maxVersions: 3),
                    Family("g", blockBytes: 1_024, compression: .zstd(level: 3)),
                ], hashBuckets: hashBuckets, attributes: ["owner": "ada"]))
        try harness.store.createIndex(name, ColumnIndex("f:a"))
        for number in 0..<200 {
            let row = Bytes("r\(number)")
            try table.write([
                .put(row, "f:a", Bytes("\(number % 5)")),
                .put(row, "g:b", Bytes("value \(number)")),
            ])
        }
        try table.flush()
        try table.write([
            .put("r1", "f:a", "later"), .marker("r2", Column("g", .empty), .deleteFamily),
        ])
        try table.flush()
        if hashBuckets == nil { try harness.store.split(name, at: "r5") }
        try table.write([.put("r3", "f:a", "in memory")])
        // The clock overtakes the time stamps that so many batches were given while it stood still.
        harness.clock.advance(milliseconds: 1_000)
        return table
    }

    private func rows(_ table: StoredTable) throws -> [String] {
        try table.scan(.all, Projection(maxVersions: 3)).rest().map { "\($0.key) \($0.text)" }
    }

    /// The rows of a value, by the index.
    private func found(_ table: StoredTable, _ value: Bytes) throws -> [Bytes] {
        let projection = Projection(
            filter: .singleColumnValue(
                Filter.ColumnTest(family: "f", qualifier: "a", .equal, .binary(value)),
                Filter.RowRule(dropsIfMissing: true, latestOnly: true)))
        #expect(try table.indexUsed(for: projection)?.column == "f:a")
        return try table.scan(.all, projection).rest().map(\.key)
    }

    @Test("tables come back in another database as they were at the moment of the backup")
    func restores() throws {
        let harness = try TableHarness()
        let plain = try makeTable(harness, "plain")
        let hashed = try makeTable(harness, "hashed", hashBuckets: 4)
        let before = (try rows(plain), try rows(hashed))
        let info = try harness.store.createBackup("monday", in: directory)
        #expect(info.tables.map(\.name) == ["hashed", "plain"])
        #expect(info.copiedBytes == info.fileBytes && info.fileBytes > 0)
        try plain.write([.put("z", "f:a", "later")])
        try hashed.compact()
        let other = try TableHarness()
        let wanted: [(String, String?, [String])] = [
            ("plain", nil, before.0), ("hashed", "other", before.1),
        ]
        for (name, target, before) in wanted {
            let table = try other.store.restoreTable(name, from: directory, as: target)
            #expect(try rows(table) == before)
            #expect(table.definition.attributes["owner"] == "ada")
            #expect(try found(table, "later") == ["r1"])
            #expect(try found(table, "in memory") == ["r3"])
        }
        // Again, and into the same database: files have identifiers of their own.
        let again = try other.store.restoreTable("plain", from: directory, as: "again")
        let same = try harness.store.restoreTable("plain", from: directory, as: "again")
        try again.compact()
        try same.write([.put("r1", "f:a", "its own way")])
        try harness.sweep()
        try other.sweep()
        try other.reopen()
        try harness.reopen()
        for name in ["plain", "other", "again"] {
            let table = try other.store.table(name)
            #expect(try rows(table) == (name == "other" ? before.1 : before.0))
            try table.write([.put("new", "f:a", "1")])
            try table.compact()
            #expect(try table.get("new")?.values == ["f:a=1"])
        }
        #expect(try harness.store.table("again").get("r1")?.values.first == "f:a=its own way")
        #expect(
            other.store.tables(includesSystem: true).allSatisfy {
                !$0.definition.name.hasPrefix("silt:import.")
            })
    }

    @Test("a snapshot is exported under its name, and comes back as a table")
    func exports() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, "t")
        let before = try rows(table)
        try harness.store.createSnapshot("s", of: "t")
        try table.write([.put("z", "f:a", "later")])
        _ = try harness.store.exportSnapshot("s", to: directory)
        try harness.store.dropSnapshot("s")
        try harness.sweep()
        let other = try TableHarness()
        let copy = try other.store.restoreTable("t", from: directory, backup: "s", as: "copy")
        #expect(try rows(copy) == before)
        #expect(throws: SiltstoneError.self) {
            try harness.store.exportSnapshot("s", to: directory)
        }
    }

    @Test("only new files are copied, and those that no backup needs go with the last that did")
    func increments() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, "t")
        let first = try harness.store.createBackup("1", in: directory)
        let same = try harness.store.createBackup("2", in: directory)
        #expect(same.copiedBytes == 0 && same.fileBytes == first.fileBytes)
        try table.write([.put("new", "f:a", "1")])
        let more = try harness.store.createBackup("3", in: directory)
        #expect(more.copiedBytes > 0 && more.copiedBytes < more.fileBytes)
        let before = try rows(table)
        try table.compact()
        _ = try harness.store.createBackup("4", in: directory)
        #expect(try directory.backups().map(\.name) == ["1", "2", "3", "4"])
        #expect(try directory.verify().problems == [])
        func files() throws -> Int { try disk.objects.list(prefix: "tables/", after: nil).count }
        let all = try files()
        try directory.drop("1")
        #expect(try files() == all)
        for name in ["2", "4"] { try directory.drop(name) }
        #expect(try files() == directory.backups()[0].fileCount)
        #expect(try directory.verify().problems == [])
        let copy = try harness.store.restoreTable("t", from: directory, as: "copy")
        #expect(try rows(copy) == before)
        try directory.drop("3")
        #expect(try files() == 0)
    }

    @Test("what would be replaced, is not there or is misnamed is refused")
    func refusals() throws {
        let harness = try TableHarness()
        _ = try makeTable(harness, "t")
        _ = try harness.store.createBackup("1", in: directory)
        func code(_ body: () throws -> Void) -> SiltstoneError.Code? {
            do { try body() } catch { return (error as? SiltstoneError)?.code }
            return nil
        }
        let store = harness.store
        #expect(code { _ = try store.createBackup("1", in: directory) } == .alreadyExists)
        #expect(code { _ = try store.createBackup("a/b", in: directory) } == .invalidArgument)
        #expect(code { _ = try store.createBackup("2", of: ["no"], in: directory) } == .notFound)
        #expect(code { _ = try store.restoreTable("t", from: directory) } == .alreadyExists)
        #expect(code { _ = try store.restoreTable("no", from: directory) } == .notFound)
        #expect(
            code { _ = try store.restoreTable("t", from: directory, backup: "9", as: "x") }
                == .notFound)
        #expect(
            code { _ = try store.restoreTable("t", from: directory, as: "silt:x") }
                == .invalidArgument)
        #expect(code { try directory.drop("9") } == .notFound)
        // It had no feed.
        #expect(
            code {
                _ = try store.restoreTable(
                    "t", from: directory, as: "x", atMilliseconds: harness.tick())
            } == .expired)
        let data = BackupDirectory(.memory(disk: harness.disk))
        #expect(code { _ = try store.createBackup("1", in: data) } == .conflict)
        try harness.store.close()
        #expect(code { try data.drop("1") } == .invalidArgument)
    }

    @Test("damage anywhere in a backup is named, and nothing is restored")
    func damage() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, "t")
        try harness.store.enableFeed("t", retentionMilliseconds: Self.day)
        try table.write([.put("fed", "f:a", "1")])
        harness.clock.advance(milliseconds: 10)
        let info = try harness.store.createBackup("1", in: directory)
        let until = try #require(info.tables[0].untilMilliseconds)
        // A list reads of changes no more than their heads.
        let wholeReads = disk.callCount(.get)
        #expect(try directory.backups().map(\.tables[0].untilMilliseconds) == [until])
        #expect(disk.callCount(.get) == wholeReads + 1)
        var random = Xoshiro256(seed: 5)
        func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        let keys = try disk.objects.list(prefix: "", after: nil)
        #expect(Set(keys.map { $0.prefix(7) }) == ["backups", "changes", "tables/"])
        for key in keys {
            let whole = try disk.objects.get(key)
            var damaged: [[UInt8]] = [Array(whole.dropLast(1 + below(40))), []]
            for _ in 0..<6 {
                var bytes = whole
                bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
                damaged.append(bytes)
            }
            for bytes in damaged {
                try disk.objects.delete([key])
                _ = try disk.objects.putIfAbsent(key, bytes)
                try expectRefused(harness, key, until)
            }
            try disk.objects.delete([key])
            if key.hasPrefix("tables/") { try expectRefused(harness, key, until) }
            _ = try disk.objects.putIfAbsent(key, whole)
        }
        // All is whole again.
        _ = try harness.store.restoreTable("t", from: directory, as: "copy", atMilliseconds: until)
    }

    private func expectRefused(_ harness: TableHarness, _ key: String, _ until: Int64) throws {
        let problems = try directory.verify().problems
        #expect(problems.count == 1 && problems.allSatisfy { $0.contains(key) }, "\(problems)")
        do throws(SiltstoneError) {
            _ = try harness.store.restoreTable(
                "t", from: directory, as: "copy", atMilliseconds: until)
            Issue.record("restored in spite of damage key=\(key)")
        } catch {
            #expect(error.code == .corrupted && error.location?.file == key, "\(error)")
        }
        #expect(harness.store.tables().map(\.definition.name) == ["t"])
    }

    @Test("a damaged file of the database is not backed up")
    func damagedSource() throws {
        let harness = try TableHarness()
        let table = try makeTable(harness, "t")
        try table.compact()
        let elsewhere = MemoryDisk()
        _ = try harness.store.createBackup("0", in: BackupDirectory(.memory(disk: elsewhere)))
        let key = try #require(
            try elsewhere.objects.list(prefix: "tables/", after: nil).first)
        var bytes = try harness.disk.objects.get(key)
        bytes[10] ^= 1
        try harness.disk.objects.delete([key])
        _ = try harness.disk.objects.putIfAbsent(key, bytes)
        do throws(SiltstoneError) {
            _ = try harness.store.createBackup("1", in: directory)
            Issue.record("backed up in spite of damage")
        } catch {
            #expect(error.code == .corrupted && error.location?.file == key, "\(error)")
        }
        #expect(try directory.backups() == [])
        #expect(try disk.objects.size(key) == nil)
    }
}

extension TableHarness {
    fileprivate func sweep() throws {
        clock.advance(milliseconds: 3_600_000 * 24)
        try store.sweep()
        try store.sweep()
    }
}
