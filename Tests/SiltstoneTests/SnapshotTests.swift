import Foundation
import Siltstone
import Testing

@Suite("Snapshots in the library")
struct SnapshotLibraryTests {
    @Test("a snapshot is read, cloned, restored and dropped")
    func life() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withDatabase(at: path) { database in
            let stock = try await database.createTable("stock", families: [Family("s")])
            try await stock.put("apple", ["s:count": "7"])
            try await database.createSnapshot("monday", of: "stock")
            try await stock.put("apple", ["s:count": "3"])
            let monday = try database.snapshotTable("monday")
            #expect(try await monday.get("apple")?["s:count"]?.value == "7")
            #expect(database.snapshots.map(\.name) == ["monday"])
            #expect(database.snapshots.map(\.table) == ["stock"])
            let copy = try await database.cloneSnapshot("monday", to: "copy")
            #expect(try await copy.get("apple")?["s:count"]?.value == "7")
            try await database.restoreSnapshot("monday")
            #expect(try await stock.get("apple")?["s:count"]?.value == "7")
            try await database.dropSnapshot("monday")
            #expect(database.snapshots.isEmpty)
        }
    }

    @Test("the filter of the article about aggregation counts two rows")
    func article() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withDatabase(at: path) { database in
            let requests = try await database.createTable("requests", families: [Family("r")])
            for (key, bytes) in [("de#1", "100"), ("de#2", "250"), ("fr#1", "40")] {
                try await requests.put(Bytes(key), ["r:bytes": Bytes(bytes)])
            }
            let large = try Filter(
                parsing: "SingleColumnValueFilter('r', 'bytes', >=, 'number:100')")
            let groups = try await requests.aggregate(
                Aggregation([Aggregation.Item(parsing: "n=count()")], filter: large))
            let text = groups.map { "\($0.values[0])" }
            #expect(text == ["int(2)"])
        }
    }
}
