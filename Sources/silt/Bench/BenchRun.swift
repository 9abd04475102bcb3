import Foundation
import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Siltstone
import Synchronization

/// Runs workloads one after the other on one database.
final class BenchRun {
    let settings: BenchSettings
    let directory: BenchDirectory
    private var database: Database?
    private var stored: KeySet
    private var keyLimit: Int

    init(_ settings: BenchSettings, _ directory: BenchDirectory) {
        self.settings = settings
        self.directory = directory
        stored = KeySet(count: settings.keyCount)
        keyLimit = settings.keyCount
    }

    /// Opens what an earlier run left, if it fits.
    func openExisting() async throws {
        guard let contents = directory.contents() else { return }
        guard contents == self.contents(isComplete: contents.isComplete) else {
            throw CommandFailure(
                .usage, "the data of '\(directory.path)' were written with other settings",
                advice:
                    "they have --num \(contents.keyCount) --key-size \(contents.keyBytes) --value-size \(contents.valueBytes) --keys \(contents.form) --seed \(contents.seed)"
            )
        }
        database = try await open()
        if contents.isComplete { stored = KeySet(count: settings.keyCount, isFull: true) }
    }

    /// Runs a workload.
    func run(_ workload: Workload) async throws -> BenchResult {
        if workload.startsEmpty { try await startEmpty() }
        if workload.needsData, database == nil { try await load() }
        if workload == .deleteseek {
            try await load()
            try await deleteAllButLast()
        }
        let database = try requireDatabase()
        let threads = makeThreads(workload)
        ProcessUsage.resetPeak()
        let before = (usage: ProcessUsage.now(), metrics: database.store.engine.metrics)
        if workload == .mixed { return try await runMixed(database) }
        let done = try await measure(workload, threads, try database.table("bench"))
        if workload == .drain {
            await BenchRun.onThread { database.store.engine.environment.workers.drain() }
        }
        var result = BenchResult(workload: workload)
        for thread in done.measured {
            result.operationCount += thread.operationCount
            result.foundCount += thread.foundCount
            result.histogram.merge(thread.histogram)
            if !workload.needsData || thread.operationCount > 0 { stored.formUnion(thread.written) }
        }
        for thread in done.background {
            result.backgroundCount += thread.operationCount
            stored.formUnion(thread.written)
        }
        note(&result, since: before)
        if workload == .compact { result.operationCount = stored.count }
        return result
    }

    /// What the process and the engine used since a moment.
    func note(
        _ result: inout BenchResult, since before: (usage: ProcessUsage, metrics: EngineMetrics)
    ) {
        guard let database else { return }
        let after = (usage: ProcessUsage.now(), metrics: database.store.engine.metrics)
        result.seconds = Double(after.usage.nanoseconds - before.usage.nanoseconds) / 1e9
        result.cpuSeconds = after.usage.cpuSeconds - before.usage.cpuSeconds
        result.readBytes = after.usage.readBytes - before.usage.readBytes
        result.writtenBytes = written(after.metrics) - written(before.metrics)
        result.stallSeconds =
            Double(after.metrics.stallNanoseconds - before.metrics.stallNanoseconds) / 1e9
        result.peakBytes = ProcessUsage.peakBytes
        result.spaceBytes = directory.spaceBytes()
        // Files that a reader or the sweeper's grace keeps alive are space, but no data.
        let regions = (try? database.store.table("bench").regions()) ?? []
        result.tableBytes = regions.reduce(0) { $0 + $1.fileBytes }
        result.userBytes =
            result.workload.writes
            ? result.operationCount * (settings.keys.keyBytes + settings.keys.valueBytes) : 0
    }

    /// Closes the database and notes what it holds.
    func finish() async throws {
        guard let database else { return }
        try await database.close()
        self.database = nil
        try directory.write(contents(isComplete: stored.count == settings.keyCount))
    }

    private func contents(isComplete: Bool) -> BenchDirectory.Contents {
        BenchDirectory.Contents(
            keyCount: settings.keyCount, keyBytes: settings.keys.keyBytes,
            valueBytes: settings.keys.valueBytes, form: settings.keys.form.rawValue,
            seed: settings.keys.seed, isComplete: isComplete)
    }

    private func written(_ metrics: EngineMetrics) -> Int {
        metrics.logWrittenBytes + metrics.flushWrittenBytes + metrics.compactionWrittenBytes
    }

    private func requireDatabase() throws -> Database {
        guard let database else { throw CommandFailure(.failed, "no database is open") }
        return database
    }

