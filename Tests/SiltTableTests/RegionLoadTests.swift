import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Regions under load", .serialized)
struct RegionLoadTests {
    private static var changes: Int {
        ProcessInfo.processInfo.environment["SILT_STEPS"].flatMap { Int($0) } ?? 40
    }

    private static func directory() -> String {
        NSTemporaryDirectory() + "silt-regions-\(UUID().uuidString)"
    }

    @Test(
        "writers, scanners and point reads lose nothing, and see nothing twice, while regions split and merge"
    )
    func load() throws {
        let path = RegionLoadTests.directory()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var options = EngineOptions()
        options.sweepGraceMilliseconds = 50
        options.flushBytes = 1 << 20
        options.logSegmentBytes = 4 << 20
        let store = try TableStore.open(.posix(directory: path, workerCount: 2), options)
        let table = try store.createTable(
            TableDefinition("t", families: [Family("f")], durability: .syncWAL))
        let run = RegionLoadRun(store: store, table: table, changes: Self.changes)
        runThreads(RegionLoadRun.threadCount) { run.work($0) }
        let pauses = store.regionChanges.pauseNanoseconds.map { Double($0) / 1e6 }
        let p99 = Self.percentile(pauses, 99)
        print("region changes \(pauses.count) pause_ms \(Self.figures(pauses)) \(run.figures)")
        print("longest write during each change, ms \(Self.figures(run.longestWriteMilliseconds))")
        #expect(run.faults.withLock { $0.prefix(5) } == [])
        #expect(pauses.count >= Self.changes)
        let (scanCount, getCount) = (run.scans.value, run.gets.value)
        #expect(scanCount > 0)
        #expect(getCount > 0)
        let fileCount = run.mostFiles.value
        #expect(fileCount < 200)
        // A machine shared with others delays single calls: the bound is for long runs.
        #expect(p99 <= (Self.changes >= 500 ? 50 : 1_000))
        try store.closeWithEnvironment()
        let reopened = try TableStore.open(.posix(directory: path, workerCount: 2), options)
        #expect(try run.history.faults(in: reopened.table("t").scan().rest()) == [])
        try reopened.closeWithEnvironment()
    }

    @Test("thousands of regions take neither thousands of open files nor much memory")
    func many() throws {
        let path = RegionLoadTests.directory()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let count = Self.changes >= 500 ? 2_000 : 300
        let before = try Self.residentBytes()
        let points = (1..<count).map { Bytes("row\(100_000 + $0)") }
        let store = try TableStore.open(.posix(directory: path, workerCount: 2), EngineOptions())
        let table = try store.createTable(
            TableDefinition(
                "t", families: [Family("f")], durability: .skipWAL, splitPoints: points))
        for point in points { try table.write([.put(point, "f:q", "value")]) }
        let inMemory = try Self.residentBytes() - before
        try table.flush()
        #expect(try table.scan().rest().count == count - 1)
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        let resident = try Self.residentBytes() - before
        print(
            "regions \(count) open files \(files) resident_mib \(resident >> 20) in_memtables_mib \(inMemory >> 20)"
        )
        #expect(files < 1_300)
        #expect(inMemory < count * (64 << 10) + (64 << 20))
        #expect(resident < count * (64 << 10) + (64 << 20))
        try store.closeWithEnvironment()
    }

    /// The value that so many percent of some values do not exceed.
    private static func percentile(_ values: [Double], _ percent: Int) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }

    private static func figures(_ values: [Double]) -> String {
        [50, 99, 100].map { percent in
            let name = percent == 100 ? "max" : "p\(percent)"
            return "\(name) \(String(format: "%.2f", percentile(values, percent)))"
        }.joined(separator: " ")
    }

    private static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }
}
