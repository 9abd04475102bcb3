import Foundation
import Siltstone
import Testing

@Suite("The library")
struct DatabaseTests {
    /// A directory of its own, removed at the end.
    private func withDirectory<Result>(_ body: (String) async throws -> Result) async throws
        -> Result
    {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    @Test("rows go in, survive a reopening and come out")
    func roundTrip() async throws {
        try await withDirectory { path in
            try await withDatabase(at: path) { database in
                let visits = try await database.createTable(
                    "visits",
                    families: [
                        Family("info", maxVersions: 3, timeToLive: .seconds(86_400 * 30)),
                        Family("agg"),
                    ], splitAt: ["user#5"])
                try await visits.put("user#42", ["info:name": "Ada", "agg:page": "/"])
                let row = try await visits.get("user#42", .columns("info:name", maxVersions: 2))
                #expect(row?["info:name"]?.value == "Ada")
                var batch = WriteBatch()
                batch.put("user#43", ["info:name": "Bob"], in: visits)
                batch.put("user#77", ["info:name": "Cy"], in: visits)
                batch.delete("user#42", columns: ["agg:page"], in: visits)
                #expect(batch.count == 3)
                try await database.write(batch)
            }
            try await withDatabase(at: path) { database in
                #expect(database.tables().map(\.name) == ["visits"])
                let visits = try database.table("visits")
                var names: [String] = []
                for try await row in visits.scan(prefix: "user#", .family("info")) {
                    names.append("\(row.key) \(row["info:name"]?.value.description ?? "")")
                }
                #expect(names == ["user#42 Ada", "user#43 Bob", "user#77 Cy"])
                #expect(try await visits.get("user#42")?["agg:page"] == nil)
                try await visits.delete("user#42")
                #expect(try await visits.get("user#42") == nil)
                try await database.dropTable("visits")
                #expect(database.tables().isEmpty)
            }
        }
    }

    @Test("conditions, counters and appends")
    func atomicUpdates() async throws {
        try await withDirectory { path in
            try await withDatabase(at: path) { database in
                let table = try await database.createTable("t", families: [Family("f")])
                #expect(try await table.put("r", ["f:a": "1"], if: .absent("f:a")))
                #expect(try await !table.put("r", ["f:a": "2"], if: .absent("f:a")))
                #expect(try await table.put("r", ["f:a": "2"], if: .equal("f:a", "1")))
                #expect(try await table.increment("r", "f:n", by: 2) == 2)
                #expect(try await table.increment("r", "f:n") == 3)
                #expect(try await table.append("r", "f:a", "3") == "23")
                await withTaskGroup { group in
                    for _ in 0..<20 { group.addTask { _ = try? await table.increment("r", "f:n") } }
                }
                #expect(try await table.increment("r", "f:n", by: 0) == 23)
            }
        }
    }

    @Test("long scans come in batches, in order, limited and in reverse")
    func scans() async throws {
        try await withDirectory { path in
            try await withDatabase(at: path) { database in
                let table = try await database.createTable(
                    "t", families: [Family("f")], splitAt: ["02000", "04000"])
                for start in stride(from: 0, to: 5000, by: 500) {
                    var batch = WriteBatch()
                    for number in start..<start + 500 {
                        batch.put(
                            Bytes(String(format: "%05d", number)), ["f:q": Bytes("\(number)")],
                            in: table)
                    }
                    try await database.write(batch, durability: .syncWAL)
                }
                var next = 0
                for try await row in table.scan() {
                    #expect(row.cells[0].value == Bytes("\(next)"))
                    next += 1
                }
                #expect(next == 5000)
                var keys: [Bytes] = []
                for try await row in table.scan("01990"..<"02010").limit(15) {
                    keys.append(row.key)
                }
                #expect(keys.count == 15 && keys.first == "01990" && keys.last == "02004")
                keys = []
                for try await row in table.scan(RowRange(isReversed: true)).limit(3) {
                    keys.append(row.key)
                }
                #expect(keys == ["04999", "04998", "04997"])
            }
        }
    }

    @Test("errors are typed and say what to do")
    func errors() async throws {
        try await withDirectory { path in
            let database = try await Database.open(at: path)
            do throws(SiltstoneError) {
                _ = try database.table("none")
                Issue.record("found")
            } catch { #expect(error.code == .notFound) }
            do throws(SiltstoneError) {
                _ = try await Database.open(at: path)
                Issue.record("opened twice")
            } catch { #expect(error.code == .conflict) }
            let table = try await database.createTable("t", families: [Family("f")])
            do throws(SiltstoneError) {
                try await table.put("r", ["g:q": "v"])
                Issue.record("no such family was written")
            } catch { #expect(error.code == .notFound) }
            await #expect(throws: SiltstoneError.self) {
                for try await _ in table.scan(.all, .family("g")) {}
            }
            try await database.close()
            do throws(SiltstoneError) {
                try await table.put("r", ["f:q": "v"])
                Issue.record("closed and still written")
            } catch { #expect(error.code == .closed) }
        }
    }

    @Test("a cancelled task stops its scan")
    func cancellation() async throws {
        try await withDirectory { path in
            try await withDatabase(at: path) { database in
                let table = try await database.createTable("t", families: [Family("f")])
                try await table.put("r", ["f:q": "v"])
                let task = Task { () -> SiltstoneError.Code? in
                    while !Task.isCancelled { await Task.yield() }
                    do throws(SiltstoneError) {
                        for try await _ in table.scan() {}
                        return nil
                    } catch { return error.code }
                }
                task.cancel()
                #expect(await task.value == .cancelled)
            }
        }
    }
}
