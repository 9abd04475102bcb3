import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Synchronization
import Testing

@Suite("Writers while a table changes", .serialized)
struct SchemaPauseTests {
    @Test(
        "nobody waits for the disk while a change of families or settings, a split or a merge does",
        .timeLimit(.minutes(2)))
    func disk() throws {
        let disk = MemoryDisk()
        let objects = WatchedObjects(disk.objects)
        let base = Environment.memory(disk: disk, clock: ManualClock(nowMilliseconds: 1_000_000))
        var options = EngineOptions()
        options.logSegmentBytes = 1 << 20
        options.runsMaintenance = false
        let store = try TableStore.open(
            Environment(
                objects: objects, log: base.log, coordinator: base.coordinator, clock: base.clock,
                random: base.random, workers: base.workers), options)
        let table = try store.createTable(
            TableDefinition("t", families: [Family("f")], splitPoints: ["m"]))
        let keys = Mutex<[String]>([])
        let late = Mutex<[String]>([])
        objects.watch { key in
            let number = keys.withLock { keys in
                keys.append(key)
                return keys.count
            }
            let isWritten = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                let rows = ["a", "z"].map { Bytes("\($0)\(1_000 + number)") }
                if (try? table.write(rows.map { .put($0, "f:q", "v") })) != nil {
                    isWritten.signal()
                }
            }
            if isWritten.wait(timeout: .now() + 20) == .timedOut {
                late.withLock { $0.append(key) }
            }
        }
        let alter = { (families: [Family]) in
            let before = keys.withLock { $0.count }
            _ = try store.alterTable("t", to: TableDefinition("t", families: families))
            return keys.withLock { $0.count } - before
        }
        // Settings are in the schema alone, families in the manifests of both regions, too.
        #expect(try alter([Family("f", maxVersions: 3)]) == 1)
        #expect(try alter([Family("f", maxVersions: 3), Family("g")]) == 3)
        try table.write([.put("b", "g:q", "v"), .put("y", "g:q", "v")])
        #expect(try alter([Family("f")]) == 3)
        #expect(try store.split("t", at: "p"))
        let regions = table.regions()
        try store.merge("t", regions[1].id, regions[2].id)
        #expect(late.withLock { $0 } == [])
        objects.watch { _ in }

        let count = keys.withLock { $0.count }
        let rows = ["a", "z"].flatMap { row in (1...count).map { "\(row)\(1_000 + $0)" } }
        #expect(try table.scan().rest().map { "\($0.key)" } == rows)
        let left = disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
        let again = try TableStore.open(
            .memory(disk: left, clock: ManualClock(nowMilliseconds: 2_000_000), seed: 2), options)
        #expect(try again.table("t").scan().rest().map { "\($0.key)" } == rows)
        try again.close()
    }

    @Test("writers lose nothing while families of many regions come, change and go")
    func load() throws {
        let path = NSTemporaryDirectory() + "silt-schema-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var options = EngineOptions()
        options.flushBytes = 1 << 20
        let store = try TableStore.open(.posix(directory: path, workerCount: 2), options)
        let table = try store.createTable(
            TableDefinition(
                "t", families: [Family("f")], durability: .syncWAL,
                splitPoints: (11..<42).map { Bytes("\($0)") }))
        let steps =
            ProcessInfo.processInfo.environment["SILT_STEPS"].flatMap { Int($0) } ?? 4
        let isDone = Atomic(false)
        let longest = Mutex(Duration.zero)
        let pauses = Mutex<[Duration]>([])
        let written = Mutex([0, 0])
        let faults = Mutex<[String]>([])
        runThreads(3) { thread in
            do {
                if thread == 2 {
                    defer { isDone.store(true, ordering: .relaxed) }
                    for step in 1...steps {
                        let settings = Family("f", maxVersions: step + 1)
                        for families in [[settings], [settings, Family("g")], [settings]] {
                            longest.withLock { $0 = .zero }
                            _ = try store.alterTable(
                                "t", to: TableDefinition("t", families: families))
                            let pause = longest.withLock { $0 }
                            pauses.withLock { $0.append(pause) }
                            if families.count == 2 {
                                try table.write(
                                    (0..<32).map { .put(Self.row(0, $0), "g:q", Bytes("\(step)")) })
                            }
                        }
                    }
                    return
                }
                let clock = ContinuousClock()
                var number = 0
                while !isDone.load(ordering: .relaxed) {
                    let start = clock.now
                    try table.write([.put(Self.row(thread, number), "f:q", Bytes("\(number)"))])
                    let time = clock.now - start
                    longest.withLock { $0 = max($0, time) }
                    number += 1
                }
                written.withLock { [number] in $0[thread] = number }
            } catch {
                faults.withLock { $0.append("\(error)") }
                isDone.store(true, ordering: .relaxed)
            }
        }
        #expect(faults.withLock { $0 } == [])
        let times = pauses.withLock { $0.map { $0 / .milliseconds(1) } }
        print("longest write during each change of the schema, ms \(times)")
        try Self.verify(store, path, options, written.withLock { $0 })
    }

    /// The rows of a writer lie in all regions by turns.
    private static func row(_ writer: Int, _ number: Int) -> Bytes {
        Bytes("\(10 + number % 32) \(writer) \(1_000_000 + number)")
    }

    /// Whether all that was written is there, and nothing else, and the same once it was opened again; closes the store.
    private static func verify(
        _ store: TableStore, _ path: String, _ options: EngineOptions, _ counts: [Int]
    ) throws {
        let expected = counts.indices.flatMap { writer in
            (0..<counts[writer]).map { "\(row(writer, $0))=\($0)" }
        }.sorted()
        for place in 0..<2 {
            let opened =
                place == 0
                ? store : try TableStore.open(.posix(directory: path, workerCount: 2), options)
            let rows = try opened.table("t").scan().rest()
            // Of families that were removed nothing is left.
            #expect(rows.allSatisfy { $0.cells.map(\.column) == ["f:q"] })
            #expect(rows.map { "\($0.key)=\($0.cells.first?.value ?? "")" } == expected)
            try opened.closeWithEnvironment()
        }
    }
}