    private func open() async throws -> Database {
        if !settings.runsMaintenance {
            var options = EngineOptions()
            options.memtableBytesMax = settings.memtableBytes
            options.flushBytes = settings.memtableBytes
            options.cacheBytes = settings.cacheBytes
            options.runsMaintenance = false
            let environment = try Environment.posix(
                directory: directory.databasePath, workerCount: 2)
            return Database(
                store: try TableStore.open(environment, options),
                bridge: BlockingBridge(threadCount: 4))
        }
        var configuration = Configuration()
        configuration.cacheBytes = settings.cacheBytes
        configuration.memtableBytesMax = settings.memtableBytes
        configuration.memoryBudgetBytes = settings.memoryBudgetBytes
        return try await Database.open(at: directory.databasePath, configuration)
    }

    private func startEmpty() async throws {
        if let database { try await database.close() }
        database = nil
        try directory.empty()
        let fresh = try await open()
        _ = try await fresh.createTable(settings.definition)
        database = fresh
        stored = KeySet(count: settings.keyCount)
        keyLimit = settings.keyCount
    }

    /// Stores every key once, in random order and large batches, outside all measurements.
    private func load() async throws {
        if database == nil { try await startEmpty() }
        var quick = settings
        quick.batch = 100
        quick.durability = .syncWAL
        quick.threadCount = 1
        quick.durationSeconds = nil
        quick.interface = .blocking
        let thread = BenchThread(
            .filluniquerandom, quick, index: 0, operations: 0..<settings.keyCount, stored: stored,
            shared: BenchShared(nextKey: 0), zipfian: nil)
        _ = try await BenchRun.run(thread, try requireDatabase().table("bench"))
        stored = KeySet(count: settings.keyCount, isFull: true)
    }

    private func deleteAllButLast() async throws {
        let table = try requireDatabase().table("bench").blocking
        let keys = settings.keys
        let last = settings.keyCount - 1
        try await BenchRun.onThread { () -> Result<Void, any Error> in
            Result {
                for start in stride(from: 0, to: last, by: 100) {
                    let mutations = (start..<min(start + 100, last)).map { number in
                        RowMutation.delete(
                            keys.key(number), columns: [BenchSettings.column])
                    }
                    try table.write(mutations, durability: .syncWAL)
                }
            }
        }.get()
        stored = KeySet(count: settings.keyCount)
        stored.insert(last)
    }

    private func makeThreads(_ workload: Workload) -> [BenchThread] {
        let count = settings.operationCount(of: workload)
        let isSingle = workload == .compact || workload == .drain
        let threadCount = isSingle ? 1 : settings.threadCount
        var zipfian: Zipfian?
        if workload.rawValue.hasPrefix("ycsb") { zipfian = Zipfian(count: settings.keyCount) }
        let shared = BenchShared(nextKey: keyLimit)
        return (0..<threadCount).map { index in
            let share =
                workload.scansAll
                ? 0..<count : count * index / threadCount..<count * (index + 1) / threadCount
            return BenchThread(
                workload, settings, index: index, operations: share, stored: stored,
                shared: shared, zipfian: zipfian)
        }
    }

    private func measure(_ workload: Workload, _ threads: [BenchThread], _ table: Table)
        async throws -> (measured: [BenchThread], background: [BenchThread])
    {
        let shared = threads[0].shared
        let settings = settings
        let first = threads[0]
        async let background = BenchRun.runBackground(workload, settings, first, table)
        let interface = settings.interface
        var measured: [BenchThread] = []
        do {
            measured = try await withThrowingTaskGroup(of: BenchThread.self) { group in
                for thread in threads {
                    group.addTask {
                        if interface == .blocking || !workload.hasAsync {
                            return try await BenchRun.run(thread, table)
                        }
                        var thread = thread
                        try await thread.run(on: table)
                        return thread
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        } catch {
            shared.isOver.store(true, ordering: .relaxed)
            _ = try? await background
            throw error
        }
        shared.isOver.store(true, ordering: .relaxed)
        keyLimit = shared.nextKey.load(ordering: .relaxed)
        return (measured, try await background)
    }

    private static func runBackground(
        _ workload: Workload, _ settings: BenchSettings, _ like: BenchThread, _ table: Table
    ) async throws -> [BenchThread] {
        guard workload == .readwhilewriting else { return [] }
        let writer = BenchThread(
            .overwrite, settings, index: 1000, operations: 0..<0, stored: like.stored,
            shared: like.shared, zipfian: nil)
        let blocking = table.blocking
        return try await onThread { () -> Result<[BenchThread], any Error> in
            var writer = writer
            return Result {
                try writer.overwriteMeanwhile(blocking)
                return [writer]
            }
        }.get()
    }

    private static func run(_ thread: BenchThread, _ table: Table) async throws -> BenchThread {
        let blocking = table.blocking
        return try await onThread { () -> Result<BenchThread, any Error> in
            var thread = thread
            return Result {
                try thread.run(on: blocking)
                return thread
            }
        }.get()
    }

    /// Runs blocking code on a thread of its own.
    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async
        -> Value
    {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
