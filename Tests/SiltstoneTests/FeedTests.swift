import Foundation
import Siltstone
import Testing

@Suite("Change feeds in the library")
struct FeedLibraryTests {
    private func withTable(_ body: @Sendable (Database, Table) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withDatabase(at: path) { database in
            let table = try await database.createTable("t", families: [Family("f")])
            try await database.enableFeed("t", retention: .seconds(60))
            try await body(database, table)
        }
    }

    @Test("a reader waits for changes, and goes on after the last one it saw")
    func waiting() async throws {
        try await withTable { _, table in
            let reader = Task {
                var rows: [Bytes] = []
                for try await change in table.changes() {
                    if case .row(let mutation) = change.kind { rows.append(mutation.row) }
                    if rows.count == 3 { return (rows, change.position) }
                }
                return (rows, ChangePosition.start)
            }
            for row in ["a", "b", "c", "d"] as [Bytes] {
                try await table.put(row, ["f:q": "v"])
            }
            let (rows, position) = try await reader.value
            #expect(rows == ["a", "b", "c"])
            var rest = table.changes(after: position).makeAsyncIterator()
            let change = try #require(try await rest.next())
            #expect(try await table.lastChange() == change.position)
            if case .row(let mutation) = change.kind { #expect(mutation.row == "d") }
        }
    }

    @Test("a waiting reader ends when its task is cancelled and when the feed ends")
    func ending() async throws {
        try await withTable { database, table in
            func read() -> Task<SiltstoneError.Code?, Never> {
                Task {
                    var changes = table.changes().makeAsyncIterator()
                    do throws(SiltstoneError) {
                        _ = try await changes.next()
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            let cancelled = read()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            let ended = read()
            try await database.disableFeed("t")
            #expect(await ended.value == .notFound)
        }
    }
}
