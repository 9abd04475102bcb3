import Foundation
import Siltstone
import Testing

@Suite("Backups in the library")
struct BackupLibraryTests {
    @Test("tables are backed up, restored to a time, and verified")
    func life() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let place = folder.appendingPathComponent("backups").path
        let before = try await withDatabase(at: folder.appendingPathComponent("a").path) {
            database in
            let stock = try await database.createTable("stock", families: [Family("s")])
            try await database.enableFeed("stock", retention: .seconds(3_600))
            try await stock.put("apple", ["s:count": "7"])
            let backups = try await database.backups(at: place)
            let monday = try await backups.create("monday")
            #expect(monday.tables.map(\.name) == ["stock"] && monday.copiedBytes > 0)
            try await stock.put("apple", ["s:count": "3"])
            let moment = try #require(try await stock.get("apple")?["s:count"]?.timestamp)
            try await Task.sleep(for: .milliseconds(20))
            try await stock.put("apple", ["s:count": "1"])
            try await Task.sleep(for: .milliseconds(20))
            #expect(try await backups.keepChanges() == 2)
            try await database.createSnapshot("s", of: "stock")
            try await backups.export(snapshot: "s")
            return moment
        }
        try await withDatabase(at: folder.appendingPathComponent("b").path) { database in
            let backups = try await database.backups(at: place)
            #expect(try await backups.verify() == [])
            #expect(try await backups.list().map(\.name) == ["monday", "s"])
            func count(_ table: Table) async throws -> String? {
                try await table.get("apple")?["s:count"]?.value.string
            }
            #expect(try await count(backups.restore("stock", backup: "monday")) == "7")
            #expect(
                try await count(
                    backups.restore("stock", backup: "monday", as: "then", at: before)) == "3")
            #expect(try await count(backups.restore("stock", as: "last")) == "1")
            try await backups.drop("monday")
            #expect(try await backups.list().map(\.name) == ["s"])
            #expect(try await backups.verify() == [])
        }
    }
}
