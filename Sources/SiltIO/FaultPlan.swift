/// What goes wrong on a memory disk, counted from the moment the plan is installed.
package struct FaultPlan: Sendable {
    /// What has become of the call during which the world stopped; its caller never learns.
    package enum StopEffect: Sendable, CaseIterable {
        /// It was done wholly.
        case applied
        /// It was not done.
        case notApplied
        /// A part of it was done: some sectors of a log record, some of several deletions. What
        /// cannot be done in part is not done.
        case torn
    }

    /// A call that fails, once.
    package struct Failure: Hashable, Sendable {
        /// The kind of call.
        package let operation: DiskOperation
        /// Which one of its kind, counted from 1.
        package let number: Int

        /// The failure of the `number`-th call of a kind.
        ///
        /// A failing log append, sync or close loses what was not durable before: reads still show
        /// it, as a page cache does, and later syncs succeed, but it never reaches the device.
        package init(_ operation: DiskOperation, number: Int) {
            self.operation = operation
            self.number = number
        }
    }

    /// The mutating call, counted from 1, at which the world stops; every later call fails.
    package var stopAtMutatingCall: Int?
    /// What becomes of that call.
    package var stopEffect: StopEffect
    /// Single failures; the calls do nothing else and throw `unavailable`.
    package var failures: Set<Failure>
    /// Which finished objects, counted from 1, are stored with one bit changed, though the call succeeds.
    package var damagedFinishes: Set<Int> = []
    /// How many bytes the disk holds; `nil` for no limit.
    package var capacityBytes: Int?
    /// Decides what is left of torn calls.
    package var seed: UInt64

    /// Nothing goes wrong.
    package static let none = FaultPlan()

    /// A plan.
    package init(
        stopAtMutatingCall: Int? = nil, stopEffect: StopEffect = .notApplied,
        failures: Set<Failure> = [], capacityBytes: Int? = nil, seed: UInt64 = 1
    ) {
        self.stopAtMutatingCall = stopAtMutatingCall
        self.stopEffect = stopEffect
        self.failures = failures
        self.capacityBytes = capacityBytes
        self.seed = seed
    }
}
