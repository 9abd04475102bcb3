import Foundation
import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Siltstone
import Testing

/// A million puts and gets through the library; only when `SILT_MEASURE` is set, and then in release mode.
@Suite("Measurements", .enabled(if: ProcessInfo.processInfo.environment["SILT_MEASURE"] != nil))
struct MeasurementTests {
    private static let count = TestSettings.steps(1_000_000)
    private static let batchCount = 100

    @Test("a million puts in batches of 100, then a million random gets, within the memory budget")
    func million() async throws {
        let clock = ContinuousClock()
        for durability in [Durability.syncWAL, .fsyncWAL] {
            let path = FileManager.default.temporaryDirectory
                .appendingPathComponent("siltstone-measure-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try await withDatabase(at: path) { database in
                let table = try await database.createTable("t", families: [Family("f")])
                let random = SeededRandom(seed: TestSettings.seed)
                let value = Bytes((0..<100).map { _ in UInt8(truncatingIfNeeded: random.next()) })
                let puts = try await clock.measure {
                    for start in stride(from: 0, to: Self.count, by: Self.batchCount) {
                        let mutations = (start..<start + Self.batchCount).map {
                            RowMutation.put(Self.key($0), ["f:q": value])
                        }
                        try await table.write(mutations, durability: durability)
                    }
                }
                report("\(durability.name) puts", puts)
                let found = try Self.gets(table.stored, random, report)
                #expect(found == Self.count)
                let tenth = Self.count / 10
                let asynchronous = try await clock.measure {
                    for _ in 0..<tenth {
                        _ = try await table.get(Self.key(random.next(below: Self.count)))
                    }
                }
                report("async gets, a tenth", asynchronous)
                var rows = 0
                let scan = try await clock.measure {
                    for try await _ in table.scan() { rows += 1 }
                }
                report("scan", scan)
                #expect(rows == Self.count)
            }
        }
    }

    private static func gets(
        _ table: StoredTable, _ random: SeededRandom, _ report: (String, Duration) -> Void
    ) throws -> Int {
        var found = 0
        let column = Projection.columns("f:q")
        let duration = try ContinuousClock().measure {
            for _ in 0..<count {
                if try table.get(key(random.next(below: count)), column) != nil { found += 1 }
            }
        }
        report("gets", duration)
        return found
    }

    /// 16 bytes in an order that is not the order of insertion.
    private static func key(_ number: Int) -> Bytes {
        let mixed = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        var writer = ByteWriter(capacity: 16)
        writer.write(mixed.byteSwapped)
        writer.write(UInt64(number).byteSwapped)
        return Bytes(writer.bytes)
    }

    private func report(_ what: String, _ duration: Duration) {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let peak = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
        print("measured \(what): \(duration) count \(Self.count) \(peak)")
    }
}
