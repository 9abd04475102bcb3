import Foundation
import Siltstone
import Testing

@Suite("Jobs of the library")
struct JobTests {
    private static let text = """
        {"job": "per-minute", "source": {"file": "in.ndjson", "format": "ndjson"},
         "time": {"field": "ts", "unit": "ms"}, "key": ["k"],
         "windows": [{"name": "w", "tumble": "1m"}],
         "aggregates": {"n": "count()", "s": "sum(v)"},
         "into": {"table": "out", "row": "{key}#{window.start}", "family": "{window.name}"}}
        """

    @Test("a job turns events into rows, once")
    func run() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let input = directory.appendingPathComponent("events.ndjson").path
        let events = [(0, "a", 1), (10_000, "a", 2), (61_000, "a", 5), (62_000, "b", 7)]
        try events.map { "{\"ts\":\($0.0),\"k\":\"\($0.1)\",\"v\":\($0.2)}\n" }.joined()
            .write(toFile: input, atomically: true, encoding: .utf8)
        let job = try Job(json: Self.text)
        #expect(job.name == "per-minute")
        try await withDatabase(at: directory.appendingPathComponent("data").path) { database in
            let result = try await database.run(job, input: input)
            #expect(result.isCompleted && !result.wasCompletedBefore)
            #expect(result.recordCount == 4 && result.rowCount == 3)
            var rows: [String] = []
            for try await row in try database.table("out").scan() {
                rows.append(
                    "\(row.key) \(row["w:n"]?.value ?? "") \(row["w:s"]?.value ?? "")")
            }
            #expect(rows == ["a#0 2 3", "a#60000 1 5", "b#60000 1 7"])
            #expect(try await database.run(job, input: input).wasCompletedBefore)
            #expect(database.tables().map(\.name) == ["out"])
        }
    }

    @Test("a wrong job says where and why")
    func wrong() {
        do throws(SiltstoneError) {
            _ = try Job(json: "{\"job\": \"x\"}")
            Issue.record("accepted")
        } catch {
            #expect(error.code == .invalidArgument)
            #expect(error.message.contains("1:1"))
        }
    }
}
