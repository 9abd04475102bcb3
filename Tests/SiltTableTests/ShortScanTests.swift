import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Short scans")
struct ShortScanTests {
    private static let rowCount = 200

    /// What a row's only writer began to write, and what it knows to be written.
    private final class Progress: Sendable {
        let begun = Atomic(0)
        let done = Atomic(0)
    }

    private final class Model: Sendable {
        let rows = (0..<ShortScanTests.rowCount).map { _ in Progress() }
        let scanCount = Atomic(0)
        let isOver = Atomic(false)
        let failures = Mutex<[String]>([])

        func fail(_ text: String) {
            failures.withLock { $0.append(text) }
            isOver.store(true, ordering: .relaxed)
        }
    }

    private static func row(_ number: Int) -> Bytes { Bytes("row\(1_000 + number)") }

    /// Values have a length of their own, so that they are in one piece or not at all.
    private static func value(_ number: Int) -> Bytes {
        Bytes("\(10_000_000 + number)" + String(repeating: "v", count: number % 50))
    }

    private static func write(
        _ table: StoredTable, _ model: Model, _ random: SeededRandom, half: Int
    )
        throws
    {
        let number = random.next(below: rowCount / 2) * 2 + half
        let progress = model.rows[number]
        let next = progress.begun.load(ordering: .relaxed) + 1
        progress.begun.store(next, ordering: .releasing)
        try table.write([.put(row(number), "f:q", value(next))])
        progress.done.store(next, ordering: .releasing)
    }

    /// Twenty rows from one on: all are there, in order, none older than what was done before nor newer than what was begun.
    private static func scan(_ table: StoredTable, _ model: Model, from first: Int) throws {
        let done = model.rows.map { $0.done.load(ordering: .acquiring) }
        var number = first
        try table.forEachCell(RowRange(start: row(first)), .columns("f:q")) { key, _, _, bytes in
            // Safety: the value is copied within the call.
            let found = unsafe bytes.withUnsafeBytes { Bytes(unsafe [UInt8]($0)) }
            let begun = model.rows[number].begun.load(ordering: .acquiring)
            let seen = Int("\(found)".prefix(8)).map { $0 - 10_000_000 } ?? -1
            if key != row(number) || seen < done[number] || seen > begun || found != value(seen) {
                model.fail(
                    "row=\(key) wanted=\(row(number)) seen=\(seen) done=\(done[number]) begun=\(begun)"
                )
            }
            number += 1
            return number < first + 20
        }
        if number < min(first + 20, rowCount) {
            model.fail("scan from \(first) ends before \(number)")
        }
        model.scanCount.add(1, ordering: .releasing)
    }

    @Test(
        "Scans show what was written before them and nothing torn, while versions and their orders come and go"
    )
    func race() throws {
        let roundCount =
            ProcessInfo.processInfo.environment["SILT_STEPS"].flatMap { Int($0) } ?? 8
        let workers = ThreadWorkers(count: 2)
        defer { workers.shutDown() }
        var options = EngineOptions()
        options.runsMaintenance = false
        let environment = Environment.memory(
            disk: MemoryDisk(), clock: ManualClock(autoAdvanceMilliseconds: 1), seed: 5,
            workers: workers)
        let store = try TableStore.open(environment, options)
        let table = try store.createTable(TableDefinition("t", families: [Family("f")]))
        try table.write((0..<Self.rowCount).map { .put(Self.row($0), "f:q", Self.value(0)) })
        try table.flush()
        let model = Model()
        runThreads(5) { thread in
            let random = SeededRandom(seed: UInt64(thread))
            do {
                if thread == 4 {
                    // Scans enough for a view, of two runs and more, between changes of these.
                    for round in 1...roundCount {
                        let goal = model.scanCount.load(ordering: .relaxed) + 450
                        while model.scanCount.load(ordering: .acquiring) < goal,
                            !model.isOver.load(ordering: .relaxed)
                        { usleep(200) }
                        if round % 6 == 0 { try table.compact() } else { try table.flush() }
                    }
                    model.isOver.store(true, ordering: .relaxed)
                    return
                }
                while !model.isOver.load(ordering: .relaxed) {
                    if thread < 2 {
                        try Self.write(table, model, random, half: thread)
                    } else {
                        try Self.scan(table, model, from: random.next(below: Self.rowCount - 10))
                    }
                }
            } catch {
                model.fail("\(error)")
            }
        }
        #expect(model.failures.withLock { Array($0.prefix(3)) } == [])
        try Self.scan(table, model, from: 0)
        #expect(model.failures.withLock { $0.isEmpty })
        workers.drain()
        try store.close()
    }
}
