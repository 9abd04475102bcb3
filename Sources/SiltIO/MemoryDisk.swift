import SiltBytes
import SiltModel
import Synchronization

/// A disk in memory that knows what is durable, counts calls, fails as planned and can crash.
///
/// Objects and names are durable when the call that made them returns; log bytes when an append or
/// sync after them returned that was asked to be durable. The other parts of a simulated environment
/// (`MemoryObjectStore`, `MemoryLogDevice`, `MemoryCoordinator`) are views of a disk.
package final class MemoryDisk: Sendable {
    struct State: Sendable {
        var objects: [String: MemoryContent] = [:]
        var logs: [Identifier: [UInt64: MemoryLogFile]] = [:]
        /// Bytes in writers that are neither finished nor given up.
        var unfinishedBytes = 0
        var ledger = CallLedger()
        var owner: UInt64?
        var participantCount: UInt64 = 0
    }

    let state = Mutex(State())

    /// An empty disk.
    package init() {}

    /// Objects on this disk.
    package var objects: MemoryObjectStore { MemoryObjectStore(disk: self) }

    /// Logs on this disk.
    package var log: MemoryLogDevice { MemoryLogDevice(disk: self) }

    /// A new participant for the ownership of this disk.
    package func makeCoordinator() -> MemoryCoordinator {
        let number = state.withLock { state in
            state.participantCount += 1
            return state.participantCount
        }
        return MemoryCoordinator(disk: self, number: number)
    }

    /// Installs a plan and counts its calls from here; `.none` lifts what the one before did, but a
    /// stopped world stays stopped.
    package func install(_ plan: FaultPlan) { state.withLock { $0.ledger.install(plan) } }

    /// Limits the disk to `capacityBytes`, or lifts the limit, without touching the plan's counts.
    package func limit(capacityBytes: Int?) {
        state.withLock { $0.ledger.plan.capacityBytes = capacityBytes }
    }

    /// Stops the world now: every later call throws `unavailable`.
    package func stop() { state.withLock { $0.ledger.isStopped = true } }

    /// Whether the world has stopped.
    package var isStopped: Bool { state.withLock { $0.ledger.isStopped } }

    /// How many calls of a kind were made since the disk began.
    package func callCount(_ operation: DiskOperation) -> Int {
        state.withLock { $0.ledger.counts[operation] ?? 0 }
    }

    /// How many mutating calls were made since the last plan was installed.
    package var mutatingCallCount: Int { state.withLock { $0.ledger.mutatingCount } }

    /// The bytes that the disk holds, unused room of log segments included.
    package var usedBytes: Int { state.withLock { $0.usedBytes } }

    /// The disk as the next process finds it after a crash.
    ///
    /// This disk is stopped; it can be asked again for other outcomes of the same crash.
    package func crashed(keeping policy: CrashPolicy, random: any RandomSource) -> MemoryDisk {
        let next = MemoryDisk()
        let (objects, logs) = state.withLock { state in
            state.ledger.isStopped = true
            return (state.objects, state.logs)
        }
        // In order, so that a seed decides alone what is left.
        var left: [Identifier: [UInt64: MemoryLogFile]] = [:]
        for (incarnation, segments) in logs.sorted(by: { $0.key < $1.key }) {
            for (number, file) in segments.sorted(by: { $0.key < $1.key }) {
                left[incarnation, default: [:]][number] = file.crashed(policy) { random.next() }
            }
        }
        next.state.withLock { state in
            state.objects = objects.mapValues { MemoryContent($0.bytes) }
            state.logs = left
        }
        return next
    }

    /// Runs `body` on the state as one call of the kind.
    func call<Result>(
        _ operation: DiskOperation,
        _ body: (inout State, CallFate) throws(SiltstoneError) -> Result
    ) throws(SiltstoneError) -> Result {
        var failure: SiltstoneError?
        var result: Result?
        state.withLock { state in
            do throws(SiltstoneError) {
                let fate = try state.ledger.begin(operation)
                let value = try body(&state, fate)
                if let error = fate.error(operation) { throw error }
                result = value
            } catch {
                failure = error
            }
        }
        guard let result, failure == nil else {
            throw failure ?? SiltstoneError(.unavailable, "memory disk gave no answer")
        }
        return result
    }
}

extension MemoryDisk.State {
    /// The bytes held, unused room of log segments included.
    var usedBytes: Int {
        let objectBytes = objects.values.reduce(0) { $0 + $1.bytes.count }
        let logBytes = logs.values.reduce(0) { sum, segments in
            segments.values.reduce(sum) { $0 + $1.byteCountOfFile }
        }
        return objectBytes + logBytes + unfinishedBytes
    }

    /// Throws `storageFull` when `count` more bytes do not fit.
    func checkRoom(_ count: Int, file: String) throws(SiltstoneError) {
        guard let capacity = ledger.plan.capacityBytes, usedBytes + count > capacity else { return }
        throw SiltstoneError(
            .storageFull, "disk is full wanted=\(count) capacity=\(capacity)",
            at: .init(file: file))
    }
}
