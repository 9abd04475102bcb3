import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel
import Synchronization
import Testing

@Suite("Writers, readers, flush and compaction at the same time")
struct ConcurrencyTests {
    private static let rowsPerWriter = 24
    private static let writerCount = 2

    /// For each row the count that was last begun and last acknowledged.
    private final class Model: Sendable {
        let counts = Mutex(
            [(begun: Int, done: Int)](
                repeating: (0, 0),
                count: ConcurrencyTests.rowsPerWriter * ConcurrencyTests.writerCount))
        let failures = Mutex<[String]>([])
        let isOver = Atomic(false)

        func fail(_ text: String) { failures.withLock { $0.append(text) } }
    }

    private static func write(
        _ group: TreeGroup, _ engine: Engine, _ model: Model, writer: Int, rounds: Int
    ) {
        for round in 1...rounds {
            let row = writer * rowsPerWriter + round % rowsPerWriter
            let count = model.counts.withLock { counts in
                counts[row].begun += 1
                return counts[row].begun
            }
            var buffer = OperationBuffer()
            // Both families in one batch: no snapshot may show one without the other.
            for family in [0, 1] as [UInt8] {
                EngineFixture.put("row\(row)", "\(count)", family: family, into: &buffer)
            }
            let write = GroupWrite(group: group, operations: buffer)
            let durability: Durability = round % 16 == 0 ? .fsyncWAL : .syncWAL
            do { _ = try engine.commit([write], durability: durability) } catch {
                model.fail("commit: \(error)")
            }
            model.counts.withLock { $0[row].done = count }
        }
    }

    private static func read(_ group: TreeGroup, _ model: Model) throws {
        let before = model.counts.withLock { $0 }
        let snapshot = try group.snapshot()
        let after = model.counts.withLock { $0 }
        let families = try (0...1).map { family in
            var newest: [String: Int] = [:]
            for cell in try EngineFixture.cells(snapshot, family: UInt8(family))
            where newest[cell.row] == nil { newest[cell.row] = Int(cell.value) }
            return newest
        }
        if families[0] != families[1] { model.fail("families differ: \(families)") }
        for row in before.indices {
            let seen = families[0]["row\(row)"] ?? 0
            if seen < before[row].done || seen > after[row].begun {
                model.fail(
                    "row=\(row) seen=\(seen) done=\(before[row].done) begun=\(after[row].begun)")
            }
        }
    }

    @Test(
        "Every snapshot shows what was acknowledged before, nothing begun after, and whole batches")
    func model() throws {
        let workers = ThreadWorkers(count: 2)
        defer { workers.shutDown() }
        let environment = Environment.memory(
            disk: MemoryDisk(), clock: ManualClock(autoAdvanceMilliseconds: 1), workers: workers)
        var options = EngineFixture.options
        options.flushBytes = 16 << 10
        options.memtableBytesMax = 64 << 10
        options.runsMaintenance = true
        // Sleeping on this clock takes no time: a wait of seconds would end before a flush does.
        options.admissionWaitMilliseconds = 1_000_000_000
        let engine = try Engine.open(environment, options)
        let group = try engine.createGroup(
            id: Identifier(high: 1, low: 0), table: EngineFixture.table,
            range: RowKeyRange(start: .empty, end: .empty), trees: EngineFixture.families)
        _ = try engine.finishRecovery()
        let model = Model()
        let callers = ThreadWorkers(count: 6)
        defer { callers.shutDown() }
        let writersLeft = Atomic(Self.writerCount)
        for writer in 0..<Self.writerCount {
            callers.submit(.low) {
                Self.write(group, engine, model, writer: writer, rounds: 1_500)
                if writersLeft.subtract(1, ordering: .relaxed).newValue == 0 {
                    model.isOver.store(true, ordering: .relaxed)
                }
            }
        }
        for _ in 0..<2 {
            callers.submit(.low) {
                while !model.isOver.load(ordering: .relaxed) {
                    do { try Self.read(group, model) } catch { model.fail("read: \(error)") }
                }
            }
        }
        callers.submit(.low) {
            var round = 0
            while !model.isOver.load(ordering: .relaxed) {
                round += 1
                do { if round % 8 == 0 { try group.compact() } else { try group.flush() } } catch {
                    model.fail("flush: \(error)")
                }
            }
        }
        callers.drain()
        #expect(model.failures.withLock { Array($0.prefix(3)) } == [])
        try Self.read(group, model)
        #expect(model.failures.withLock { $0.count } == 0)
        #expect(engine.metrics.batchCount == 3_000)
        workers.drain()
        try engine.close()
    }
}
