import Dispatch
import Foundation
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Siltstone
import Synchronization

/// The mixed load: writers and readers at once, first as fast as they go, then at a part of what can be kept up.
///
/// What the first phase leaves to merges is part of its cost: its operations count over its own time and the time until nothing
/// is left to flush or merge. A rate without that could not be kept up for longer than merges may fall behind.
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
        let peakSeconds = min(120, max(5, pacedSeconds / 4))
        watch.begin("settle")
        _ = try await settle(table, database.store.engine)
        watch.begin("peak")
        let peak = try await Self.all(threads) { thread in
            try thread.run(table.blocking, seconds: peakSeconds, operationsPerSecond: nil)
        }
        watch.begin("settle")
        let settleSeconds = try await settle(table, database.store.engine)
        let rates = peak.map {
            Double($0.phase.total.count) / max($0.phase.seconds + settleSeconds, 0.001)
                * Self.pacedShare
        }
        let probe = try DeviceProbe(directory: directory.path)
        watch.begin("paced")
        probe.start()
        defer { probe.stop() }
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
        result.settleSeconds = settleSeconds
        result.pauses = watch.pauses
        result.deviceReadCount = probe.readCount
        result.deviceWaits = probe.waits
        result.paced.seconds = pacedSeconds
        var whole = BenchResult(workload: .mixed)
        whole.mixed = result
        whole.histogram = result.paced.total
        whole.operationCount = whole.histogram.count
        note(&whole, since: before)
        whole.seconds = pacedSeconds
        return whole
    }

    /// Flushes, and waits until nothing is left to merge.
    ///
    /// - Returns: how long that took, in seconds.
    private func settle(_ table: Table, _ engine: Engine) async throws -> Double {
        try await Self.onThread { Result { try table.blocking.flush() } }.get()
        let start = DispatchTime.now()
        var quietSince: DispatchTime?
        while true {
            let now = DispatchTime.now()
            quietSince = engine.metrics.runningMergeCount > 0 ? nil : quietSince ?? now
            // One merge may follow another.
            if let quietSince, now >= quietSince + .milliseconds(300) {
                return Double(quietSince.uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
            }
            try await Task.sleep(for: .milliseconds(20))
        }
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
    private let seen = Mutex(MixedResult.Pauses())

    /// When this process got no processor though it asked for one.
    var pauses: MixedResult.Pauses { seen.withLock { $0 } }

    init(_ engine: Engine) { self.engine = engine }

    func begin(_ name: String) { phase.withLock { $0 = name } }

    func stop() { isOver.store(true, ordering: .relaxed) }

    func start() {
        Thread.detachNewThread { [self] in watch() }
        Thread.detachNewThread { [self] in listen() }
    }

    /// Sleeps shortly over and over: what wakes this thread late holds up the others, too, and is not the store's doing.
    private func listen() {
        let clock = SystemClock()
        while !isOver.load(ordering: .relaxed) {
            let start = clock.monotonicNanoseconds
            clock.sleep(nanoseconds: 5_000_000)
            let late = Double(clock.monotonicNanoseconds - start) / 1e6 - 5
            guard late > MixedResult.Pauses.millisecondsMin else { continue }
            let name = phase.withLock { $0 }
            seen.withLock { $0.note(late, isPaced: name == "paced") }
        }
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
                + "log \(mib(metrics.logBytes)), cache \(mib(metrics.cacheBytes)), "
                + "indexes \(mib(metrics.indexBytes)); "
                + "flushed \(mib(metrics.flushWrittenBytes)), "
                + "compacted \(mib(metrics.compactionWrittenBytes)); "
                + "debt \(mib(metrics.compactionDebtBytes)), merges \(metrics.runningMergeCount); "
                + "stalls \(metrics.stallCount), slowed \(metrics.slowedCount)\n")
        Output.error.flush()
    }
}
