import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

/// Ten million rows and an index; only when `SILT_MEASURE` is set, and then in release mode.
@Suite(
    "Measurements of indexes",
    .enabled(if: ProcessInfo.processInfo.environment["SILT_MEASURE"] != nil))
struct IndexMeasurementTests {
    private static var count: Int {
        ProcessInfo.processInfo.environment["SILT_STEPS"].flatMap { Int($0) } ?? 10_000_000
    }

    @Test("an equality query finds its rows among all of them in milliseconds")
    func equality() throws {
        let path = NSTemporaryDirectory() + "silt-index-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let clock = ContinuousClock()
        let store = try TableStore.open(.posix(directory: path, workerCount: 2), EngineOptions())
        let table = try store.createTable(
            TableDefinition("t", families: [Family("f")], durability: .asyncWAL))
        // Each value is that of ten rows, far apart.
        let valueCount = Self.count / 10
        let load = try clock.measure {
            for start in stride(from: 0, to: Self.count, by: 1_000) {
                try table.write(
                    (start..<min(Self.count, start + 1_000)).map {
                        .put(Bytes("row\(100_000_000 + $0)"), "f:q", Bytes("v\($0 % valueCount)"))
                    })
            }
        }
        let build = try clock.measure { try store.createIndex("t", ColumnIndex("f:q")) }
        print("rows \(Self.count) load \(load) index build \(build)")
        var random = Xoshiro256(seed: 5)
        for isFlushed in [false, true] {
            if isFlushed { try store.flush() }
            var times: [Double] = []
            for _ in 0..<200 {
                let number = Int(random.next() % UInt64(valueCount))
                let filter = IndexTests.filter("f:q", .equal, .binary(Bytes("v\(number)")))
                let projection = Projection(filter: filter)
                #expect(try table.indexUsed(for: projection) != nil)
                var rows: [Row] = []
                times.append(
                    try clock.measure { rows = try table.scan(.all, projection).rest() }
                        / .milliseconds(1))
                #expect(
                    rows.map(\.key)
                        == (0..<10).map { Bytes("row\(100_000_000 + number + $0 * valueCount)") })
            }
            times.sort()
            print(
                "equality query flushed \(isFlushed) p50_ms \(times[100]) p99_ms \(times[198]) max_ms \(times[199])"
            )
            #expect(times[100] < 10)
        }
        let number = 7
        let filter = IndexTests.filter("f:q", .equal, .binary(Bytes("v\(number)")))
        let full = try clock.measure {
            let rows = try table.scan(.all, Projection(filter: filter), usesIndexes: false).rest()
            #expect(rows.count == 10)
        }
        print("the same by a full scan \(full)")
        try store.closeWithEnvironment()
    }
}
