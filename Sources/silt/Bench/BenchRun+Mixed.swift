import Foundation
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Siltstone
import Synchronization

/// The mixed load: writers and readers at once, first as fast as they go, then at a part of that.
extension BenchRun {
    private static let writerCount = 2
    private static let readerCount = 2
    /// The part of the measured peak at which the paced phase runs.
    private static let pacedShare = 0.7

    /// Runs the load on a fresh database; `--duration` is that of the paced phase.
    func runMixed(_ database: Database) async throws -> BenchResult {
        let settings = settings
        let before = (usage: ProcessUsage.now(), metrics: database.store.engine.metrics)
        let model = MixedModel(keyCount: settings.keyCount)
        let table = try database.table("bench")
        let threads = (0..<(Self.writerCount + Self.readerCount)).map {
            MixedThread(settings, model, index: $0, writerCount: Self.writerCount)
        }
        let watch = MixedWatch(database.store.engine)
        watch.start()
        defer { watch.stop() }
        _ = try await Self.all(Array(threads.prefix(Self.writerCount))) { thread in
            try thread.load(table.blocking)
        }
        let pacedSeconds = settings.durationSeconds ?? 60
        let peakSeconds = min(60, max(5, pacedSeconds / 4))
        watch.begin("peak")
        let peak = try await Self.all(threads) { thread in
            try thread.run(table.blocking, seconds: peakSeconds, operationsPerSecond: nil)
        }
        let rates = peak.map {
            Double($0.phase.total.count) / max($0.phase.seconds, 0.001) * Self.pacedShare
        }
        watch.begin("paced")
        let again = peak.map { thread in
            var thread = thread
            thread.phase = MixedResult.Phase()
            return thread
        }
        let paced = try await Self.all(again) { thread in
            try thread.run(
                table.blocking, seconds: pacedSeconds, operationsPerSecond: rates[thread.index])
        }
        var result = MixedResult()
        result.modelBytes = model.byteCount
        for thread in peak { result.peak.merge(thread.phase) }
        for thread in paced {
            result.paced.merge(thread.phase)
            result.checkedRowCount += thread.checkedRowCount
        }
        result.peak.seconds = peakSeconds
        result.paced.seconds = pacedSeconds
        var whole = BenchResult(workload: .mixed)
        whole.mixed = result
        whole.histogram = result.paced.total
        whole.operationCount = whole.histogram.count
        note(&whole, since: before)
        whole.seconds = pacedSeconds
        return whole
    }

    private static func all(
        _ threads: [MixedThread], _ body: @escaping @Sendable (inout MixedThread) throws -> Void
    ) async throws -> [MixedThread] {
        try await withThrowingTaskGroup(of: MixedThread.self) { group in
            for thread in threads {
                group.addTask {
                    try await onThread { attempt(thread, body) }.get()
                }
            }
            var done: [MixedThread] = []
            for try await thread in group { done.append(thread) }
            return done.sorted { $0.index < $1.index }
        }
    }

    private static func attempt(
        _ thread: MixedThread, _ body: (inout MixedThread) throws -> Void
    ) -> Result<MixedThread, any Error> {
        var thread = thread
        do {
            try body(&thread)
            return .success(thread)
        } catch { return .failure(error) }
    }
}

/// Tells every few seconds, on standard error, what the engine holds.
private final class MixedWatch: Sendable {
    private static let intervalSeconds = 10
    private let engine: Engine
    private let isOver = Atomic(false)
    private let phase = Mutex("load")

    init(_ engine: Engine) { self.engine = engine }

    func begin(_ name: String) { phase.withLock { $0 = name } }

    func stop() { isOver.store(true, ordering: .relaxed) }

    func start() {
        Thread.detachNewThread { [self] in watch() }
    }

    private func watch() {
        var second = 0
        while !isOver.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: 1)
            second += 1
            if second % Self.intervalSeconds == 0 { tell(second) }
        }
    }

    private func tell(_ second: Int) {
        let metrics = engine.metrics
        let name = phase.withLock { $0 }
        let mib = { (bytes: Int) in "\(bytes >> 20)" }
        Output.error.write(
            "\(name) \(second) s: peak \(mib(ProcessUsage.peakBytes)) MiB, "
                + "now \(mib(ProcessUsage.residentBytes)) MiB of which files "
                + "\(mib(ProcessUsage.residentFileBytes)); memtables \(mib(metrics.memtableBytes)), "
                + "log \(mib(metrics.logBytes)); "
                + "flushed \(mib(metrics.flushWrittenBytes)), "
                + "compacted \(mib(metrics.compactionWrittenBytes)); "
                + "stalls \(metrics.stallCount), slowed \(metrics.slowedCount)\n")
        Output.error.flush()
    }
}
