package import SiltBytes

/// All time that the engine sees.
package protocol Clock: Sendable {
    /// Milliseconds since 1970.
    var nowMilliseconds: Int64 { get }

    /// Nanoseconds since some fixed moment; never goes back.
    var monotonicNanoseconds: UInt64 { get }

    /// Holds the calling thread up for about so long; for threads of our own only.
    func sleep(nanoseconds: UInt64)
}

/// All randomness that the engine sees; safe to call from any thread.
package protocol RandomSource: Sendable {
    /// The next 64 random bits.
    func next() -> UInt64
}

/// How urgent a background job is.
package enum WorkPriority: Int, Sendable, Comparable, CaseIterable {
    /// What the next commit may need: log segments, memory. Short, but for the device.
    case urgent = 0
    /// Flushes: writers may be waiting.
    case high = 1
    /// Compactions, sweeping.
    case low = 2

    /// More urgent is smaller.
    package static func < (left: WorkPriority, right: WorkPriority) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The engine's own threads (never Swift's shared pool), or a queue that a simulation runs by hand.
package protocol Workers: Sendable {
    /// Runs `job` later, urgent ones first, in order within a priority.
    func submit(_ priority: WorkPriority, _ job: @escaping @Sendable () -> Void)

    /// Waits until every job submitted so far, and those that they submit, have ended.
    func drain()

    /// Refuses further jobs and waits for the running ones; jobs not begun are dropped.
    func shutDown()
}

/// Everything outside the program: storage, ownership, time, randomness, threads.
///
/// Injected, so that all of it can be simulated.
package struct Environment: Sendable {
    /// Immutable objects.
    package let objects: any ObjectStore
    /// Logs.
    package let log: any LogDevice
    /// Ownership.
    package let coordinator: any Coordinator
    /// Time.
    package let clock: any Clock
    /// Randomness.
    package let random: any RandomSource
    /// Background threads.
    package let workers: any Workers

    /// An environment of the given parts.
    package init(
        objects: any ObjectStore, log: any LogDevice, coordinator: any Coordinator,
        clock: any Clock,
        random: any RandomSource, workers: any Workers
    ) {
        self.objects = objects
        self.log = log
        self.coordinator = coordinator
        self.clock = clock
        self.random = random
        self.workers = workers
    }

    /// A fresh identifier, later than those made before in time order.
    package func makeIdentifier() -> Identifier {
        Identifier(milliseconds: clock.nowMilliseconds, random: (random.next(), random.next()))
    }
}
