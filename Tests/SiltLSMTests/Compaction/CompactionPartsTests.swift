import SiltBytes
import SiltFormat
import SiltIO
import SiltModel
import Testing

@testable import SiltLSM

@Suite("Compactions in parts, and admission")
struct CompactionPartsTests {
    @Test("a large merge is cut between rows and loses nothing")
    func parts() throws {
        var options = EngineFixture.options
        options.tableFileBytes = 4 << 10
        let fixture = try EngineFixture(groupCount: 1, options: options)
        var random = Xoshiro256(seed: 7)
        var expected: [String: String] = [:]
        for round in 0..<5 {
            var buffer = OperationBuffer()
            for _ in 0..<400 {
                let row = "row\(random.next() % 700)"
                let value = "v\(round)-\(random.next())"
                EngineFixture.put(row, value, into: &buffer)
                expected[row] = value
            }
            _ = try fixture.engine.commit(
                [GroupWrite(group: fixture.groups[0], operations: buffer)], durability: .fsyncWAL)
            try fixture.groups[0].flush()
        }
        try fixture.groups[0].compact()
        #expect(fixture.groups[0].metrics.trees[0].fileCounts.last ?? 0 > 2)
        #expect(try fixture.values() == expected)
    }

    @Test("parts are each worked on once, and a failure ends the work")
    func work() {
        let parts = CompactionParts(cuts: [[1], [2]])
        var seen: [[[UInt8]?]] = []
        parts.work { start, end in
            seen.append([start, end])
            return (CompactionParts.Output(begun: [Identifier(high: 1, low: 1)]), nil)
        }
        #expect(seen == [[nil, [1]], [[1], [2]], [[2], nil]])
        #expect(parts.result.outputs.count == 3)
        #expect(!parts.isRunning)
        let failing = CompactionParts(cuts: [[1], [2]])
        var count = 0
        failing.work { _, _ in
            count += 1
            return (CompactionParts.Output(), SiltstoneError(.storageFull, "disk is full"))
        }
        #expect(count == 1)
        #expect(failing.result.failure?.code == .storageFull)
    }

    @Test("a budget is cut so that its parts fit into it")
    func budget() {
        var options = EngineOptions()
        options.memoryBudgetBytes = 256 << 20
        #expect(options.memtableBytesLimit + options.cacheBytes / 8 < 256 << 20)
        #expect(options.cacheBytes < 256 << 20)
        #expect(options.flushBytes * 3 <= options.memtableBytesMax)
        #expect(options.logBytesMax > options.memtableBytesLimit)
    }

    @Test("a commit that finds memory full makes room itself when no worker does")
    func fullMemory() throws {
        var options = EngineFixture.options
        options.memtableBytesMax = 64 << 10
        options.runsMaintenance = true
        let fixture = try EngineFixture(groupCount: 1, options: options)
        // The workers of the fixture run only when told to: nobody flushes but who commits.
        for number in 0..<2_000 {
            try fixture.put("row\(number)", String(repeating: "x", count: 100))
        }
        let metrics = fixture.engine.metrics
        #expect(metrics.stallCount > 0)
        #expect(metrics.slowedCount > 0)
        #expect(metrics.refusedCount == 0)
        #expect(metrics.memtableBytes < 2 * 96 << 10)
        #expect(metrics.longestStallNanoseconds > 0)
        #expect(try fixture.values().count == 2_000)
    }
}
